"""How delays scatter: by a share of each delay, by an addition to it, or drawn from a range that the last delay sets.

The delays of one client do not tell scatter from growth; those of several, compared attempt by attempt, do.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence

from wslab.core.policies.growth import SAME, SHORTEST_S

NOISE_S = 0.05
"""How far apart clients without jitter come back on a busy machine."""

LARGEST_RATIO = 3.0
"""Of a delay to the one before, with decorrelated jitter."""

_ENOUGH_PAIRS = 15
_CORRELATED = 0.3
_GROWN = 2.0


def scatter(columns: Sequence[Sequence[float]], noise_s: float) -> tuple[float | None, int | None]:
    """Return how much the delays scatter (`relative_spread`), and the index of the only one that does, if so."""
    spreads = [relative_spread([column], noise_s) or 0.0 for column in columns]
    scattered = [place for place, spread in enumerate(spreads) if spread > SAME / 2]
    if len(scattered) == 1 and len(columns) > 2 and max(spreads) > SAME:
        return spreads[scattered[0]], scattered[0]
    return relative_spread(columns, noise_s), None


def relative_spread(columns: Sequence[Sequence[float]], noise_s: float) -> float | None:
    """Return a delay's standard deviation as a share of its mean, without the noise; None for a single client."""
    freedom = sum(len(column) - 1 for column in columns)
    if not freedom:
        return None
    squares = sum(
        (len(column) - 1) * _variance(column, noise_s) / max(statistics.mean(column), SHORTEST_S) ** 2
        for column in columns
        if len(column) > 1
    )
    return math.sqrt(squares / freedom)


def share_of(spread: float | None, longest_s: float, late_s: float) -> float | None:
    """Return the random share of a delay, given its deviation; None if that is unknown, or would not show."""
    if spread is None:
        return None
    share = min(1.0, math.sqrt(12) * spread / (1 + math.sqrt(3) * spread))
    return None if share < SAME and late_s / 2 > SAME * longest_s else share


def added_s(columns: Sequence[Sequence[float]], noise_s: float) -> float:
    """Return up to how many seconds are added at random to each delay, whatever its length; 0 if none are.

    Delays then grow, and their scatter does not.
    """
    scattered = [column for column in columns if len(column) > 2 and _variance(column, noise_s) > 0]
    if len(scattered) < 3:
        return 0.0
    means_s = [statistics.mean(column) for column in scattered]
    deviations_s = [math.sqrt(_variance(column, noise_s)) for column in scattered]
    if max(means_s) < _GROWN * min(means_s):
        return 0.0
    slope = statistics.linear_regression([*map(math.log, means_s)], [*map(math.log, deviations_s)]).slope
    return 0.0 if slope > 0.5 else math.sqrt(12) * statistics.median(deviations_s)


def drawn_once(outages_s: Sequence[Sequence[float]], columns: Sequence[Sequence[float]]) -> bool:
    """Whether each client draws only once, so that its delays stay in proportion to the others'."""
    means_s = [statistics.mean(column) for column in columns]
    shares = [[delay_s / mean_s for delay_s, mean_s in zip(series, means_s, strict=False)] for series in outages_s]
    return all(max(own) - min(own) < SAME for own in shares if own)


def follows_the_last(outages_s: Sequence[Sequence[float]], columns: Sequence[Sequence[float]]) -> bool:
    """Whether each delay seems to be drawn from a range that depends on the last one ("decorrelated jitter").

    None is more than three times the last, and longer ones tend to follow longer ones.
    """
    means_s = [statistics.mean(column) for column in columns]
    pairs = [
        (before_s, after_s, before_s / means_s[place], after_s / means_s[place + 1])
        for outage_s in outages_s
        for place, (before_s, after_s) in enumerate(itertools.pairwise(outage_s[: len(columns)]))
    ]
    if len(pairs) < _ENOUGH_PAIRS or any(
        after_s > (1 + SAME) * LARGEST_RATIO * before_s + NOISE_S for before_s, after_s, _, _ in pairs
    ):
        return False
    befores, afters = ([pair[place] for pair in pairs] for place in (2, 3))
    scattered = min(statistics.pvariance(befores), statistics.pvariance(afters)) > 0
    return scattered and statistics.correlation(befores, afters) > _CORRELATED


def is_spread(first_delays_s: Sequence[float], late_s: float = 0.0, *, noise_s: float = NOISE_S) -> bool | None:
    """Whether clients that were disconnected together came back further apart than a busy machine explains.

    None if they came back apart, but the machine was so late that this may be the reason.
    """
    longest_s = max(first_delays_s)
    apart_s = longest_s - min(first_delays_s)
    if apart_s < max(SAME * longest_s, noise_s):
        return False
    return True if apart_s >= 2 * late_s else None


def _variance(column: Sequence[float], noise_s: float) -> float:
    return max(0.0, statistics.variance(column) - noise_s**2)
