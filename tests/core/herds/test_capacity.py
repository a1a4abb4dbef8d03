"""The laws of the admission queue: no more than the bucket allows, nobody overtaken, nobody idle in vain."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import ArrayLike

from wslab.core.herds import capacity
from wslab.core.herds.capacity import Admission
from wslab.core.herds.scenario import Scenario

rates = st.floats(0.5, 1000)
arrival_times = st.lists(st.floats(0, 50), min_size=1, max_size=200).map(lambda times: np.array(sorted(times)))


def turns(arrivals: ArrayLike, **scenario: Any) -> np.ndarray:
    return Admission(Scenario(**scenario)).turns(np.asarray(arrivals, dtype=float))


def test_turns_without_a_limit_are_the_arrivals() -> None:
    assert turns([0, 0, 1]).tolist() == [0, 0, 1]


def test_turns_of_a_wave_are_a_burst_and_then_one_a_token() -> None:
    assert turns([5] * 6, max_admissions_per_s=10, burst=3) == pytest.approx([5, 5, 5, 5.1, 5.2, 5.3])


def test_turns_of_an_idle_server_find_a_full_bucket_again() -> None:
    assert turns([0, 0, 0, 9, 9, 9], max_admissions_per_s=1, burst=2) == pytest.approx([0, 0, 1, 9, 9, 10])


@given(arrival_times, rates, st.integers(1, 20))
def test_turns_never_exceed_burst_and_rate_in_any_interval(arrivals: np.ndarray, rate: float, burst: int) -> None:
    taken = turns(arrivals, max_admissions_per_s=rate, burst=burst)
    admitted = np.arange(1, len(taken) + 1)
    for first in range(len(taken)):
        assert np.all(admitted[first:] - first <= burst + rate * (taken[first:] - taken[first]) + 1e-6)


@given(arrival_times, rates, st.integers(1, 20))
def test_turns_agree_with_a_bucket_that_counts_its_tokens(arrivals: np.ndarray, rate: float, burst: int) -> None:
    tokens, counted_at, expected = float(burst), 0.0, []
    for arrival in arrivals:
        tokens = min(burst, tokens + rate * (arrival - counted_at))
        counted_at = arrival
        expected.append(arrival + max(0, 1 - tokens) / rate)
        tokens -= 1
    assert turns(arrivals, max_admissions_per_s=rate, burst=burst) == pytest.approx(expected, abs=1e-6)


@given(arrival_times, rates, st.integers(1, 5), st.integers(1, 10))
def test_queue_never_holds_more_than_max_waiting(
    arrivals: np.ndarray, rate: float, burst: int, max_waiting: int
) -> None:
    taken = turns(arrivals, max_admissions_per_s=rate, burst=burst, max_waiting=max_waiting)
    slack = 1e-5 / rate  # a turn as late as this may count either way
    for number, arrival in enumerate(arrivals):
        assert np.count_nonzero(taken[: number + 1] > arrival + slack) <= max_waiting
        if np.isnan(taken[number]):
            waiting = np.count_nonzero(taken[:number] > arrival - slack)
            assert waiting >= max_waiting, "turned away although there was a place"


def test_a_full_queue_turns_away_the_rest_of_a_wave() -> None:
    taken = turns([0] * 5, max_admissions_per_s=1, max_waiting=2)
    assert taken[:3] == pytest.approx([0, 1, 2])
    assert np.isnan(taken[3:]).all()


def test_refusals_cost_those_who_come_later() -> None:
    free, dear = (turns([0] * 5 + [2], max_admissions_per_s=1, max_waiting=2, refusal_cost=cost) for cost in (0, 0.25))
    assert free[-1] == pytest.approx(3)
    assert dear[-1] == pytest.approx(3.5)


@given(arrival_times, rates, st.integers(1, 5))
def test_admitted_and_refused_together_cost_no_more_than_the_bucket_gave(
    arrivals: np.ndarray, rate: float, max_waiting: int
) -> None:
    cost = 0.3
    taken = turns(arrivals, max_admissions_per_s=rate, max_waiting=max_waiting, refusal_cost=cost)
    refused = np.isnan(taken)
    spent = np.cumsum(np.where(refused, cost, 1))
    last_turn = np.fmax.accumulate(np.where(refused, arrivals, taken))
    # Whoever is admitted had every token before it paid for, refusals included.
    admitted = ~refused
    assert np.all(spent[admitted] <= 1 + rate * (last_turn[admitted] - arrivals[0]) + 1e-6)


def test_turns_are_the_same_however_the_arrivals_are_handed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    arrivals = np.sort(np.random.default_rng(1).uniform(0, 5, 1000))
    scenario: dict[str, Any] = {"max_admissions_per_s": 150, "burst": 7, "max_waiting": 40}
    whole = turns(arrivals, **scenario)
    monkeypatch.setattr(capacity, "CHUNK", 64)
    assert np.array_equal(turns(arrivals, **scenario), whole, equal_nan=True)
    queue = Admission(Scenario(**scenario))
    parts = np.concatenate([queue.turns(part) for part in np.array_split(arrivals, 9)])
    assert np.array_equal(parts, whole, equal_nan=True)


def test_turns_of_nobody_are_none() -> None:
    assert turns([], max_admissions_per_s=1).size == 0
