"""What is estimated of a client's policy, tried on delays that known policies draw."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wslab.core.herds.simulate import simulate_herd
from wslab.core.policies import textbook
from wslab.core.policies.estimate import PolicyEstimate, estimate, estimated
from wslab.core.policies.fitting import min_uptime
from wslab.core.policies.policy import Policy
from wslab.core.policies.scatter import is_spread


def drawn(policy: Policy, *, clients: int = 8, attempts: int = 8, seed: int = 1) -> PolicyEstimate:
    delays_s = [list(itertools.islice(policy.delays(Random(seed + client)), attempts)) for client in range(clients)]
    found = estimate([[delay_s + 0.01 for delay_s in series] for series in delays_s])
    assert found is not None
    return found


@given(st.floats(0.2, 5), st.floats(1.3, 3), st.integers(3, 6), st.integers(3, 6))
def test_growth_and_cap_without_jitter_are_found(first_s: float, factor: float, steps: int, flat: int) -> None:
    found = estimate([[first_s * factor ** min(step, steps) for step in range(steps + flat)]])
    assert found is not None
    assert found.factor == pytest.approx(factor, rel=0.02)
    assert found.max_delay_s == pytest.approx(first_s * factor**steps, rel=0.05)
    assert found.jitter == "none"


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(
    ("policy", "jitter", "share"),
    [
        (textbook.exponential(initial_delay_s=0.5, max_delay_s=6), "none", 0.0),
        (textbook.equal_jitter(initial_delay_s=0.5, max_delay_s=6), "partial", 0.5),
        (textbook.full_jitter(initial_delay_s=0.5, max_delay_s=6), "full", 1.0),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_eight_clients_show_factor_cap_and_jitter(policy: Policy, jitter: str, share: float, seed: int) -> None:
    found = drawn(policy, seed=100 * seed)
    assert found.grows
    assert found.factor_low / 1.2 < 2 < found.factor_high * 1.2
    assert found.max_delay_s == pytest.approx(6, rel=0.25)
    assert found.jitter == jitter
    assert found.share == pytest.approx(share, abs=0.2)


@pytest.mark.parametrize("steps", [4, 99])
@pytest.mark.parametrize(("first_s", "step_s"), [(0.4, 0.4), (1.0, 1.0), (1.0, 3.0)])
def test_delays_that_grow_by_a_step_are_told_so(first_s: float, step_s: float, steps: int) -> None:
    found = estimate([[first_s + min(place, steps) * step_s for place in range(9)]] * 8)
    assert found is not None
    assert (found.grows, found.factor) == (True, 1)
    assert found.step_s == pytest.approx(step_s, rel=0.02)
    assert found.max_delay_s == (None if steps > 9 else pytest.approx(first_s + steps * step_s, rel=0.02))


@pytest.mark.parametrize("growth", [lambda place: (place + 1) ** 2, lambda place: [1, 1, 2, 3, 5, 8, 13][place]])
def test_other_growth_is_bounded_by_the_ratios_that_were_seen(growth: Callable[[int], float]) -> None:
    delays_s = [0.2 * growth(place) for place in range(7)]
    found = estimate([delays_s] * 8)
    assert found is not None
    assert (found.grows, found.max_delay_s, found.step_s) == (True, None, 0)
    ratios = [after / before for before, after in itertools.pairwise(delays_s)]
    assert (found.factor_low, found.factor_high) == pytest.approx((min(ratios), max(ratios)))


def test_growth_of_a_tenth_is_growth() -> None:
    found = estimate([[1.1**place for place in range(10)]] * 8)
    assert found is not None
    assert found.factor == pytest.approx(1.1)


@pytest.mark.parametrize("seed", range(5))
def test_jitter_that_is_added_or_drawn_from_the_last_delay_is_told_from_a_share(seed: int) -> None:
    last = drawn(textbook.decorrelated_jitter(initial_delay_s=0.5, max_delay_s=10), attempts=10, seed=100 * seed)
    assert last.jitter == "decorrelated"
    assert (last.first_s, last.max_delay_s) == pytest.approx((0.5, 10), rel=0.4)
    assert last.policy().name == "decorrelated_jitter"
    added = drawn(estimated(first_s=0.5, max_delay_s=60, share=0, added_s=1), attempts=6, seed=100 * seed)
    assert added.jitter == "added"
    assert added.added_s == pytest.approx(1, rel=0.4)
    assert added.factor_low < 2 < added.factor_high
    drawn_alike = drawn(textbook.seed_page(min_delay_s=1, max_delay_s=3), attempts=10, seed=100 * seed)
    assert drawn_alike.jitter == "partial"


@pytest.mark.parametrize(
    ("delays", "drawn"),
    [
        (lambda draw: [3 * draw * 1.3**place for place in range(5)], "once for all delays"),
        (lambda draw: [0.02, 4 * draw, 3.0, 5.0, 8.0], "before attempt 2 alone"),
    ],
)
def test_jitter_of_some_delays_alone_is_told_so(delays: Callable[[float], list[float]], drawn: str) -> None:
    found = estimate([delays(0.3 + 0.2 * client) for client in range(8)])
    assert found is not None
    assert (found.jitter in ("partial", "full"), found.drawn) == (True, drawn)
    assert drawn in found.told()


def test_cap_of_delays_that_are_fixed_is_what_was_seen() -> None:
    found = estimate([[0.02, 1 + 0.4 * client, 3.0, 5.0, 8.0, 8.0, 8.0, 8.0] for client in range(8)])
    assert found is not None
    assert found.drawn == "before attempt 2 alone"
    assert found.max_delay_s == pytest.approx(8, rel=0.05)


def test_delays_that_do_not_grow_have_no_factor_but_for_a_range() -> None:
    found = drawn(textbook.seed_page(min_delay_s=1, max_delay_s=3))
    assert not found.grows
    assert found.told().startswith("first delay 1")
    assert "no growth seen" in found.told()
    assert found.share == pytest.approx(2 / 3, abs=0.15)


def test_first_attempt_at_once_is_no_growth_from_nothing() -> None:
    found = estimate([[0.01, 0.5, 1.0, 2.0, 4.0]] * 8)
    assert found is not None
    assert found.starts_at_once
    assert found.factor == pytest.approx(2)
    delays_s = list(itertools.islice(found.policy().delays(Random(1)), 3))
    assert delays_s == pytest.approx([0.0, 0.5, 1.0])


def test_single_client_with_jitter_leaves_jitter_open() -> None:
    found = estimate([[0.45, 2.04, 1.33, 1.53, 1.28, 1.41, 3.49]])
    assert found is not None
    assert found.jitter == "unknown"
    assert found.factor_low < 1 < found.factor_high or not found.grows


def test_lateness_of_the_machine_is_no_jitter() -> None:
    rng = Random(1)
    found = estimate([[0.01 + rng.uniform(0, 0.4) for _ in range(10)] for _ in range(8)], late_s=0.4)
    assert found is not None
    assert found.jitter == "unknown"
    assert is_spread([0.1, 0.2, 0.5], late_s=0.3) is None
    assert is_spread([0.1, 0.2, 0.5], late_s=0.1) is True
    assert is_spread([1.0, 1.01, 1.02], late_s=0.3) is False


def test_estimate_is_a_policy_to_simulate() -> None:
    found = drawn(textbook.full_jitter(initial_delay_s=0.5, max_delay_s=6))
    herd = simulate_herd(1000, found.policy(), downtime_s=2)
    assert (herd.reopened_at_s > 0).all()


def test_attempts_at_the_same_instant_are_no_policy_that_waits() -> None:
    found = estimate([[0.0] * 10] * 8)
    assert found is not None
    assert not found.grows
    assert found.policy().knobs["first_s"] < 0.001


@pytest.mark.parametrize("seed", range(5))
def test_first_delays_that_were_not_seen_are_no_longer_than_the_longest(seed: int) -> None:
    policy = textbook.full_jitter(initial_delay_s=0.8, max_delay_s=8)
    found = drawn(policy, seed=100 * seed)
    firsts_s = [next(policy.delays(Random(client))) for client in range(1000, 2000)]
    assert found.longest_first_s(0.0) >= max(firsts_s)


@pytest.mark.parametrize(
    ("delays_s", "grown_s", "told"),
    [
        ((0.5, 0.4, 0.6), (4.0, 4.0), (None, 1)),
        ((4.0, 0.4, 0.6), (4.0, 4.0), (1, 2)),
        ((4.0, 4.1, 4.0), (4.0, 4.0), (5, None)),
        ((3.0, 3.0, 0.6), (0.3, 4.0, 2.5, 3.0), (2, None)),  # a single short delay is chance where one in four is short
        ((0.6, 0.6, 0.6), (0.3, 0.4, 2.5, 3.0), (None, None)),
    ],
)
def test_uptime_that_starts_delays_over_is_told_only_where_chance_does_not_explain_it(
    delays_s: tuple[float, ...], grown_s: tuple[float, ...], told: tuple[float | None, float | None]
) -> None:
    assert min_uptime(dict(zip((1, 2, 5), delays_s, strict=True)), 1.0, grown_s) == told


def test_too_few_delays_are_no_policy() -> None:
    assert estimate([[1.0, 2.0]]) is None
    assert estimate([]) is None
