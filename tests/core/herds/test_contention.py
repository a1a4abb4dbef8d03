"""The contention model against its published results, and against its rules written down as a plain event loop."""

from __future__ import annotations

import heapq
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wslab.core.errors import PolicyError
from wslab.core.herds.contention import AWS_POLICIES, band, contend
from wslab.core.policies.policy import Policy

# (clients, policy) → time, calls: means of 100 trials, as the original script gave them, run as it is.
PUBLISHED = {
    (10, "none"): (381, 50),
    (10, "exponential"): (3_419, 50),
    (10, "equal_jitter"): (724, 42),
    (10, "full_jitter"): (449, 38),
    (10, "decorrelated_jitter"): (442, 38),
    (50, "none"): (1_138, 691),
    (50, "exponential"): (35_993, 624),
    (50, "equal_jitter"): (4_174, 347),
    (50, "full_jitter"): (2_928, 331),
    (50, "decorrelated_jitter"): (2_150, 373),
    (100, "none"): (2_017, 2_418),
    (100, "exponential"): (64_106, 1_859),
    (100, "equal_jitter"): (6_549, 812),
    (100, "full_jitter"): (4_971, 795),
    (100, "decorrelated_jitter"): (4_488, 998),
}


@pytest.mark.parametrize(("clients", "name"), PUBLISHED)
def test_means_fall_within_five_percent_of_the_published_ones(clients: int, name: str) -> None:
    time, calls = PUBLISHED[clients, name]
    contention = contend(clients, AWS_POLICIES[name], trials=400, seed=1)
    assert contention.time.mean() == pytest.approx(time, rel=0.05)
    assert contention.calls.mean() == pytest.approx(calls, rel=0.05)


def event_by_event(clients: int, policy: Policy, rng: Random) -> tuple[float, int]:
    """One trial of the published rules, message by message."""

    def message() -> float:
        return abs(rng.normalvariate(10, 2))

    delays = [policy.delays(rng) for _ in range(clients)]
    version, calls, now = 0, 0, 0.0
    events = [(message(), client, "read", 0) for client in range(clients)]
    heapq.heapify(events)
    while events:
        now, client, event, held = heapq.heappop(events)
        if event == "read":
            heapq.heappush(events, (now + message() + message(), client, "write", version))
        elif event == "write":
            calls += 1
            won = held == version
            version += won
            heapq.heappush(events, (now + message(), client, "won" if won else "lost", 0))
        elif event == "lost":
            heapq.heappush(events, (now + message() + next(delays[client]), client, "read", 0))
    return now, calls


@pytest.mark.parametrize("name", AWS_POLICIES)
def test_trials_are_distributed_as_those_of_a_plain_event_loop(name: str) -> None:
    rng = Random(1)
    plain = np.array([event_by_event(12, AWS_POLICIES[name], rng) for _ in range(600)]).T
    contention = contend(12, AWS_POLICIES[name], trials=600, seed=1)
    for ours, theirs in zip((contention.time, contention.calls), plain, strict=True):
        error = np.hypot(ours.std(), theirs.std()) / np.sqrt(600)
        assert abs(ours.mean() - theirs.mean()) < 4 * error
        assert ours.std() == pytest.approx(theirs.std(), rel=0.2)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 30), st.sampled_from(sorted(AWS_POLICIES)), st.integers(0, 2**32))
def test_every_client_writes_once_and_no_round_is_free(clients: int, name: str, seed: int) -> None:
    contention = contend(clients, AWS_POLICIES[name], trials=5, seed=seed)
    again = contend(clients, AWS_POLICIES[name], trials=5, seed=seed)
    assert np.all(contention.calls >= clients)
    assert np.all(contention.calls <= clients * (clients + 1) / 2), "each success costs every other at most one write"
    assert np.array_equal(contention.time, again.time)
    assert np.array_equal(contention.calls, again.calls)


def test_a_client_alone_writes_at_its_first_call() -> None:
    contention = contend(1, "none", trials=2000)
    assert set(contention.calls) == {1}
    assert contention.time.mean() == pytest.approx(40, abs=0.5)


def test_band_holds_the_true_mean_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    bands = [band(rng.normal(5, 3, 50), confidence=0.9) for _ in range(500)]
    assert 0.85 < np.mean([low <= 5 <= high for low, _, high in bands]) < 0.94
    assert all(low < mean < high for low, mean, high in bands)


def test_contention_refuses_a_policy_that_gives_up() -> None:
    with pytest.raises(PolicyError, match="policy 'signalr' gave up, but every client must write once"):
        contend(50, "signalr")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clients": 0}, "clients is 0, but must be between 1 and 2,000 clients"),
        ({"trials": 1}, "trials is 1, but must be between 2 and 100,000 trials"),
        ({"latency_mean": 0}, "latency_mean is 0, but must be at least 0.001"),
    ],
)
def test_contention_refuses_bad_arguments(arguments: dict[str, Any], message: str) -> None:
    valid: dict[str, Any] = {"clients": 10, "policy": "none"}
    with pytest.raises(ValueError, match=message):
        contend(**(valid | arguments))
