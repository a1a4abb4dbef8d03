"""Wilson's interval against published values, and its laws."""

from __future__ import annotations

from math import comb

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wslab.core.intervals import quantile, wilson


@pytest.mark.parametrize(
    ("successes", "tries", "low", "high"),
    [
        # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_agrees_with_newcombes_table(successes: int, tries: int, low: float, high: float) -> None:
    assert wilson(successes, tries) == pytest.approx((low, high), abs=5e-5)


counts = st.integers(1, 500).flatmap(lambda tries: st.tuples(st.integers(0, tries), st.just(tries)))


@given(counts, st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_wilson_holds_the_share_and_stays_a_share(count: tuple[int, int], confidence: float) -> None:
    low, high = wilson(*count, confidence=confidence)
    assert 0 <= low <= count[0] / count[1] <= high <= 1


@given(counts)
def test_wilson_is_symmetric_and_narrows_with_more_tries(count: tuple[int, int]) -> None:
    successes, tries = count
    low, high = wilson(successes, tries)
    assert wilson(tries - successes, tries) == pytest.approx((1 - high, 1 - low))
    again = wilson(4 * successes, 4 * tries)
    assert again.high - again.low < high - low


@pytest.mark.parametrize("share", [0.05, 0.3, 0.5, 0.9])
def test_wilson_holds_the_truth_about_as_often_as_it_says(share: float) -> None:
    """Its coverage, summed exactly over all that 40 tries can bring."""
    tries = 40
    held = sum(
        comb(tries, n) * share**n * (1 - share) ** (tries - n)
        for n in range(tries + 1)
        if wilson(n, tries).low <= share <= wilson(n, tries).high
    )
    assert held == pytest.approx(0.95, abs=0.03)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((1, 0), "tries is 0, but must be at least 1 tries"), ((3, 2), "successes is 3, but must be between 0 and 2")],
)
def test_wilson_refuses_what_is_no_count(arguments: tuple[int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wilson(*arguments)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(0, 1))
def test_quantile_is_a_value_that_the_share_does_not_exceed(values: list[float], q: float) -> None:
    found = quantile(values, q)
    assert found in values
    assert sum(value <= found for value in values) >= q * len(values)
    assert sum(value < found for value in values) <= q * len(values)


def test_quantile_of_nothing_is_none() -> None:
    assert quantile([], 0.5) is None
