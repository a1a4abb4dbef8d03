"""Where a limit may lie: numbers that a refusal names, and the size worth trying next.

Guesses only: nothing here is an answer until real messages have confirmed it (see `wslab.core.limits.search`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

_NUMBER = re.compile(r"(?<![\w.,])(\d{1,3}(?:[,_]\d{3})+|\d+)(?:\s*([kmg])(i?)b?)?(?![\w])", re.IGNORECASE)
_POWER = {"k": 1, "m": 2, "g": 3}


def named_sizes(reason: str, *, besides: Collection[int] = ()) -> list[int]:
    """Return the sizes in bytes that `reason` may mean as a limit, the last named first.

    A unit such as KB is taken both ways, 1000 and 1024. `besides` are the sizes that were sent: a server
    that quotes them names no limit.

    >>> named_sizes("frame with 65537 bytes exceeds limit of 65536 bytes", besides=[65537])
    [65536]
    >>> named_sizes("over 1 MB")
    [1048576, 1000000]
    """
    sizes: list[int] = []
    for digits, unit, binary in _NUMBER.findall(reason):
        number = int(re.sub("[,_]", "", digits))
        bases = [] if not unit else [1024] if binary else [1000, 1024]
        sizes += [number * base ** _POWER[unit.lower()] for base in bases] or [number]
    return [size for size in reversed(sizes) if size > 0 and size not in besides]


def growing(low: int, cap: int) -> Iterator[int]:
    """Yield sizes from above `low` to `cap`, each four times the last: few tries, and little sent in vain.

    >>> list(growing(1, 100))
    [4, 16, 64, 100]
    """
    size = low
    while size < cap:
        size = min(4 * size, cap)
        yield size


def next_size(low: int, high: int) -> int:
    """Return the size to try next where `low` passes, `high` does not, and something lies between.

    Bisection, with a preference that costs one try at most: limits tend to be powers of two, so the octave is
    found first and its upper end, inclusive or exclusive, is tried before the middle.

    >>> next_size(1, 2**26 + 1) == 2**25 + 1
    True
    >>> next_size(2**19 + 1, 2**20 + 1) == 2**20 - 1
    True
    """
    octave = 1 << ((high - 2).bit_length() - 1)  # the largest power of two that is at most high - 2
    if low <= octave:
        return octave + 1
    if high - 1 == 2 * octave and low < high - 2:
        return high - 2
    return (low + high) // 2


def looks_configured(size: int) -> bool:
    """Whether a person would write `size` into a configuration: few significant digits, binary or decimal.

    >>> [looks_configured(size) for size in (65_536, 1_000_000, 10 * 2**20, 65_535, 777_777)]
    [True, True, True, False, False]
    """
    if size < 128:
        return False
    binary_digits = size // (size & -size)
    decimal_digits = int(str(size).rstrip("0"))
    return binary_digits < 128 or (decimal_digits < 100 and size >= 1000)
