"""How sure a clock is by the ends that it explains, on which records that rests, and its times in words."""

from __future__ import annotations

import math

from wslab.core.findings.finding import SURENESS, Sure
from wslab.core.findings.fits import Fit
from wslab.core.findings.readings import Reading
from wslab.core.findings.wording import range_of, seconds

_SAME = 1.02
"""Two ends whose times differ by more may agree by chance."""


def sureness(reading: Reading, best: Fit, at_most: Sure = "shown") -> Sure:
    """Return how sure a clock is: by how many ends, how closely they agree, and how many it leaves unexplained."""
    enough = 3 if best.is_exact else 5 if best.spread <= 1.5 else math.inf  # beyond that, much else fits as well
    number = len(best.fatal_s)
    sure: Sure = "shown" if number >= enough else "likely" if number >= 3 and best.spread <= 1.5 else "possible"
    if (best.is_exact and (number > 2 or best.spread <= _SAME)) or number >= 8:
        sure = min(sure, "likely", key=SURENESS.index)
    if reading.left:
        sure = max(sure, "likely", key=SURENESS.index)
    return max(sure, at_most, key=SURENESS.index)


def evidence_of(reading: Reading) -> tuple[int, ...]:
    """Return the ends, and the longest life that did not end so: the control."""
    control = max(reading.alive, key=lambda life: life.age_s, default=None)
    return tuple(life.id for life in reading.dead) + ((control.id,) if control else ())


def time_of(fit: Fit) -> str:
    """Return a clock's time in words: one time, or from which to which."""
    return seconds(fit.shortest_s) if fit.is_exact else range_of(fit.fatal_s)
