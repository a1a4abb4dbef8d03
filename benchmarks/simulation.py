"""What the simulations cost: large herds in time and memory, and AWS's contention model against an event loop.

Each herd has a process of its own, so that its peak memory is its own. The peer of the contention model is the obvious
program, one message at a time on a heap, with the same rules. The two take turns on every size and strategy of the
original's range, and what counts is the time for one simulated call.
"""

from __future__ import annotations

import heapq
import multiprocessing
import platform
import resource
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from random import Random

from _results import Result, tell

from wslab.core.herds.contention import AWS_POLICIES, contend
from wslab.core.herds.simulate import simulate_herd
from wslab.core.policies.policy import Policy

MILLION = 1_000_000
HERDS = [
    # clients, policy, whether a full queue turns clients away, the seconds and MiB that are promised
    (MILLION, "full_jitter", False, 5, None),
    (MILLION, "decorrelated_jitter", False, 5, None),
    (MILLION, "constant", False, 5, None),
    (MILLION, "full_jitter", True, None, None),
    (10 * MILLION, "full_jitter", False, 60, 2048),
]
DRAIN_S = 100

SIZES = range(10, 200, 10)
TRIALS = 100
PEER_TRIALS = 1
PROMISED_RATIO = 1 / 20


def herd_cost(clients: int, policy: str, turns_away: bool) -> tuple[float, float]:
    """Simulate a herd whose server needs `DRAIN_S` to admit it; return seconds and peak MiB."""
    rate = clients // DRAIN_S
    began = time.perf_counter()
    simulate_herd(
        clients, policy, downtime_s=5, max_admissions_per_s=rate, max_waiting=rate if turns_away else None, seed=1
    )
    took_s = time.perf_counter() - began
    unit_bytes = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss, which POSIX leaves open
    return took_s, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit_bytes / 2**20


def one_by_one(clients: int, policy: Policy, rng: Random) -> int:
    """One trial of the contention model, message by message; return its calls."""
    delays = [policy.delays(rng) for _ in range(clients)]
    version = calls = 0
    events = [(abs(rng.normalvariate(10, 2)), client, "read", 0) for client in range(clients)]
    heapq.heapify(events)
    while events:
        now, client, event, held = heapq.heappop(events)
        now += abs(rng.normalvariate(10, 2))
        if event == "read":
            heapq.heappush(events, (now, client, "got", version))
        elif event == "got":
            heapq.heappush(events, (now, client, "write", held))
        elif event == "write":
            calls += 1
            if held == version:
                version += 1
            else:
                heapq.heappush(events, (now, client, "lost", 0))
        else:
            heapq.heappush(events, (now + next(delays[client]), client, "read", 0))
    return calls


def contention_cost(seed: int, sizes: range) -> tuple[float, float]:
    """Go through the original's range in turns with the peer; return the seconds a call of each."""
    ours_s = theirs_s = 0.0
    our_calls = their_calls = 0
    rng = Random(seed)
    for clients in sizes:
        for policy in AWS_POLICIES.values():
            began = time.perf_counter()
            our_calls += int(contend(clients, policy, trials=TRIALS, seed=seed).calls.sum())
            between = time.perf_counter()
            their_calls += sum(one_by_one(clients, policy, rng) for _ in range(PEER_TRIALS))
            ours_s += between - began
            theirs_s += time.perf_counter() - between
    return ours_s / our_calls, theirs_s / their_calls


def measure(quick: bool) -> Iterator[Result]:
    yield from herds(quick)
    costs = [contention_cost(seed, SIZES[::6] if quick else SIZES) for seed in range(1 if quick else 5)]
    yield Result(
        claim="a call of the contention model, simulated",
        values=tuple(ours_s / theirs_s for ours_s, theirs_s in costs),
        peer=f"an event loop on a heap, Python {platform.python_version()}",
        at_most=PROMISED_RATIO,
    )


def herds(quick: bool) -> Iterator[Result]:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        for clients, policy, turns_away, most_s, most_mib in HERDS[: 1 if quick else None]:
            rounds = [pool.submit(herd_cost, clients, policy, turns_away).result() for _ in range(1 if quick else 3)]
            what = f"simulating {clients:,} clients, {policy}{', a full queue turns away' if turns_away else ''}"
            seconds, mib = zip(*rounds, strict=True)
            yield Result(claim=what, values=seconds, unit="s", at_most=most_s)
            if most_mib is not None:
                yield Result(claim=f"{what}: memory", values=mib, unit="MiB", at_most=most_mib)


if __name__ == "__main__":
    tell(measure, __doc__)
