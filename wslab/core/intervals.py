"""Statistics of measured values: the confidence interval of a share, and quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil, sqrt
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

from wslab.core.arguments import check_number, check_whole

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class Interval(NamedTuple):
    """A range that contains the true share with the stated confidence."""

    low: float
    high: float


def wilson(successes: int, tries: int, *, confidence: float = 0.95) -> Interval:
    """Return Wilson's score interval of a share: sound even for few tries, and if all or none succeeded.

    Source: E. B. Wilson, Probable Inference, the Law of Succession, and Statistical Inference, Journal of the American
    Statistical Association 22 (1927), 209–212, https://doi.org/10.1080/01621459.1927.10502953.

    Args:
        confidence: between 0.5 and 0.9999.

    Raises:
        TypeError, ValueError: an argument is out of bounds.

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
    # At the ends the exact bound is 0 or 1; rounding would miss it by a hair.
    return Interval(
        0.0 if successes == 0 else middle - half,
        1.0 if successes == tries else middle + half,
    )


def quantile(values: Sequence[float], q: float) -> float | None:
    """Return the smallest value that at least the share `q` of `values` does not exceed; None if there are no values.

    Nothing is interpolated: the result is a value that was measured. The kit uses no other quantile.

    >>> quantile([3.0, 1.0, 2.0], 0.5)
    2.0
    """
    return quantile_in_order(sorted(values), q)


def quantile_in_order(values: Sequence[float] | npt.NDArray[np.float64], q: float) -> float | None:
    """Return the same for a sequence or an array that is already sorted."""
    return float(values[max(0, ceil(q * len(values)) - 1)]) if len(values) else None
