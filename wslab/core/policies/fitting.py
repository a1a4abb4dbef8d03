"""Fits the delays of some clients: how they grow, how they scatter, how certain that is, and when they start over."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from wslab.core.policies.growth import EXACT, SAME, Growth, columns_of, grown
from wslab.core.policies.scatter import added_s, scatter

CHANCE = 0.05
"""Chance explains what is more probable than this."""


class Model(NamedTuple):
    """What fits some clients' delays.

    Fields:
        series_s, columns: the delays by client and by attempt, less what is added to each on average. spread: their
            standard deviation as a share of the mean. only: the index of the only delay that scatters, if so.
        added_s: up to how many seconds are added to each delay at random.
    """

    series_s: Sequence[Sequence[float]]
    columns: Sequence[Sequence[float]]
    spread: float | None
    only: int | None
    growth: Growth
    added_s: float = 0.0


def model_of(series_s: Sequence[Sequence[float]], noise_s: float) -> Model:
    """Fit these delays; `noise_s` is what the measuring machine may have added to them."""
    columns = columns_of(series_s)
    spread, only = scatter(columns, noise_s / 2)
    growth = grown(columns, spread, len(series_s))
    if spread is None and len(columns) > 3 and growth.deviation < EXACT:
        spread = 0.0
    added = added_s(columns, noise_s / 2) if growth.is_growing and (spread or 0.0) > SAME / 2 else 0.0
    if not added:
        return Model(series_s, columns, spread, only, growth)
    without_s = [[max(0.0, delay_s - added / 2) for delay_s in outage_s] for outage_s in series_s]
    columns = columns_of(without_s)
    return Model(without_s, columns, spread, None, grown(columns, spread, len(series_s)), added)


def bounds(
    outages_s: Sequence[Sequence[float]], growth: Growth, spread: float | None, noise_s: float
) -> tuple[float, float]:
    """Return the bounds of the factor.

    They are two standard errors away, by leaving out one client in turn, plus what noise can add to the first delay.
    For few clients, or a poor fit, they are the smallest and the largest ratio of successive delays.
    """
    if growth.factor == 1.0:
        return 1.0, 1.0
    means_s = [statistics.mean(column) for column in columns_of(outages_s)]
    below_s = 0.95 * (growth.level_s or math.inf)
    rising_s = list(itertools.takewhile(lambda mean_s: mean_s < below_s, means_s))
    clients = len(outages_s)
    if spread is None or clients < 3 or not growth.is_close:
        ratios = [after_s / before_s for before_s, after_s in itertools.pairwise(rising_s)] or [growth.factor]
        return min(*ratios, growth.factor), max(*ratios, growth.factor)
    without = []
    for left_out in range(clients):
        others = [outage_s for client, outage_s in enumerate(outages_s) if client != left_out]
        without.append(math.log(grown(columns_of(others), spread, clients - 1).factor))
    late = math.log1p(noise_s / means_s[0]) / max(1, len(rising_s) - 1)
    error = 2 * math.sqrt((clients - 1) * statistics.pvariance(without)) + late
    return max(1.0, growth.factor * math.exp(-error)), growth.factor * math.exp(error)


def min_uptime(
    tried_s: Mapping[float, float], longest_s: float, grown_s: Sequence[float]
) -> tuple[float | None, float | None]:
    """Return the longest uptime after which the delays went on, and the shortest after which they started over.

    Args:
        tried_s: the delay after each uptime. longest_s: the longest that a first delay can be.
        grown_s: the delays after the same number of attempts without a connection: how many are short by chance.
    """
    not_after_s = max((uptime_s for uptime_s, delay_s in tried_s.items() if delay_s > longest_s), default=None)
    beyond_s = [uptime_s for uptime_s in tried_s if uptime_s > (not_after_s or 0.0)]
    short = statistics.mean(delay_s <= longest_s for delay_s in grown_s)
    return not_after_s, min(beyond_s) if beyond_s and short ** len(beyond_s) < CHANCE else None
