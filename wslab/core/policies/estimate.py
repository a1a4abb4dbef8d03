"""A client's policy, estimated from when it came back: what was seen, how sure, and a policy to simulate it by.

The model is v × (1 − share × U(0, 1)), v = min(cap, first × factorⁿ): no jitter is a share of 0, full jitter one of 1.
The delays of one client with jitter say little; those of several clients, attempt by attempt, say much.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Sequence
from random import Random
from typing import Literal

import msgspec

from wslab.core.codes.sources import Source
from wslab.core.policies.growth import EXACT, SAME, bounds, columns_of, grown, relative_spread
from wslab.core.policies.policy import LONGEST_DELAY_S, Policy, as_policy, at_most

Jitter = Literal["none", "partial", "full", "unknown"]

NOISE_S = 0.05
"""Clients without jitter come this far apart on a machine that is not idle."""

AT_ONCE_S = 0.1
"""A client that comes back sooner does not wait."""

FULL = 0.8
"""Jitter over this share of the delay is full."""


class PolicyEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """What the delays of one or more clients say of their policy.

    Fields:
        outages_s: for each client, the delay before each attempt of one outage, in seconds, as observed.
        first_s, max_delay_s: the model's first delay and its cap, without jitter. max_delay_s is None where no cap was
            reached.
        starts_at_once: whether the first attempt comes without a delay, and the model begins with the second.
        factor: from one delay to the next, 1 where no growth is seen; factor_low, factor_high: its bounds.
        share: how much of each delay is drawn at random, 0 to 1; None of a single client whose delays are irregular,
            and where the machine was too late to tell.
        min_uptime_s: a connection that lasted so long did not, and did, start the delays over; None: not tried.
    """

    outages_s: tuple[tuple[float, ...], ...]
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
        first = f"first delay {_range([outage_s[0] for outage_s in self.outages_s])}"
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
            return f"jitter: unknown (n = {clients})"
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


def estimate(outages_s: Sequence[Sequence[float]], *, late_s: float = 0.0) -> PolicyEstimate | None:
    """Estimate a policy from the delays of one or more clients in an outage.

    Args:
        outages_s: for each client, the delay before each attempt, in seconds.
        late_s: how late the measuring machine was; what this explains is taken for no jitter.

    Returns:
        The estimate; None of fewer than three delays in a row.

    >>> estimate([[1.0, 2.0, 4.0, 8.0, 8.0, 8.0]] * 3).told()
    'first delay 1 s; then ×2 (2 to 2), up to 8 s; jitter: none (n = 3)'
    """
    columns = columns_of(outages_s)
    if len(columns) < 3:
        return None
    means_s = [statistics.mean(column) for column in columns]
    starts_at_once = means_s[0] < AT_ONCE_S < means_s[1] / 3
    if starts_at_once:
        columns = columns[1:]
    spread = relative_spread(columns, max(late_s, NOISE_S) / 2)
    growth = grown(columns, spread, len(outages_s))
    if spread is None and len(columns) > 3 and growth.deviation < EXACT:
        spread = 0.0
    share = None if spread is None else min(1.0, math.sqrt(12) * spread / (1 + math.sqrt(3) * spread))
    if share is not None and share < SAME and late_s / 2 > SAME * max(means_s):
        share = None  # jitter would not show
    middle = 1 - (share or 0.0) / 2  # what a mean is of its ceiling
    low, high = bounds(outages_s, columns, growth, spread)
    return PolicyEstimate(
        outages_s=tuple(map(tuple, outages_s)),
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


def _range(values_s: Sequence[float]) -> str:
    low_s, high_s = min(values_s), max(values_s)
    return f"{low_s:.3g} s" if high_s - low_s < 0.005 else f"{low_s:.3g} to {high_s:.3g} s"


def _uptime(not_after_s: float | None, after_s: float | None) -> str:
    if after_s is None:
        return f"a connection of {not_after_s:g} s does not start it over"
    if not_after_s is None:
        return f"a connection of {after_s:g} s starts it over"
    return f"a connection starts it over that lasted {not_after_s:g} to {after_s:g} s"
