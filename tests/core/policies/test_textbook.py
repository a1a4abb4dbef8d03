"""The laws of the policies: bounds, caps, repeatability, and which codes are worth an attempt."""

from __future__ import annotations

import inspect
import math
import pickle
from collections.abc import Iterator
from itertools import islice, pairwise
from random import Random
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wslab.core.policies import textbook
from wslab.core.policies.textbook import POLICIES, Policy, named

seeds = st.integers(0, 2**32)
policies = st.sampled_from(sorted(POLICIES))
seconds = st.floats(0.001, 1000)
growth = st.fixed_dictionaries(
    {"initial_delay_s": st.floats(0.001, 10), "factor": st.floats(1, 5), "max_delay_s": st.floats(10, 1000)}
)


def first_delays(policy: Policy, seed: int, count: int = 30) -> list[float]:
    return list(islice(textbook.checked(policy.delays(Random(seed)), policy.name), count))


@given(policies, seeds)
def test_every_policy_is_repeated_by_its_seed(name: str, seed: int) -> None:
    assert first_delays(named(name), seed) == first_delays(named(name), seed)


@given(policies, seeds)
def test_every_policy_stays_the_same_when_a_worker_process_unpickles_it(name: str, seed: int) -> None:
    policy = named(name, max_attempts=7)
    copy = pickle.loads(pickle.dumps(policy))
    assert first_delays(copy, seed) == first_delays(policy, seed)
    assert copy.retries(1012) == policy.retries(1012)


@given(policies, seeds)
def test_every_policy_yields_only_delays_for_a_thousand_attempts(name: str, seed: int) -> None:
    delays = first_delays(named(name), seed, count=1000)
    assert delays
    assert all(math.isfinite(delay) and delay <= 90 for delay in delays)


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_every_policy_says_what_it_is_and_where_from(name: str) -> None:
    policy = named(name)
    assert policy.name == name
    assert policy.formula
    assert policy.source is not None
    assert policy.source.url.startswith("https://")
    assert POLICIES[name].__doc__


@given(growth, st.integers(1, 30))
def test_exponential_grows_by_factor_up_to_the_cap(knobs: dict[str, float], count: int) -> None:
    delays = first_delays(textbook.exponential(**knobs), 0, count)
    expected = [min(knobs["max_delay_s"], knobs["initial_delay_s"] * knobs["factor"] ** n) for n in range(count)]
    assert delays == pytest.approx(expected)
    assert all(shorter <= longer for shorter, longer in pairwise(delays))


@given(growth, seeds)
def test_jitter_stays_between_its_share_of_the_exponential_delay_and_the_whole(
    knobs: dict[str, float], seed: int
) -> None:
    ceilings = first_delays(textbook.exponential(**knobs), 0)
    for make, share in ((textbook.full_jitter, 0), (textbook.equal_jitter, 0.5)):
        for delay, ceiling in zip(first_delays(make(**knobs), seed), ceilings, strict=True):
            assert share * ceiling <= delay <= ceiling


@given(st.floats(0.001, 10), st.floats(10, 1000), seeds)
def test_decorrelated_jitter_is_bounded_by_three_times_the_delay_before(
    initial: float, longest: float, seed: int
) -> None:
    policy = textbook.decorrelated_jitter(initial_delay_s=initial, max_delay_s=longest)
    previous = initial
    for delay in first_delays(policy, seed):
        assert initial <= delay <= min(longest, 3 * previous) * (1 + 1e-12)
        previous = delay


@given(st.floats(0.001, 10), st.floats(10, 1000), seeds)
def test_uniform_policies_stay_between_their_bounds(shortest: float, longest: float, seed: int) -> None:
    for make in (textbook.registry, textbook.seed_page):
        policy = make(min_delay_s=shortest, max_delay_s=longest)
        assert all(shortest <= delay <= longest for delay in first_delays(policy, seed))


def test_seed_page_without_jitter_keeps_the_mean_and_loses_the_spread() -> None:
    assert set(first_delays(textbook.seed_page(jitter=False), 0)) == {3.0}


def test_rfc6455_draws_the_first_delay_from_five_seconds_and_doubles_that_up_to_the_cap() -> None:
    delays = np.array([first_delays(textbook.rfc6455(), seed, 6) for seed in range(500)])
    assert delays.max(axis=0) == pytest.approx([5, 10, 20, 40, 60, 60], rel=0.03)
    assert delays.min(axis=0) == pytest.approx([0] * 6, abs=0.5)


@pytest.mark.parametrize(
    ("name", "shortest", "longest"),
    [
        ("websockets", [0, 0, 3.1, 5.0158, 8.1156, 13.131], [0, 5, 3.1, 5.0158, 8.1156, 13.131]),
        ("reconnecting_websocket", [1, 1.3, 1.69, 2.197], [5, 6.5, 8.45, 10]),
        ("partysocket", [3, 3.9, 5.07, 6.591, 8.5683, 10], [3, 3.9, 5.07, 6.591, 8.5683, 10]),
        ("socket_io", [0.55, 1.1, 2.2, 4.4, 5, 5], [1.5, 3, 5, 5, 5, 5]),
        ("centrifuge_js", [0.5] * 8, [1, 1.5, 2.5, 4.5, 8.5, 16.5, 20, 20]),
        ("phoenix_js", [0.01, 0.05, 0.1, 0.15, 0.2, 0.25, 0.5, 1, 2, 5, 5], None),
        ("graphql_ws", [1.3, 2.3, 4.3, 8.3, 16.3], [4, 5, 7, 11, 19]),
        ("signalr", [0, 2, 10, 30], None),
    ],
)
def test_client_delays_span_what_its_source_says(name: str, shortest: list[float], longest: list[float] | None) -> None:
    drawn = np.array([first_delays(named(name), seed, len(shortest)) for seed in range(1000)])
    span = np.subtract(longest or shortest, shortest)
    assert np.all(drawn >= np.subtract(shortest, 1e-3))
    assert np.all(drawn <= np.add(longest or shortest, 1e-3))
    assert np.all(np.ptp(drawn, axis=0) >= 0.95 * span - 1e-9), "the whole span is used"


@pytest.mark.parametrize(("name", "attempts"), [("graphql_ws", 5), ("signalr", 4)])
def test_client_gives_up_after_its_last_attempt(name: str, attempts: int) -> None:
    assert len(first_delays(named(name), 0)) == attempts


@pytest.mark.parametrize(
    ("name", "retried", "final"),
    [
        ("none", [1000, 1009, 1012], []),
        ("full_jitter", [1001, 1005, 1006, 1011, 1012, 1013, 4000], [1000, 1008, 1009]),
        ("registry", [1001, 1006, 1012], [1009, 1013]),
        ("websockets", [1000, 1009, 1012], []),
        ("reconnecting_websocket", [1000, 1009, 1012], []),
        ("partysocket", [1000, 1009, 1012], []),
        ("socket_io", [1000, 1009, 1012], []),
        ("centrifuge_js", [1000, 1012, 3000, 3499, 4000, 4499], [1009, 3500, 3999, 4500, 4999]),
        ("phoenix_js", [1001, 1009, 1012], [1000]),
        ("graphql_ws", [1000, 1001, 1005, 1006, 1012, 1013, 1014, 4000], [1002, 1009, 1011, 4400, 4500]),
        ("signalr", [1000, 1009, 1012], []),
    ],
)
def test_policy_retries_the_codes_that_its_source_says(name: str, retried: list[int], final: list[int]) -> None:
    policy = named(name)
    assert [code for code in retried if not policy.retries(code)] == []
    assert [code for code in final if policy.retries(code)] == []


class Columns:
    """The draws of 2,000 clients at once."""

    def __init__(self, seed: int) -> None:
        self.generator = np.random.default_rng(seed)

    def random(self) -> np.ndarray:
        return self.generator.random(2000)

    def uniform(self, low: float, high: float) -> np.ndarray:
        return low + (high - low) * self.random()


@pytest.mark.parametrize("name", sorted(POLICIES))
def test_one_definition_serves_one_client_and_a_broadcast_herd(name: str) -> None:
    alone = np.array([first_delays(named(name), seed, 4) for seed in range(2000)])
    columns = named(name).delays(cast("Random", Columns(1)))
    together = np.array([np.broadcast_to(column, 2000) for column in islice(columns, 4)]).T
    for one, many in zip(alone.T, together.T, strict=True):
        assert distance(one, many) < 0.06


def distance(one: np.ndarray, other: np.ndarray) -> float:
    """The Kolmogorov–Smirnov distance of two samples."""
    points = np.concatenate([one, other])
    shares = [np.searchsorted(np.sort(sample), points, side="right") / len(sample) for sample in (one, other)]
    return float(np.max(np.abs(shares[0] - shares[1])))


def test_named_takes_a_generator_function_of_ones_own() -> None:
    def mine(rng: Random, *, delay_s: float = 2.0) -> Iterator[float]:
        """Wait twice as long as needed."""
        while True:
            yield delay_s + rng.random()

    policy = named(mine, delay_s=4.0)
    assert policy.name == "mine"
    assert policy.formula == "Wait twice as long as needed."
    assert not policy.broadcasts
    assert all(4 <= delay < 5 for delay in first_delays(policy, 0))


def test_named_returns_a_policy_as_it_is() -> None:
    policy = textbook.constant(delay_s=2)
    assert named(policy) is policy


def test_named_lists_the_knobs_a_policy_has() -> None:
    with pytest.raises(ValueError, match=r"knob of 'exponential' is 'inital_delay_s'; did you mean 'initial_delay_s'"):
        named("exponential", inital_delay_s=2)
    assert list(inspect.signature(POLICIES["exponential"]).parameters) == ["initial_delay_s", "factor", "max_delay_s"]


@pytest.mark.parametrize(
    ("policy", "knobs", "message"),
    [
        (3, {}, "policy is 3, but must be a name, a Policy or a generator function"),
        (textbook.full_jitter, {}, "policy 'full_jitter': too many positional arguments"),
        (lambda: iter([1.0]), {}, "too many positional arguments"),
        ("seed_page", {"jitter": 1}, "jitter is 1, but must be True or False"),
    ],
)
def test_named_refuses_what_is_no_policy(policy: Any, knobs: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        named(policy, **knobs)


@pytest.mark.parametrize(
    ("name", "knobs", "message"),
    [
        ("constant", {"delay_s": -1}, "delay_s is -1, but must be between 0 and 86,400.0 seconds"),
        ("exponential", {"factor": 0.5}, r"factor is 0.5, but must be between 1 and 100 \(a ratio\)"),
        (
            "exponential",
            {"initial_delay_s": 40},
            "initial_delay_s is 40, but must be at most max_delay_s, which is 30.0 seconds",
        ),
        ("registry", {"min_delay_s": 31}, "min_delay_s is 31, but must be at most max_delay_s, which is 30.0 seconds"),
    ],
)
def test_policy_refuses_a_knob_out_of_bounds(name: str, knobs: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        named(name, **knobs)
