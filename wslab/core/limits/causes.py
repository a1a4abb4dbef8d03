"""Why a message was closed that should have passed: each possible cause has a trial in which it would show.

First a series of small messages (`wslab.core.limits.traffic`), then one of large ones, then the clock
(`wslab.core.limits.timeouts`), then chance, then which server it came to. What no trial reproduces is said to be
unexplained. Each cause leads to a manner in which the search goes on without it.
"""

from __future__ import annotations

import math
from typing import NoReturn

from wslab.core.limits.doubts import Diagnosis, Doubt, how_closed, keep, stopped_by
from wslab.core.limits.inquiry import Inquiry, Steps, Stopped
from wslab.core.limits.timeouts import by_time, refused_late
from wslab.core.limits.traffic import by_bytes, by_connections, by_messages
from wslab.core.limits.trials import Content, Observation
from wslab.core.limits.verdicts import Failure

MOST_UNEXPLAINED = 3
MOST_TRIES = 12
_NEW_CONNECTIONS = 8


def diagnose(inquiry: Inquiry, doubt: Doubt) -> Steps[NoReturn]:
    """Find out why a message was closed that should have passed.

    Raises:
        Reconsidered: always, but for this: the search begins anew, in a manner that avoids it. Stopped: none would.
    """
    if inquiry.cause("chance") is None:
        yield from _find_cause(Diagnosis(inquiry, doubt))
    elif inquiry.manner.tries < MOST_TRIES:
        inquiry.adopt(tries=inquiry.manner.tries + 3)
    inquiry.unexplained += 1
    if inquiry.unexplained >= MOST_UNEXPLAINED:
        said = f"{inquiry.unexplained} closures in about {inquiry.asked} messages"
        _by_chance(inquiry, doubt, inquiry.unexplained / max(1, inquiry.asked), said)
    said = how_closed(doubt.close_code, doubt.close_reason)
    inquiry.evidence.remarks.append(
        f"Once {said}, on a message of {doubt.payload_bytes:,} bytes that passed another time; nothing explains it."
    )
    pause_s = 0.1 * inquiry.unexplained**2
    inquiry.adopt(
        f"More gently from here on, a connection for each message, {pause_s:g} s apart.", fresh=True, pause_s=pause_s
    )


def _find_cause(diagnosis: Diagnosis) -> Steps[None]:
    yield from by_messages(diagnosis)
    if diagnosis.closed:
        bursts = diagnosis.bursts
        lengths = ", ".join(str(burst.passed) for burst in bursts)
        said = f"series of small messages are closed after {lengths} of them, without a pattern"
        share = len(diagnosis.closed) / sum(burst.passed + 1 for burst in bursts)
        _by_chance(diagnosis.inquiry, diagnosis.closed[0], share, said)
    yield from by_bytes(diagnosis)
    yield from by_time(diagnosis)
    size = max(diagnosis.inquiry.evidence.accepted_bytes, diagnosis.doubt.payload_bytes)
    yield from refused_late(diagnosis.inquiry, size)
    yield from by_connections(diagnosis)
    yield from _by_server(diagnosis)


def _by_server(diagnosis: Diagnosis) -> Steps[None]:
    """Find out whether it depends on the connection; that small messages pass on new ones has just been seen.

    Raises:
        Stopped: it does, as where one address leads to servers with a limit each. No one number is the limit then.
    """
    size, passed = diagnosis.doubt.payload_bytes, 0
    for _ in range(_NEW_CONNECTIONS):
        one = yield from diagnosis.series(size, count=1)
        passed += one.close_code is None
    refused = _NEW_CONNECTIONS - passed
    if min(passed, refused) < 2:
        return
    said = (
        f"On {_NEW_CONNECTIONS} new connections a message of {size:,} bytes passed {passed} times and was refused "
        f"{refused} times, and small ones passed on all: servers with different limits behind one address, or a limit "
        "that changes. The smallest of them is the one to heed; probe each server by its own address."
    )
    raise Stopped(Failure(status="inconsistent", explanation=said))


def closes_on_content(inquiry: Inquiry, payload_bytes: int, seen: Observation, other: Content) -> NoReturn:
    """A message of this size was refused, and passes in other words.

    Raises:
        Reconsidered: always.
    """
    said = f"a message of {payload_bytes:,} bytes of one character is refused, and passes in other words, 3 of 3 times."
    keep(inquiry, "content", None, payload_bytes, said, seen)
    inquiry.baseline = inquiry.baseline.with_content(other)
    inquiry.adopt("Other words from here on.")


def _by_chance(inquiry: Inquiry, doubt: Doubt | Observation, share: float, said: str) -> NoReturn:
    share = min(share, 0.9)
    tries = min(MOST_TRIES, max(3, math.ceil(math.log(1e-4) / math.log(share))))
    said = f"{said}: about {100 * share:.0f} % of messages are closed by chance, whatever their size."
    cause = keep(inquiry, "chance", "share", round(share, 3), said, doubt)
    if inquiry.manner.tries >= tries:
        raise stopped_by(cause)
    inquiry.adopt(f"A size counts as refused from here on where {tries} of {tries} are.", fresh=True, tries=tries)
