"""Which sizes to try: fixed ladders, searches in which each outcome decides the next size, and the limit that the
messages showed.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from typing import NamedTuple

from wslab.core.arguments import check_type, check_whole
from wslab.core.records import Send


def linear(first_bytes: int, last_bytes: int, count: int = 10) -> list[int]:
    """Return `count` sizes in equal steps, both ends included.

    >>> linear(0, 100, count=5)
    [0, 25, 50, 75, 100]
    """
    check_whole("first_bytes", first_bytes, low=0, unit="bytes")
    check_whole("last_bytes", last_bytes, low=first_bytes, unit="bytes")
    check_whole("count", count, low=2, high=100_000, unit="sizes")
    step = (last_bytes - first_bytes) / (count - 1)
    return sorted({first_bytes + round(i * step) for i in range(count)})


def doubling(first_bytes: int, last_bytes: int) -> list[int]:
    """Return sizes that double from `first_bytes` and end with `last_bytes`.

    >>> doubling(1024, 5000)
    [1024, 2048, 4096, 5000]
    """
    check_whole("first_bytes", first_bytes, low=1, unit="bytes")
    check_whole("last_bytes", last_bytes, low=first_bytes, unit="bytes")
    sizes = [first_bytes]
    while sizes[-1] * 2 < last_bytes:
        sizes.append(sizes[-1] * 2)
    return sizes if sizes[-1] == last_bytes else [*sizes, last_bytes]


def around(guess_bytes: int, radius_bytes: int = 3) -> list[int]:
    """Return every size within `radius_bytes` of a guessed limit, but none below 0, to see if the limit is inclusive.

    >>> around(65_536, radius_bytes=1)
    [65535, 65536, 65537]
    """
    check_whole("guess_bytes", guess_bytes, low=0, unit="bytes")
    check_whole("radius_bytes", radius_bytes, low=0, high=1000, unit="bytes")
    return list(range(max(0, guess_bytes - radius_bytes), guess_bytes + radius_bytes + 1))


def until_refused(first_bytes: int, last_bytes: int) -> Generator[int, bool, int | None]:
    """Yield sizes that double until one is refused, then close in; return the largest that passes.

    Returns None if all up to `last_bytes` pass, and 0 if none does.
    """
    return _closing_in(doubling(first_bytes, last_bytes))


def _closing_in(sizes: Iterable[int]) -> Generator[int, bool, int | None]:
    accepted_bytes = 0
    for size in sizes:
        if not (yield size):
            return (yield from narrowing(accepted_bytes, size))
        accepted_bytes = size
    return None


def controlled(search: Generator[int, bool, int | None], *, shared: bool = False) -> Generator[int, bool, int | None]:
    """Yield the sizes of a search, and small messages after a refusal; stop where one of these is refused as well.

    Rate, count or time refused the larger message then, and the search would close in on a limit that does not exist.
    Returns what the search returns, or None if it was stopped.

    Args:
        search: a search such as `until_refused`.
        shared: the messages share a connection, so every refusal is checked, with as many small messages as the
            connection has had. Otherwise one small message checks the first refusal.
    """
    passed, sent, small_bytes, is_checked = None, 0, None, False
    while True:
        try:
            size = search.send(passed)  # type: ignore[arg-type]  # None starts it
        except StopIteration as found:
            return found.value  # type: ignore[no-any-return]
        passed = yield size
        sent = sent + 1 if shared else 1
        if passed:
            small_bytes = small_bytes or size
        elif shared or not is_checked:
            for _ in range(sent):
                if not (yield small_bytes or 1):
                    return None
            is_checked = True


def narrowing(accepted_bytes: int, refused_bytes: int) -> Generator[int, bool, int]:
    """Yield sizes between one that passed and one that did not; receive whether each passed; return the limit.

    The limit, found by bisection, is the largest size that passes; it and the next larger size have both been tried.

    >>> search = narrowing(1, 16)
    >>> size = next(search)
    >>> try:
    ...     while True:
    ...         size = search.send(size <= 11)
    ... except StopIteration as found:
    ...     found.value
    11
    """
    check_whole("accepted_bytes", accepted_bytes, low=0, unit="bytes")
    check_whole("refused_bytes", refused_bytes, low=accepted_bytes + 1, unit="bytes")
    while refused_bytes - accepted_bytes > 1:
        middle = (accepted_bytes + refused_bytes) // 2
        if (yield middle):
            accepted_bytes = middle
        else:
            refused_bytes = middle
    return accepted_bytes


class Bracket(NamedTuple):
    """A limit, as shown by messages that were sent: the largest that passed and the smallest that did not."""

    accepted_bytes: int | None
    refused_bytes: int | None

    @property
    def is_exact(self) -> bool:
        """Whether the two sizes are one byte apart."""
        return None not in self and self.refused_bytes == (self.accepted_bytes or 0) + 1


def bracket(sends: Iterable[Send]) -> Bracket:
    """Return the limit that these messages show; a timeout or a missing connection shows nothing.

    All must have met the same limit: pass the sends before a reload, or those after it.
    """
    check_type("sends", sends, Iterable, "an iterable of Send records; for a run, pass run.sends")
    accepted: list[int] = []
    refused: list[int] = []
    for send in sends:
        if send.outcome == "accepted":
            accepted.append(send.payload_bytes)
        elif send.outcome == "closed":
            refused.append(send.payload_bytes)
    return Bracket(max(accepted, default=None), min(refused, default=None))
