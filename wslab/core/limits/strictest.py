"""Servers with different limits behind one address: the limit of the strictest, to which every message must keep.

Likewise a limit that fell during the search is told from bytes that are counted over all connections: below a limit
every message passes, while a quota refuses even small ones once it is used up.
"""

from __future__ import annotations

from wslab.core.limits.doubts import RESTS_S, Diagnosis, stopped_by
from wslab.core.limits.guesses import next_size
from wslab.core.limits.inquiry import PATIENT, Inquiry, Steps, Stopped
from wslab.core.limits.verdicts import Failure

EACH = 8
"""New connections for each size: where two servers are met by chance, both are met in 127 of 128 cases."""

_ROUNDS = 3

MINUTE_S = 61.0
"""The rest that a quota per minute needs."""


def strictest(inquiry: Inquiry, refused_bytes: int) -> Steps[int | None]:
    """Return the largest size that passes on every connection, below one that is refused on some.

    None where that cannot be told: repeated trials contradict it, or the host is another one, which is spared.
    """
    if not inquiry.terms.is_local:
        return None
    high = refused_bytes
    for _ in range(_ROUNDS):
        low = inquiry.small_bytes
        while high - low > 1:
            size = next_size(low, high)
            if (yield from _passes_everywhere(inquiry, size)):
                low = size
            else:
                high = size
        if (yield from _passes_everywhere(inquiry, low)):
            return low
        high = low  # by chance, every connection had met the other server
    return None


def _passes_everywhere(inquiry: Inquiry, size: int) -> Steps[bool]:
    for _ in range(EACH):
        _, reading = yield from inquiry.ask("frame", size, fresh=True, purpose="control", patience=PATIENT)
        if reading != "accepted":
            return False
    return True


def fallen_or_used_up(diagnosis: Diagnosis) -> Steps[None]:
    """A message that passed before is refused on any connection now: find out whether smaller ones go on passing.

    Raises:
        Stopped: the limit fell; or a quota of bytes is used up. Reconsidered: it is one that soon fills again.
    """
    inquiry, size = diagnosis.inquiry, diagnosis.doubt.payload_bytes
    smaller = size // 2
    while smaller > inquiry.small_bytes:
        _, reading = yield from inquiry.ask("frame", smaller, fresh=True, purpose="control", patience=PATIENT)
        if reading == "accepted":
            break
        smaller //= 2
    else:
        return
    if (yield from _passes_everywhere(inquiry, smaller)):
        raise Stopped(_fell(size, smaller))
    yield from _used_up(diagnosis, size)


def _fell(size: int, smaller: int) -> Failure:
    said = (
        f"The limit fell during the search: a message of {size:,} bytes passed, and is refused now on each new "
        f"connection, while {smaller:,} bytes still pass, {EACH} of {EACH} times. It may follow the time, the load or "
        "the free memory: ask the server's owner what it depends on."
    )
    return Failure(status="inconsistent", explanation=said)


def _used_up(diagnosis: Diagnosis, size: int) -> Steps[None]:
    inquiry, taken_bytes = diagnosis.inquiry, diagnosis.inquiry.taken_bytes
    said = (
        f"after about {taken_bytes:,} bytes on all connections together, messages of {size:,} bytes, which had passed "
        "before, are refused on any connection, and smaller ones once a few of them have passed"
    )
    for rest_s in (*RESTS_S, MINUTE_S):
        if rest_s > inquiry.left_s / 2:
            break
        notice = f"Waiting {rest_s:g} s, to see whether more passes then."
        rested = yield from diagnosis.series(size, count=1, pause_s=rest_s, notice=notice)
        if not rested.fell_short:
            cause = diagnosis.found("rate", "bytes_per_s", None, f"{said}, until it has rested for {rest_s:g} s.")
            if rest_s < MINUTE_S:
                diagnosis.go_on_slower(1.2 * rest_s)
            raise stopped_by(cause)
    raise stopped_by(diagnosis.found("rate", "bytes_per_s", None, f"{said}: a quota of bytes over a longer time."))
