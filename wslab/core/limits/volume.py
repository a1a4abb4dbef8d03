"""Closures by volume: so many bytes on a connection, or in a time, where as many small messages pass."""

from __future__ import annotations

import math
from statistics import fmean

from wslab.core.limits.doubts import Diagnosis, messages
from wslab.core.limits.inquiry import Steps
from wslab.core.limits.timeouts import refused_late
from wslab.core.limits.traffic import ROUNDS, SERIES, burst_of, rests

_MOST_BYTES = 2**28


def by_bytes(diagnosis: Diagnosis) -> Steps[None]:
    """Small messages in number pass: find whether large ones are closed that come to as many bytes as were sent.

    Raises:
        Reconsidered, Stopped: they are.
    """
    inquiry, doubt = diagnosis.inquiry, diagnosis.doubt
    size = doubt.payload_bytes if doubt.passes else min(inquiry.evidence.accepted_bytes, max(doubt.payload_bytes, 1))
    count = min(math.ceil(2 * max(doubt.sent_bytes, size) / size) + 1, SERIES.stop)
    if size < 4 * diagnosis.small_bytes or 4 * size * count > _MOST_BYTES:
        return
    yield from burst_of(diagnosis, size, count)
    passed = round(fmean(burst.passed for burst in diagnosis.bursts))
    if len(diagnosis.closed) < ROUNDS or passed == 0:
        return
    if (smaller := (yield from _smaller(diagnosis, size, passed))) is not None:
        said = f"each connection is closed after {messages(passed, size)}, and {smaller}."
        diagnosis.go_on_fresh(diagnosis.found("count", "messages", passed, said))
    for rest_s in rests(diagnosis):
        how = {"count": 2 * passed + 1, "rest_after": passed, "rest_s": rest_s}
        rested = yield from diagnosis.series(size, **how)
        if rested.passed > passed and (yield from diagnosis.series(size, **how)).passed > passed:
            yield from _rate_of_bytes(diagnosis, size, passed, rest_s)
    least, most = yield from _narrowed(diagnosis, size, passed)
    said = f"each connection takes {least:,} bytes in all, and is closed before {most:,}."
    diagnosis.go_on_fresh(diagnosis.found("count", "bytes", least, said))


def _narrowed(diagnosis: Diagnosis, size: int, passed: int) -> Steps[tuple[int, int]]:
    """Return how many bytes pass on a connection, and how many do not, more finely than in messages of `size`."""
    least, most = passed * size, (passed + 1) * size
    fine = max(diagnosis.small_bytes, size // 8)
    many = yield from diagnosis.series(fine, count=min(most // fine + 1, SERIES.stop))
    if many.fell_short and least <= many.passed * fine < most:
        return many.passed * fine, min(most, (many.passed + 1) * fine)
    return least, most


def _smaller(diagnosis: Diagnosis, size: int, passed: int) -> Steps[str | None]:
    """Tell bytes that are counted from large messages that are, and from a size that is refused late, or sometimes.

    Sends as many bytes in smaller messages, and returns in words what shows that bytes are not counted.
    """
    smaller = max(diagnosis.small_bytes, size // 8)
    count = 8 * (passed + 1) + 8
    if count >= SERIES.stop:
        return None
    many = yield from diagnosis.series(smaller, count=count)
    as_few = abs(many.passed - passed) <= 1 and (passed + 1) * smaller < passed * size / 2
    if many.fell_short and not as_few:
        return None
    longest_s = max(burst.age_s for burst in diagnosis.closed)
    yield from refused_late(diagnosis.inquiry, size, 2 * longest_s + 0.1)
    if as_few:
        return f"after {many.passed:,} of {smaller:,} bytes too, so that it is not their bytes that count"
    return "not after as many bytes in smaller ones"


def _rate_of_bytes(diagnosis: Diagnosis, size: int, passed: int, rest_s: float) -> Steps[None]:
    """Find out whether a message that is larger than what may be sent at once passes where it is sent slowly."""
    inquiry, burst_bytes = diagnosis.inquiry, passed * size
    bytes_per_s = burst_bytes / rest_s
    said = (
        f"it takes {burst_bytes:,} bytes at once and not {burst_bytes + size:,}, in messages of {size:,}; more pass "
        f"after a rest of {rest_s:g} s."
    )
    diagnosis.found("rate", "bytes_per_s", None, said)
    size = min(inquiry.evidence.cap_bytes, 2 * burst_bytes)
    slow_per_s = min(0.4 * bytes_per_s, inquiry.manner.bytes_per_s / 4)
    if size / slow_per_s < inquiry.left_s / 4:
        _, reading = yield from inquiry.ask(
            "frame", size, fresh=True, pause_s=rest_s, takes_s=size / slow_per_s, purpose="control"
        )
        if reading == "accepted":
            notice = f"Slower from here on, {slow_per_s:,.0f} bytes per second: at most {inquiry.left_s:.0f} s more."
            inquiry.adopt(notice, bytes_per_s=slow_per_s, fresh=True, pause_s=rest_s)
    inquiry.at_once_bytes = burst_bytes
    pause_s = 1.3 * rest_s
    up_to_s = min(inquiry.left_s, 60 * pause_s)
    notice = f"Slower from here on, one message per {pause_s:.2g} s: up to {up_to_s:.0f} s more."
    inquiry.adopt(notice, fresh=True, pause_s=pause_s)
