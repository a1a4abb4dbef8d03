"""What the simulation says of a herd is what a real herd does, where the server's capacity is known."""

from __future__ import annotations

import numpy as np
import pytest

from wslab.core.herds.simulate import simulate_herd
from wslab.core.knobs import Knobs
from wslab.core.policies.policy import Policy
from wslab.core.policies.textbook import constant, decorrelated_jitter, equal_jitter, full_jitter
from wslab.experiments import herd_drill

CLIENTS = 200

POLICIES = [
    constant(delay_s=0.3),
    full_jitter(initial_delay_s=0.4, max_delay_s=2),
    equal_jitter(initial_delay_s=0.3, max_delay_s=2),
    decorrelated_jitter(initial_delay_s=0.2, max_delay_s=2),
]


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.name)
def test_simulated_herd_comes_back_as_a_real_one_does(policy: Policy) -> None:
    # Generous: a busy machine is late, and 200 draws differ by themselves. The benchmark is strict.
    knobs = Knobs(downtime_s=0.8, max_admissions_per_s=200)
    run = herd_drill(knobs, clients=CLIENTS, policy=policy, workers=1, seed=1)
    herd = simulate_herd(CLIENTS, policy, downtime_s=0.8, max_admissions_per_s=200, seed=2)
    real = np.sort([outage.time_to_reconnect_s for outage in run.outages])
    simulated = np.sort(herd.time_to_reconnect_s)
    assert np.median(real) == pytest.approx(np.median(simulated), rel=0.25)
    every = np.concatenate([real, simulated])
    shares = [np.searchsorted(times_s, every, side="right") / CLIENTS for times_s in (real, simulated)]
    assert np.abs(shares[0] - shares[1]).max() <= 0.3
