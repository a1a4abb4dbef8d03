"""A client's policy, estimated from when it came back: what was seen, how sure, and a policy to simulate it by."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Sequence
from typing import Literal

import msgspec

from wslab.core.policies import textbook
from wslab.core.policies.policy import Policy

Jitter = Literal["none", "partial", "full", "unknown"]

NEAR, FLAT = 0.6, 1.3
"""A delay of this share of the longest ends the growth; later ones are flat if their second half is at most so many
times the first."""

SAME = 0.1
"""Delays that differ by less than this share are taken for the same: a client's own lateness is in them."""

NOISE_S = 0.05
"""So far apart come clients without jitter where the machine is busy."""


class PolicyEstimate(msgspec.Struct, frozen=True, kw_only=True):
    """What a client's delays say of its policy.

    Fields:
        delays_s: before each attempt of one outage, as observed. first_delays_s: before the first, of several clients.
        factor: from one delay to the next, where they grow; factor_low, factor_high: the extremes of what was seen.
        max_delay_s: where they stop growing; None where that was not reached.
        jitter: by how far the first delays of several clients lie apart; "unknown" of fewer than three.
    """

    delays_s: tuple[float, ...]
    first_delays_s: tuple[float, ...]
    factor: float
    factor_low: float
    factor_high: float
    max_delay_s: float | None
    jitter: Jitter

    @property
    def grows(self) -> bool:
        """Whether later delays are longer than earlier ones."""
        return self.factor > 1 + SAME

    def told(self) -> str:
        """Say it in a sentence."""
        first = f"first delay {_range(self.first_delays_s or self.delays_s[:1])}"
        growth = (
            f"then ×{self.factor:.2g} ({self.factor_low:.2g} to {self.factor_high:.2g})" if self.grows else "no growth"
        )
        cap = f"up to {self.max_delay_s:.3g} s" if self.max_delay_s is not None else "no cap was reached"
        return f"{first}; {growth}; {cap}; jitter: {self.jitter} (n = {len(self.first_delays_s)})"

    def policy(self) -> Policy:
        """Return the textbook's policy that comes closest, to simulate a herd of such clients by."""
        first_s = max(self.first_delays_s or self.delays_s[:1])
        if not self.grows:
            shortest_s, longest_s = min(self.delays_s), max(self.delays_s)
            if self.jitter in ("none", "unknown"):
                return textbook.constant(delay_s=statistics.median(self.delays_s))
            return textbook.seed_page(min_delay_s=shortest_s, max_delay_s=longest_s)
        knobs = {"initial_delay_s": first_s, "factor": self.factor}
        knobs["max_delay_s"] = max(self.max_delay_s or 86_400.0, first_s)
        if self.jitter == "full":
            return textbook.full_jitter(**knobs)
        return (textbook.equal_jitter if self.jitter == "partial" else textbook.exponential)(**knobs)


def estimate(delays_s: Sequence[float], first_delays_s: Sequence[float] = ()) -> PolicyEstimate | None:
    """Estimate a policy from one outage's delays and several clients' first ones; None of fewer than three delays.

    >>> estimate([1.0, 2.0, 4.0, 8.0, 8.0, 8.0], [1.0, 1.01, 1.02]).told()
    'first delay 1 to 1.02 s; then ×2 (2 to 2); up to 8 s; jitter: none (n = 3)'
    """
    if len(delays_s) < 3:
        return None
    # Growth is read up to the first delay that comes near the longest: jitter beyond it says nothing of the factor.
    longest_s = max(delays_s)
    knee = next(place for place, delay_s in enumerate(delays_s) if delay_s >= NEAR * longest_s)
    rising, later = delays_s[: knee + 1], delays_s[knee + 1 :]
    ratios = [after / before for before, after in itertools.pairwise(rising) if before > 0] or [1.0]
    factor = (rising[-1] / rising[0]) ** (1 / knee) if knee and rising[0] > 0 else 1.0
    half = len(later) // 2
    is_flat = half > 0 and statistics.mean(later[half:]) < FLAT * statistics.mean(later[:half])
    return PolicyEstimate(
        delays_s=tuple(delays_s),
        first_delays_s=tuple(first_delays_s),
        factor=factor,
        factor_low=min(ratios),
        factor_high=max(ratios),
        max_delay_s=longest_s if is_flat or factor <= 1 + SAME else None,
        jitter=_jitter(first_delays_s),
    )


def is_spread(first_delays_s: Sequence[float]) -> bool:
    """Whether clients that were sent away together came back further apart than a busy machine explains."""
    longest_s = max(first_delays_s)
    return longest_s - min(first_delays_s) >= max(SAME * longest_s, NOISE_S)


def _jitter(first_delays_s: Sequence[float]) -> Jitter:
    if len(first_delays_s) < 3:
        return "unknown"
    shortest_s, longest_s = min(first_delays_s), max(first_delays_s)
    if not is_spread(first_delays_s):
        return "none"
    return "full" if shortest_s < 0.35 * longest_s else "partial"


def _range(values_s: Sequence[float]) -> str:
    low_s, high_s = min(values_s), max(values_s)
    return f"{low_s:.3g} s" if high_s - low_s < 0.005 else f"{low_s:.3g} to {high_s:.3g} s"
