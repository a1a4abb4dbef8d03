"""Estimates a client's policy from its delays: what was seen, how certain it is, and a policy to simulate it with.

The model is v × (1 − share × U(0, 1)) + added × U(0, 1), where v grows by a factor or a step up to a cap: no jitter is
a share of 0, full jitter a share of 1. Or each delay is drawn between the shortest and three times the last. The delays
of one client with jitter show little; those of several clients, compared attempt by attempt, show much.
"""

from __future__ import annotations

import statistics
from collections.abc import Iterator, Sequence
from random import Random
from typing import Literal

import msgspec

from wslab.core.codes.sources import Source
from wslab.core.policies.fitting import Model, bounds, model_of
from wslab.core.policies.growth import EXACT, SAME, columns_of
from wslab.core.policies.policy import LONGEST_DELAY_S, Policy, as_policy, at_most
from wslab.core.policies.scatter import LARGEST_RATIO, NOISE_S, drawn_once, follows_the_last, share_of
from wslab.core.policies.textbook import decorrelated_jitter

Jitter = Literal["none", "partial", "full", "added", "decorrelated", "unknown"]

AT_ONCE_S = 0.1
"""A client that comes back sooner than this does not wait."""

UNSURE = 1.25
"""How far a first delay may exceed the estimated ceiling if delays are random."""

FULL = 0.8
"""Jitter above this share of the delay counts as full."""


class PolicyEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """What the delays of one or more clients show of their policy.

    Fields:
        outages_s: the observed delay before each attempt of an outage, in seconds, for each client.
        first_s, max_delay_s: the model's first delay and its cap, without jitter; with decorrelated jitter, the
            shortest delay and the longest. max_delay_s is None if no cap was reached.
        starts_at_once: whether the first attempt comes without delay; the model then begins with the second.
        factor: from one delay to the next, 1 if they do not grow by a factor; factor_low, factor_high: its bounds.
        step_s: how much longer each delay is than the last; 0 if they do not grow by a step.
        share: the random part of each delay, 0 to 1; None for a single client with irregular delays, or if the machine
            was too late to tell.
        added_s: up to this many seconds are added at random to each delay, whatever its length.
        drawn: what is random, if anything: "each delay", "before attempt N alone" or "once for all delays".
        decorrelated: whether each delay is drawn between `first_s` and three times the one before it.
        min_uptime_s: the longest uptime after which the delays went on, and the shortest after which they started over;
            None if not tried.
    """

    outages_s: tuple[tuple[float, ...], ...]
    first_s: float
    max_delay_s: float | None
    starts_at_once: bool
    factor: float
    factor_low: float
    factor_high: float
    step_s: float = 0.0
    share: float | None
    added_s: float = 0.0
    drawn: str = "each delay"
    decorrelated: bool = False
    min_uptime_s: tuple[float | None, float | None] | None = None

    @property
    def grows(self) -> bool:
        """Whether later delays are longer than earlier ones."""
        return self.decorrelated or self.factor > 1 or self.step_s > 0

    @property
    def jitter(self) -> Jitter:
        """How delays are random: "unknown" if a single client, or a late machine, cannot tell."""
        if self.decorrelated:
            return "decorrelated"
        if self.added_s:
            return "added"
        if self.share is None:
            return "unknown"
        if self.share < SAME:
            return "none"
        return "full" if self.share > FULL else "partial"

    def longest_first_s(self, late_s: float) -> float:
        """Return how long a first delay can be, on a machine so late: if they are random, longer than those seen."""
        seen_s = max(outage_s[0] for outage_s in self.outages_s)
        ceiling_s = LARGEST_RATIO * self.first_s if self.decorrelated else self.first_s + self.added_s
        unsure = 1.0 if self.jitter == "none" else UNSURE
        longest_s = seen_s if self.starts_at_once else max(seen_s, unsure * ceiling_s)
        return longest_s * (1 + SAME) + max(NOISE_S, 2 * late_s)

    def told(self) -> str:
        """Describe the policy in one sentence."""
        first = f"first delay {_range([outage_s[0] for outage_s in self.outages_s])}"
        parts = [first, self._growth(), self._jitter()]
        if self.min_uptime_s is not None:
            parts.append(_uptime(*self.min_uptime_s))
        return "; ".join(parts)

    def policy(self) -> Policy:
        """Return the model as a policy, to simulate a herd of such clients."""
        max_delay_s = max(self.max_delay_s or LONGEST_DELAY_S, self.first_s)
        if self.decorrelated:
            made = decorrelated_jitter(initial_delay_s=self.first_s, max_delay_s=max_delay_s)
        else:
            made = estimated(
                first_s=self.first_s,
                factor=self.factor,
                step_s=self.step_s,
                max_delay_s=max_delay_s,
                share=self.share or 0.0,
                added_s=self.added_s,
                starts_at_once=self.starts_at_once,
            )
        starts_over_s = None if self.min_uptime_s is None else self.min_uptime_s[1]
        return made if not starts_over_s else made.starting_anew_after(starts_over_s)

    def _growth(self) -> str:
        if not self.grows:
            return "no growth seen"
        cap = f"up to {self.max_delay_s:.3g} s" if self.max_delay_s is not None else "no cap was reached"
        if self.decorrelated:
            return f"then each between {self.first_s:.2g} s and {LARGEST_RATIO:g} times the one before, {cap}"
        begin = f"from {self.first_s:.2g} s on " if self.starts_at_once else ""
        if self.step_s:
            return f"then {begin}{self.step_s:.2g} s longer each time, {cap}"
        return f"then {begin}×{self.factor:.2g} ({self.factor_low:.2g} to {self.factor_high:.2g}), {cap}"

    def _jitter(self) -> str:
        sizes = {
            "partial": f", {round(100 * (self.share or 0.0), -1):.0f} % of each delay",
            "added": f", up to {self.added_s:.2g} s to each delay",
        }
        drawn = "" if self.drawn == "each delay" else f", drawn {self.drawn}"
        return f"jitter: {self.jitter}{sizes.get(self.jitter, '')}{drawn} (n = {len(self.outages_s)})"


@as_policy(
    formula="v × (1 − share × U(0, 1)) + added_s × U(0, 1), v = min(max_delay_s, first_s × factorⁿ + n × step_s); "
    "before them 0, if starts_at_once",
    source=Source("estimated from a client's delays", ""),
    honours_retry_after=False,
)
def estimated(
    rng: Random,
    *,
    first_s: float = 1.0,
    factor: float = 2.0,
    step_s: float = 0.0,
    max_delay_s: float = 30.0,
    share: float = 1.0,
    added_s: float = 0.0,
    starts_at_once: bool = False,
) -> Iterator[float]:
    """Wait like the client whose policy was estimated."""
    if starts_at_once:
        yield 0.0 * rng.random()
    ceiling_s = at_most(first_s, max_delay_s)
    while True:
        delay_s = ceiling_s * (1 - share * rng.random())
        yield delay_s + added_s * rng.random() if added_s else delay_s
        ceiling_s = at_most(ceiling_s * factor + step_s, max_delay_s)


def estimate(outages_s: Sequence[Sequence[float]], *, late_s: float = 0.0) -> PolicyEstimate | None:
    """Estimate a policy from the delays of one or more clients in an outage.

    Args:
        outages_s: the delay before each attempt, in seconds, for each client.
        late_s: by how much the measuring machine was late; what this explains is not taken for jitter.

    Returns:
        The estimate; None for fewer than three delays in a row.

    >>> estimate([[1.0, 2.0, 4.0, 8.0, 8.0, 8.0]] * 3).told()
    'first delay 1 s; then ×2 (2 to 2), up to 8 s; jitter: none (n = 3)'
    """
    columns = columns_of(outages_s)
    if len(columns) < 3:
        return None
    starts_at_once = statistics.mean(columns[0]) < AT_ONCE_S < statistics.mean(columns[1]) / 3
    noise_s = max(late_s, NOISE_S)
    model = model_of([outage_s[starts_at_once:] for outage_s in outages_s], noise_s)
    growth, only = model.growth, model.only
    low, high = bounds(model.series_s, growth, model.spread, noise_s)
    share = 0.0 if model.added_s else share_of(model.spread, max(map(statistics.mean, model.columns)), late_s)
    middle = 1 - (share or 0.0) / 2  # the mean as a share of the ceiling
    found = PolicyEstimate(
        outages_s=tuple(map(tuple, outages_s)),
        first_s=growth.first_s / middle,
        max_delay_s=None if growth.level_s is None else growth.level_s / (middle if only is None else 1),
        starts_at_once=starts_at_once,
        factor=growth.factor,
        factor_low=low,
        factor_high=high,
        step_s=growth.step_s / middle,
        share=share,
        added_s=model.added_s,
        drawn="each delay" if only is None else f"before attempt {only + 1 + starts_at_once} alone",
    )
    return _as_drawn(found, model)


def _as_drawn(found: PolicyEstimate, model: Model) -> PolicyEstimate:
    """Return the estimate, corrected where a client draws only once, or each delay from the last."""
    if found.jitter in ("partial", "full") and drawn_once(model.series_s, model.columns):
        return msgspec.structs.replace(found, drawn="once for all delays")
    if found.jitter != "full" or not follows_the_last(model.series_s, model.columns):
        return found
    delays_s = [delay_s for outage_s in model.series_s for delay_s in outage_s]
    longest_s = max(delays_s)
    capped = sum(delay_s > (1 - EXACT) * longest_s for delay_s in delays_s) > 2  # capped delays are alike
    return msgspec.structs.replace(
        found,
        first_s=min(delays_s),
        max_delay_s=longest_s if capped else None,
        factor=1.0,
        factor_low=1.0,
        factor_high=1.0,
        step_s=0.0,
        decorrelated=True,
    )


def _range(values_s: Sequence[float]) -> str:
    low_s, high_s = min(values_s), max(values_s)
    return f"{low_s:.3g} s" if high_s - low_s < 0.005 else f"{low_s:.3g} to {high_s:.3g} s"


def _uptime(not_after_s: float | None, after_s: float | None) -> str:
    if after_s is None:
        return f"a connection of {not_after_s:g} s does not start it over"
    if not_after_s is None:
        return f"a connection of {after_s:g} s starts it over"
    return f"a connection starts it over that lasted {not_after_s:g} to {after_s:g} s"
