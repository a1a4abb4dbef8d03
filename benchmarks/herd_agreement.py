"""Whether a simulated herd tells what a real one does: the times to reconnect of both, policy by policy.

The server's capacity is set in both, so that nothing is left to fit. The seeds differ: what agrees is the
distribution, not the draws.

A real server takes its time to close thousands of connections. That belongs to the restart and not to the coming back,
so the simulation is given the restart as its clients saw it: when the first and the last were closed, and when the
server was up. Beside it stands what the knobs alone foretell, which a slow closing makes worse.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from _results import Result, tell

from wslab.core.herds.simulate import simulate_herd
from wslab.core.herds.simulated import SimulatedHerd
from wslab.core.knobs import Knobs
from wslab.core.policies.policy import Policy
from wslab.core.policies.textbook import constant, decorrelated_jitter, equal_jitter, full_jitter, seed_page
from wslab.core.runs import Run
from wslab.experiments import herd_drill

CLIENTS, QUICK_CLIENTS = 2_000, 500
DOWNTIME_S = 2.0
MAX_ADMISSIONS_PER_S = 250.0
"""Well below what the lab server can do, also on a busy machine: beyond that its processor is the capacity."""

TIMEOUT_S = 60.0
PROMISED_PERCENT, PROMISED_DISTANCE = 5, 0.1
POLICIES = [
    full_jitter(initial_delay_s=1, max_delay_s=8),
    equal_jitter(initial_delay_s=1, max_delay_s=8),
    decorrelated_jitter(initial_delay_s=0.5, max_delay_s=8),
    seed_page(),
]
IN_STEP = constant(delay_s=1)
"""Nothing is promised of it: the whole herd knocks at one instant, and the server must read all handshakes before it
can queue them, so that its processor is measured as well, and whatever else keeps that busy."""


def agreement(run: Run, herd: SimulatedHerd) -> tuple[float, float]:
    """Return how much the simulated median differs from the real one, as a share, and the distance of Kolmogorov and
    Smirnov: the largest difference between the two shares of clients that are back, at any time.
    """
    real = np.sort([o.time_to_reconnect_s for o in run.outages if o.time_to_reconnect_s is not None])
    simulated = np.sort(herd.time_to_reconnect_s)
    every = np.concatenate([real, simulated])
    shares = (np.searchsorted(times_s, every, side="right") / times_s.size for times_s in (real, simulated))
    return float(abs(np.median(simulated) / np.median(real) - 1)), float(np.abs(np.subtract(*shares)).max())


def restart_as_seen(run: Run) -> tuple[float, float]:
    """Return for how long the server was down after it had closed the first client, and how long the closing took."""
    closed_at_s = [outage.closed_at_s for outage in run.outages]
    (restart,) = run.restarts
    assert restart.up_at_s is not None
    return restart.up_at_s - min(closed_at_s), max(closed_at_s) - min(closed_at_s)


def simulated(clients: int, policy: Policy, downtime_s: float, drain_s: float) -> SimulatedHerd:
    """Simulate the benchmark's herd, after a restart of this length."""
    return simulate_herd(
        clients,
        policy,
        downtime_s=downtime_s,
        drain_s=drain_s,
        max_admissions_per_s=MAX_ADMISSIONS_PER_S,
        timeout_s=TIMEOUT_S,
        seed=2,
    )


def measure(quick: bool) -> Iterator[Result]:
    knobs = Knobs(downtime_s=DOWNTIME_S, max_admissions_per_s=MAX_ADMISSIONS_PER_S)
    clients = QUICK_CLIENTS if quick else CLIENTS
    for policy in POLICIES[:1] if quick else (*POLICIES, IN_STEP):
        run = herd_drill(knobs, clients=clients, policy=policy, open_timeout_s=TIMEOUT_S, seed=1)
        difference, distance = agreement(run, simulated(clients, policy, *restart_as_seen(run)))
        foretold, foretold_distance = agreement(run, simulated(clients, policy, DOWNTIME_S, 0.0))
        promised = policy is not IN_STEP
        what = f"{clients:,} clients, {policy.name}, real and simulated"
        yield Result(
            claim=f"{what}: difference of the median times to reconnect",
            values=(100 * difference,),
            unit="%",
            at_most=PROMISED_PERCENT if promised and not quick else None,
            note=f"by the knobs alone {foretold:.1%}",
        )
        yield Result(
            claim=f"{what}: Kolmogorov–Smirnov distance",
            values=(distance,),
            unit="",
            at_most=PROMISED_DISTANCE if promised and not quick else None,
            note=f"by the knobs alone {foretold_distance:.3f}",
        )


if __name__ == "__main__":
    tell(measure, __doc__)
