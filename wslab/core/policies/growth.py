"""How delays grow: the means of several clients' delays, attempt by attempt, fitted by a line with a knee.

The line is fitted to logarithms, so that its slope is a factor; beyond the knee the delays stay at a level. Growth and
a level are told only where they are significant.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

SAME = 0.1
"""Delays that differ by less than this share are taken for the same: a client's own lateness is in them."""

EXACT = 0.02
"""A single client whose delays deviate from the model by less than this share has no jitter."""

SHORTEST_S = 1e-4

SURE = 9.0
"""A model with one more parameter must lower the squared deviations by this many variances (three sigma)."""

PRESENT = 0.75
"""An attempt is judged where this share of the clients made it: of those that are cut off, the longest delays are."""


class Growth(NamedTuple):
    """What fits the mean delays best.

    Fields:
        first_s: the first of them. factor: from one to the next, 1 where no growth is significant. level_s: where they
            stay; None where no level is reached. deviation: how far they deviate from this, as a share.
    """

    first_s: float
    factor: float
    level_s: float | None
    deviation: float


def columns_of(outages_s: Sequence[Sequence[float]]) -> list[list[float]]:
    """Return the delays by attempt, as far as most clients came: those that are cut off are the longest."""
    columns = [[delay_s for delay_s in row if delay_s is not None] for row in itertools.zip_longest(*outages_s)]
    return list(itertools.takewhile(lambda column: len(column) >= PRESENT * len(outages_s), columns))


def relative_spread(columns: Sequence[Sequence[float]], noise_s: float) -> float | None:
    """Return the standard deviation of a delay as a share of its mean, without the noise; None of a single client."""
    freedom = sum(len(column) - 1 for column in columns)
    if not freedom:
        return None
    squares = 0.0
    for column in columns:
        of_noise = (len(column) - 1) * noise_s**2
        squares += max(0.0, statistics.pvariance(column) * len(column) - of_noise) / _mean(column) ** 2
    return math.sqrt(squares / freedom)


def grown(columns: Sequence[Sequence[float]], spread: float | None, clients: int) -> Growth:
    """Fit a line with a knee to the logarithms of the means; growth and a level count where they are significant."""
    logs = [math.log(_mean(column)) for column in columns]
    last = len(logs) - 1
    fits = {knee / 10: _fit(logs, knee / 10) for knee in range(10, 10 * last + 1)}
    flat = _Fit(statistics.mean(logs), 0.0, statistics.pvariance(logs) * len(logs))
    knee, best = min(((knee, fit) for knee, fit in fits.items()), key=lambda pair: pair[1].squares)
    unexplained = best.squares / max(1, len(logs) - 3)
    variance = max(unexplained if spread is None else spread**2 / clients, EXACT**2)
    if best.slope < math.log(1 + SAME) or flat.squares - best.squares < SURE * variance:
        knee, best = 0.0, flat
    elif fits[last].squares - best.squares < SURE * variance:
        knee, best = last, fits[last]
    first_s, level_s = math.exp(best.offset), math.exp(best.offset + best.slope * knee)
    deviation = math.sqrt(best.squares / len(logs))
    return Growth(first_s, math.exp(best.slope), None if knee == last else level_s, deviation)


class _Fit(NamedTuple):
    offset: float
    slope: float
    squares: float


def _fit(logs: Sequence[float], knee: float) -> _Fit:
    places = [min(float(place), knee) for place in range(len(logs))]
    slope, offset = statistics.linear_regression(places, logs)
    squares = sum((log - offset - slope * place) ** 2 for place, log in zip(places, logs, strict=True))
    return _Fit(offset, slope, squares)


def bounds(
    outages_s: Sequence[Sequence[float]], columns: Sequence[Sequence[float]], growth: Growth, spread: float | None
) -> tuple[float, float]:
    """Return how far the factor may be off: by two standard errors, leaving one client out in turn."""
    if growth.factor == 1.0:
        return 1.0, 1.0
    if spread is None or len(outages_s) < 3:
        level_s = growth.level_s or math.inf
        rising = list(itertools.takewhile(lambda delay_s: delay_s < 0.95 * level_s, map(statistics.mean, columns)))
        ratios = [after / before for before, after in itertools.pairwise(rising)] or [growth.factor]
        return min(*ratios, growth.factor), max(*ratios, growth.factor)
    without = []
    for left_out in range(len(outages_s)):
        others = [outage_s for place, outage_s in enumerate(outages_s) if place != left_out]
        fewer = columns_of(others)[-len(columns) :]
        without.append(math.log(grown(fewer, spread, len(others)).factor))
    error = 2 * math.sqrt((len(without) - 1) * statistics.pvariance(without))
    return growth.factor * math.exp(-error), growth.factor * math.exp(error)


def _mean(delays_s: Sequence[float]) -> float:
    return max(statistics.mean(delays_s), SHORTEST_S)  # of which there is a logarithm
