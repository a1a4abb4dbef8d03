"""How sure a share is that was counted in so many tries: the score interval of Wilson."""

from __future__ import annotations

from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

from wslab.core.arguments import check_number, check_whole


class Interval(NamedTuple):
    """A range that holds the true share with the stated confidence."""

    low: float
    high: float


def wilson(successes: int, tries: int, *, confidence: float = 0.95) -> Interval:
    """Return Wilson's score interval of a share: sound for few tries, and where all or none succeeded.

    Source: E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference, Journal of the American
    Statistical Association 22 (1927), 209–212, https://doi.org/10.1080/01621459.1927.10502953.

    Args:
        confidence: between 0.5 and 0.9999.

    Raises:
        TypeError, ValueError: an argument is out of its bounds.

    >>> low, high = wilson(20, 20)
    >>> round(low, 3), high
    (0.839, 1.0)
    """
    check_whole("tries", tries, low=1, unit="tries")
    check_whole("successes", successes, low=0, high=tries, unit="tries")
    check_number("confidence", confidence, low=0.5, high=0.9999, unit="(a share)")
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share = successes / tries
    middle = (share + z * z / (2 * tries)) / (1 + z * z / tries)
    half = z * sqrt(share * (1 - share) / tries + z * z / (4 * tries * tries)) / (1 + z * z / tries)
    # At the ends the exact bound is 0 or 1; rounding would leave it a hair off.
    return Interval(
        0.0 if successes == 0 else middle - half,
        1.0 if successes == tries else middle + half,
    )
