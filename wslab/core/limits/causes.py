"""Why a message was closed that should have passed: each possible cause has a trial in which it would show.

First large messages one by one (`wslab.core.limits.lots`), then a series of small ones (`wslab.core.limits.traffic`),
one of large ones, then the clock (`wslab.core.limits.timeouts`), then chance. What no trial reproduces is said to be
unexplained. Each cause leads to a manner in which the search goes on without it.
"""

from __future__ import annotations

from typing import NoReturn

from wslab.core.limits.doubts import MOST_TRIES, Diagnosis, Doubt, how_closed, keep
from wslab.core.limits.inquiry import PATIENT, Inquiry, Steps, Stopped
from wslab.core.limits.lots import by_lot
from wslab.core.limits.timeouts import by_time, refused_late
from wslab.core.limits.traffic import by_connections, by_messages
from wslab.core.limits.trials import Content, Observation
from wslab.core.limits.verdicts import Failure
from wslab.core.limits.volume import by_bytes

MOST_UNEXPLAINED = 3
_EACH = 5
"""Messages far below the doubted sizes, and far above."""


def diagnose(inquiry: Inquiry, doubt: Doubt) -> Steps[NoReturn]:
    """Find out why a message was closed that should have passed.

    Raises:
        Reconsidered: always, but for this: the search starts over, in a manner that avoids it. Stopped: none would.
    """
    if inquiry.cause("chance") is None:
        yield from _find_cause(Diagnosis(inquiry, doubt))
    elif inquiry.manner.tries < MOST_TRIES:
        inquiry.adopt(tries=inquiry.manner.tries + 3)
    inquiry.doubted.append(doubt.payload_bytes)
    unexplained = len(inquiry.doubted)
    if unexplained >= MOST_UNEXPLAINED:
        yield from _limit_that_moves(inquiry, doubt)
        share = unexplained / max(1, inquiry.asked)
        said = (
            f"{unexplained} closures in about {inquiry.asked} messages, which neither rate, time, count nor "
            f"content explains: about {100 * share:.0f} %, by chance or by a limit that changes."
        )
        Diagnosis(inquiry, doubt).by_chance(share, said)
    said = how_closed(doubt.close_code, doubt.close_reason)
    inquiry.evidence.remarks.append(
        f"Once {said}, on a message of {doubt.payload_bytes:,} bytes that passed another time; nothing explains it."
    )
    pause_s = 0.1 * unexplained**2
    inquiry.adopt(
        f"More gently from here on, a connection for each message, {pause_s:g} s apart.", fresh=True, pause_s=pause_s
    )


def _limit_that_moves(inquiry: Inquiry, doubt: Doubt) -> Steps[None]:
    """Tell a limit that moves from chance: far below the doubted sizes every message passes, far above none does.

    Raises:
        Stopped: so it is.
    """
    least, most = min(inquiry.doubted), max(inquiry.doubted)
    low, high = least // 2, 2 * most
    if low <= inquiry.small_bytes or high > inquiry.evidence.cap_bytes:
        return
    for size, passes in [(low, True), (high, False)] * _EACH:
        _, reading = yield from inquiry.ask("frame", size, fresh=True, purpose="control", patience=PATIENT)
        if (reading == "accepted") is not passes:
            return
    n = f"{_EACH} of {_EACH}"
    said = (
        f"There is a limit, and it moves: {low:,} bytes pass {n} times, {high:,} are refused {n} times, and messages "
        f"of {_span(least, most)} pass at one time and not at another: then "
        f"{how_closed(doubt.close_code, doubt.close_reason)}. It may follow the time, the load or the free memory. "
        f"Keep to {low:,} bytes, or ask the server's owner what the limit depends on."
    )
    raise Stopped(Failure(status="inconsistent", explanation=said))


def _span(least: int, most: int) -> str:
    return f"{least:,} bytes" if least == most else f"{least:,} to {most:,} bytes"


def _find_cause(diagnosis: Diagnosis) -> Steps[None]:
    yield from by_lot(diagnosis)
    yield from by_messages(diagnosis)
    if diagnosis.closed:
        bursts = diagnosis.bursts
        lengths = ", ".join(str(burst.passed) for burst in bursts)
        share = len(diagnosis.closed) / sum(burst.passed + 1 for burst in bursts)
        said = f"series of small messages are closed after {lengths} of them, without a pattern"
        diagnosis.by_chance(share, f"{said}: about {100 * share:.0f} % of messages are, whatever their size.")
    yield from by_bytes(diagnosis)
    yield from by_time(diagnosis)
    size = max(diagnosis.inquiry.evidence.accepted_bytes, diagnosis.doubt.payload_bytes)
    yield from refused_late(diagnosis.inquiry, size)
    yield from by_connections(diagnosis)


def closes_on_content(inquiry: Inquiry, payload_bytes: int, seen: Observation, other: Content) -> NoReturn:
    """A message of this size was refused, and passes in other words.

    Raises:
        Reconsidered: always.
    """
    instead = "as JSON" if other == "json_text" else "in other words"
    said = f"a message of {payload_bytes:,} bytes of one character is refused, and passes {instead}, 3 of 3 times."
    keep(inquiry, "content", None, payload_bytes, said, seen)
    inquiry.baseline = inquiry.baseline.with_content(other)
    inquiry.adopt("Other words from here on.")
