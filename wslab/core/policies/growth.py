"""How delays grow: fits the mean delay before each attempt, over several clients, with a curve that may level off.

Delays grow by a factor, or by a step if that fits significantly better. Growth and a level are reported only if they
are significant. Deviations are those of logarithms, so they are shares of a delay.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

SAME = 0.1
"""Delays that differ by less than this share count as equal: clients are late themselves."""

EXACT = 0.02
"""A single client whose delays deviate from the model by less than this share has no jitter."""

SHORTEST_S = 1e-4

SURE = 9.0
"""A model with one more parameter must lower the squared deviations by this many variances (three sigma)."""

PRESENT = 0.75
"""An attempt counts if this share of the clients made it: those that time cut off have the longest delays."""


class Growth(NamedTuple):
    """What fits the mean delays best.

    Fields:
        first_s: the first mean. factor: from one to the next, 1 if not significant. step_s: how much they grow each
            time instead. level_s: where they level off; None if they do not. deviation: their standard deviation from
            the fit, as a share. is_close: whether chance explains the deviation.
    """

    first_s: float
    factor: float
    step_s: float
    level_s: float | None
    deviation: float
    is_close: bool

    @property
    def is_growing(self) -> bool:
        return self.factor > 1 or self.step_s > 0


def columns_of(outages_s: Sequence[Sequence[float]]) -> list[list[float]]:
    """Return the delays by attempt, up to the last that most clients made."""
    columns = [[delay_s for delay_s in row if delay_s is not None] for row in itertools.zip_longest(*outages_s)]
    return list(itertools.takewhile(lambda column: len(column) >= PRESENT * len(outages_s), columns))


def grown(columns: Sequence[Sequence[float]], spread: float | None, clients: int) -> Growth:
    """Fit the means; `spread` is a delay's standard deviation as a share of its mean, or None if unknown."""
    means_s = [max(statistics.mean(column), SHORTEST_S) for column in columns]
    by_factor, by_step = (list(_curves(means_s, shape)) for shape in (_by_factor, _by_step))
    unexplained = min(curve.squares for curve in by_factor + by_step) / max(1, len(means_s) - 3)
    chance = max(unexplained if spread is None else spread**2 / clients, EXACT**2)
    factor, step = (_significant(curves, means_s, chance) for curves in (by_factor, by_step))
    steps = step.squares < SURE * chance <= factor.squares - step.squares
    best = step if steps else factor
    flat = _by_factor(means_s, 0)
    deviation = math.sqrt(best.squares / len(means_s))
    is_close = best.squares < SURE * chance
    if best.last_s < (1 + 2 * SAME) * best.first_s or flat.squares - best.squares < SURE * chance:
        return Growth(flat.first_s, 1.0, 0.0, flat.first_s, math.sqrt(flat.squares / len(means_s)), is_close)
    return Growth(best.first_s, best.factor, best.step_s, best.level_s, deviation, is_close)


class _Curve(NamedTuple):
    first_s: float
    last_s: float
    factor: float
    step_s: float
    knee: float
    squares: float
    level_s: float | None = None


def _curves(means_s: Sequence[float], shape: Callable[[Sequence[float], float], _Curve]) -> Iterator[_Curve]:
    """Yield the curve that grows to the end, then those that level off for at least two delays."""
    last = len(means_s) - 1
    yield shape(means_s, last)
    for tenths in range(10, 10 * (last - 1) + 1):
        curve = shape(means_s, tenths / 10)
        yield curve._replace(level_s=curve.last_s)


def _significant(curves: Sequence[_Curve], means_s: Sequence[float], chance: float) -> _Curve:
    """Return the closest curve, with a level only if that is significant and the delays stay on it."""
    endless, closest = curves[0], min(curves, key=lambda curve: curve.squares)
    on_level = means_s[math.ceil(closest.knee) :]
    rises = len(on_level) > 1 and math.log(on_level[-1] / on_level[0]) ** 2 >= 2 * SURE * chance
    return endless if rises or endless.squares - closest.squares < SURE * chance else closest


def _by_factor(means_s: Sequence[float], knee: float) -> _Curve:
    places = [min(place, knee) for place in range(len(means_s))]
    offset, slope = _line(places, [math.log(mean_s) for mean_s in means_s], [1.0] * len(means_s))
    fitted_s = [math.exp(offset + slope * place) for place in places]
    return _Curve(fitted_s[0], fitted_s[-1], math.exp(slope), 0.0, knee, _squares(means_s, fitted_s))


def _by_step(means_s: Sequence[float], knee: float) -> _Curve:
    places = [min(place, knee) for place in range(len(means_s))]
    offset_s, step_s = _line(places, means_s, [mean_s**-2 for mean_s in means_s])
    fitted_s = [max(offset_s + step_s * place, SHORTEST_S) for place in places]
    return _Curve(fitted_s[0], fitted_s[-1], 1.0, step_s, knee, _squares(means_s, fitted_s))


def _line(xs: Sequence[float], ys: Sequence[float], weights: Sequence[float]) -> tuple[float, float]:
    """Return offset and slope of the line with the least weighted squares."""
    total = sum(weights)
    x_mean, y_mean = (sum(map(float.__mul__, weights, map(float, values))) / total for values in (xs, ys))
    of_x = sum(weight * (x - x_mean) ** 2 for weight, x in zip(weights, xs, strict=True))
    of_both = sum(weight * (x - x_mean) * (y - y_mean) for weight, x, y in zip(weights, xs, ys, strict=True))
    slope = of_both / of_x if of_x else 0.0
    return y_mean - slope * x_mean, slope


def _squares(means_s: Sequence[float], fitted_s: Sequence[float]) -> float:
    return sum(math.log(mean_s / fit_s) ** 2 for mean_s, fit_s in zip(means_s, fitted_s, strict=True))
