"""A client's policy, estimated from when it came back: what was seen, how sure, and a policy to simulate it by.

The model is v × (1 − share × U(0, 1)), v = min(cap, first × factorⁿ): no jitter is a share of 0, full jitter one of 1.
The delays of one client with jitter say little; those of several clients, attempt by attempt, say much.
"""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Iterator, Sequence
from random import Random
from typing import Literal, NamedTuple

import msgspec

from wslab.core.codes.sources import Source
from wslab.core.policies.policy import LONGEST_DELAY_S, Policy, as_policy, at_most

Jitter = Literal["none", "partial", "full", "unknown"]

SAME = 0.1
"""Delays that differ by less than this share are taken for the same: a client's own lateness is in them."""

NOISE_S = 0.05
"""Clients without jitter come this far apart on a machine that is not idle."""

AT_ONCE_S = 0.1
"""A client that comes back sooner does not wait."""

FULL, PRESENT = 0.8, 0.75
"""Jitter over this share of the delay is full. An attempt is judged where this share of the clients made it."""

EXACT = 0.02
"""A single client whose delays deviate from the model by less than this share has no jitter."""

SHORTEST_S = 1e-4

SURE = 9.0
"""A model with one more parameter must lower the squared deviations by this many variances (three sigma)."""


class PolicyEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """What the delays of one or more clients say of their policy.

    Fields:
        outages_s: for each client, the delay before each attempt of one outage, in seconds, as observed.
        first_delays_s: before the first attempt, of several clients that were sent away together.
        first_s, max_delay_s: the model's first delay and its cap, without jitter. max_delay_s is None where no cap was
            reached.
        starts_at_once: whether the first attempt comes without a delay, and the model begins with the second.
        factor: from one delay to the next, 1 where no growth is seen; factor_low, factor_high: its bounds.
        share: how much of each delay is drawn at random, 0 to 1; None of a single client whose delays are irregular,
            and where the machine was too late to tell.
        min_uptime_s: a connection that lasted so long did not, and did, start the delays over; None: not tried.
    """

    outages_s: tuple[tuple[float, ...], ...]
    first_delays_s: tuple[float, ...]
    first_s: float
    max_delay_s: float | None
    starts_at_once: bool
    factor: float
    factor_low: float
    factor_high: float
    share: float | None
    min_uptime_s: tuple[float | None, float | None] | None = None

    @property
    def grows(self) -> bool:
        """Whether later delays are longer than earlier ones."""
        return self.factor > 1 + SAME

    @property
    def jitter(self) -> Jitter:
        """How much of a delay is random: "unknown" where a single client, or the machine, cannot tell."""
        if self.share is None:
            return "unknown"
        if self.share < SAME:
            return "none"
        return "full" if self.share > FULL else "partial"

    def told(self) -> str:
        """Say it in a sentence."""
        first = f"first delay {_range(self.first_delays_s or [outage_s[0] for outage_s in self.outages_s])}"
        parts = [first, self._growth(), self._jitter()]
        if self.min_uptime_s is not None:
            parts.append(_uptime(*self.min_uptime_s))
        return "; ".join(parts)

    def policy(self) -> Policy:
        """Return the model as a policy, to simulate a herd of such clients by."""
        made = estimated(
            first_s=self.first_s,
            factor=self.factor if self.grows else 1.0,
            max_delay_s=max(self.max_delay_s or LONGEST_DELAY_S, self.first_s),
            share=self.share or 0.0,
            starts_at_once=self.starts_at_once,
        )
        starts_over_s = None if self.min_uptime_s is None else self.min_uptime_s[1]
        return made if not starts_over_s else made.starting_anew_after(starts_over_s)

    def _growth(self) -> str:
        if not self.grows:
            return "no growth seen"
        begin = f"from {self.first_s:.2g} s on " if self.starts_at_once else ""
        cap = f"up to {self.max_delay_s:.3g} s" if self.max_delay_s is not None else "no cap was reached"
        return f"then {begin}×{self.factor:.2g} ({self.factor_low:.2g} to {self.factor_high:.2g}), {cap}"

    def _jitter(self) -> str:
        clients = len(self.outages_s)
        if self.share is None:
            return "jitter: unknown (n = 1)"
        size = f", {round(100 * self.share, -1):.0f} % of each delay" if self.jitter == "partial" else ""
        return f"jitter: {self.jitter}{size} (n = {clients})"


@as_policy(
    formula="v × (1 − share × U(0, 1)), v = min(max_delay_s, first_s × factorⁿ); before them 0, if starts_at_once",
    source=Source("estimated from a client's delays", ""),
    honours_retry_after=False,
)
def estimated(
    rng: Random,
    *,
    first_s: float = 1.0,
    factor: float = 2.0,
    max_delay_s: float = 30.0,
    share: float = 1.0,
    starts_at_once: bool = False,
) -> Iterator[float]:
    """Wait as a client did whose policy was estimated."""
    if starts_at_once:
        yield 0.0 * rng.random()
    ceiling_s = at_most(first_s, max_delay_s)
    while True:
        yield ceiling_s * (1 - share * rng.random())
        ceiling_s = at_most(ceiling_s * factor, max_delay_s)


def estimate(
    outages_s: Sequence[Sequence[float]], first_delays_s: Sequence[float] = (), *, late_s: float = 0.0
) -> PolicyEstimate | None:
    """Estimate a policy from the delays of one or more clients in an outage.

    Args:
        outages_s: for each client, the delay before each attempt, in seconds.
        first_delays_s: more first delays, of clients that were sent away together.
        late_s: how late the measuring machine was; what this explains is taken for no jitter.

    Returns:
        The estimate; None of fewer than three delays in a row.

    >>> estimate([[1.0, 2.0, 4.0, 8.0, 8.0, 8.0]] * 3).told()
    'first delay 1 s; then ×2 (2 to 2), up to 8 s; jitter: none (n = 3)'
    """
    columns = _columns(outages_s)
    if len(columns) < 3:
        return None
    means_s = [statistics.mean(column) for column in columns]
    starts_at_once = means_s[0] < AT_ONCE_S < means_s[1] / 3
    if starts_at_once:
        columns = columns[1:]
    spread = _relative_spread(columns, max(late_s, NOISE_S) / 2)
    growth = _grown(columns, spread, len(outages_s))
    if spread is None and len(columns) > 3 and growth.deviation < EXACT:
        spread = 0.0
    share = None if spread is None else min(1.0, math.sqrt(12) * spread / (1 + math.sqrt(3) * spread))
    if share is not None and share < SAME and late_s / 2 > SAME * max(means_s):
        share = None  # jitter would not show
    middle = 1 - (share or 0.0) / 2  # what a mean is of its ceiling
    low, high = _bounds(outages_s, columns, growth, spread)
    return PolicyEstimate(
        outages_s=tuple(map(tuple, outages_s)),
        first_delays_s=tuple(first_delays_s),
        first_s=growth.first_s / middle,
        max_delay_s=None if growth.level_s is None else growth.level_s / middle,
        starts_at_once=starts_at_once,
        factor=growth.factor,
        factor_low=low,
        factor_high=high,
        share=share,
    )


def is_spread(first_delays_s: Sequence[float], late_s: float = 0.0) -> bool | None:
    """Whether clients that were sent away together came back further apart than a busy machine explains.

    None: they did come back apart, and so late was the machine that it may be the reason.
    """
    longest_s = max(first_delays_s)
    apart_s = longest_s - min(first_delays_s)
    if apart_s < max(SAME * longest_s, NOISE_S):
        return False
    return True if apart_s >= 2 * late_s else None


class _Growth(NamedTuple):
    """The mean delays' first, their factor, the level that they stay at, None where none is seen, and how far they
    deviate from this, as a share.
    """

    first_s: float
    factor: float
    level_s: float | None
    deviation: float


def _columns(outages_s: Sequence[Sequence[float]]) -> list[list[float]]:
    """Return the delays by attempt, as far as most clients came: those that are cut off are the longest."""
    columns = [[delay_s for delay_s in row if delay_s is not None] for row in itertools.zip_longest(*outages_s)]
    return list(itertools.takewhile(lambda column: len(column) >= PRESENT * len(outages_s), columns))


def _relative_spread(columns: Sequence[Sequence[float]], noise_s: float) -> float | None:
    """Return the standard deviation of a delay as a share of its mean, without the noise; None of a single client."""
    freedom = sum(len(column) - 1 for column in columns)
    if not freedom:
        return None
    squares = 0.0
    for column in columns:
        of_noise = (len(column) - 1) * noise_s**2
        squares += max(0.0, statistics.pvariance(column) * len(column) - of_noise) / _mean(column) ** 2
    return math.sqrt(squares / freedom)


def _grown(columns: Sequence[Sequence[float]], spread: float | None, clients: int) -> _Growth:
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
    return _Growth(first_s, math.exp(best.slope), None if knee == last else level_s, deviation)


class _Fit(NamedTuple):
    offset: float
    slope: float
    squares: float


def _fit(logs: Sequence[float], knee: float) -> _Fit:
    places = [min(float(place), knee) for place in range(len(logs))]
    slope, offset = statistics.linear_regression(places, logs)
    squares = sum((log - offset - slope * place) ** 2 for place, log in zip(places, logs, strict=True))
    return _Fit(offset, slope, squares)


def _bounds(
    outages_s: Sequence[Sequence[float]], columns: Sequence[Sequence[float]], growth: _Growth, spread: float | None
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
        fewer = _columns(others)[-len(columns) :]
        without.append(math.log(_grown(fewer, spread, len(others)).factor))
    error = 2 * math.sqrt((len(without) - 1) * statistics.pvariance(without))
    return growth.factor * math.exp(-error), growth.factor * math.exp(error)


def _mean(delays_s: Sequence[float]) -> float:
    return max(statistics.mean(delays_s), SHORTEST_S)  # of which there is a logarithm


def _range(values_s: Sequence[float]) -> str:
    low_s, high_s = min(values_s), max(values_s)
    return f"{low_s:.3g} s" if high_s - low_s < 0.005 else f"{low_s:.3g} to {high_s:.3g} s"


def _uptime(not_after_s: float | None, after_s: float | None) -> str:
    if after_s is None:
        return f"a connection of {not_after_s:g} s does not start it over"
    if not_after_s is None:
        return f"a connection of {after_s:g} s starts it over"
    return f"a connection starts it over that lasted {not_after_s:g} to {after_s:g} s"
