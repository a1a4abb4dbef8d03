"""Closures by the clock: a connection that is too old, too idle, a message that takes too long, a refusal that is late.

| a small message …                                                  | so it is                    |
|--------------------------------------------------------------------|-----------------------------|
| is closed, left alone for as long                                  | an age or an idle timeout   |
| is closed at that age too, with messages all the while             | an age                      |
| is not, with messages all the while                                | an idle timeout             |
| is closed only where it is sent as slowly as the large one         | a timeout while sending     |
| is not; but one that seemed to pass is, if it is waited for        | a refusal that comes late   |
"""

from __future__ import annotations

from wslab.core.limits.doubts import Diagnosis, keep, stopped_by
from wslab.core.limits.inquiry import Inquiry, Steps
from wslab.core.limits.trials import Observation, Reading, Trial
from wslab.core.limits.verdicts import Cause

LATE_S = 2.0
AT_ONCE_S = 0.05
"""A refusal that comes so soon, and in place of an answer, is not late."""

SHORTEST_S = 0.15
"""A connection that lives no longer tells nothing of size: waiting for an answer takes as much."""

_NEARLY = 0.7


def by_time(diagnosis: Diagnosis, age_s: float | None = None) -> Steps[None]:
    """Find out whether a connection is closed that old, or that idle, whatever was sent on it.

    Raises:
        Reconsidered, Stopped: it is.
    """
    inquiry = diagnosis.inquiry
    wait_s = 1.3 * (age_s or diagnosis.doubt.age_s) + 0.1
    if wait_s < SHORTEST_S or wait_s > inquiry.left_s / 4:
        return
    idle = yield from diagnosis.series(diagnosis.small_bytes, count=2, interval_s=wait_s)
    if idle.close_code is None:
        return
    busy = yield from diagnosis.series(diagnosis.small_bytes, count=9, interval_s=wait_s / 8)
    diagnosis.go_on_fresh(_aged_or_idle(inquiry, idle, busy))


def _aged_or_idle(inquiry: Inquiry, idle: Observation, busy: Observation) -> Cause:
    if busy.close_code is None:
        idle_s = idle.idle_s or idle.age_s
        said = f"a connection is closed {idle_s:.2f} s after anything last went over it, and not while messages do."
        return keep(inquiry, "time", "idle_s", round(idle_s, 2), said, idle)
    age_s = min(idle.age_s, busy.age_s)
    said = f"a connection is closed when it is {age_s:.2f} s old, whether or not anything is sent on it."
    return keep(inquiry, "time", "age_s", round(age_s, 2), said, idle)


def while_waiting(inquiry: Inquiry, seen: Observation) -> Steps[None]:
    """A small message was closed, too, when it was waited for as long as for a refused one.

    Raises:
        Reconsidered: always; such closures are no refusals from now on. Stopped: connections live too shortly.
    """
    if inquiry.cause("time") is not None:
        raise stopped_by(inquiry.evidence.causes[-1])
    wait_s = 1.3 * seen.age_s + 0.1
    small = inquiry.small_bytes
    busy, _ = yield from inquiry.ask(
        "series", small, fresh=True, purpose="control", fragment_bytes=0, count=9, interval_s=wait_s / 8
    )
    cause = _aged_or_idle(inquiry, seen, busy)
    if seen.age_s < SHORTEST_S:
        raise stopped_by(cause, "That is too soon to wait for an answer to a message.")
    inquiry.adopt("Closures by the clock are no refusals from here on.", fresh=True)


def while_sending(inquiry: Inquiry, seen: Observation) -> None:
    """A message of an accepted size was closed, sent as slowly as a larger one takes.

    Raises:
        Stopped: always; whatever is large enough takes too long.
    """
    said = (
        f"a message of an accepted size is closed too, {seen.took_s:.2f} s after it was begun, where it is sent as "
        "slowly as a larger one takes. Messages that take so long on this line are closed, whatever their size."
    )
    raise stopped_by(keep(inquiry, "time", "sending_s", round(seen.took_s, 2), said, seen))


def without_the_clock(inquiry: Inquiry, trial: Trial, observation: Observation, reading: Reading) -> Reading:
    """Return what a trial proves where the clock may have closed its connection while it was waited for."""
    clock = inquiry.cause("time")
    if reading == "accepted" or clock is None or clock.number is None or observation.close_code != clock.close_code:
        return reading
    passed_s = {"age_s": observation.age_s, "idle_s": observation.took_s}.get(clock.unit or "", 0.0)
    if passed_s < _NEARLY * clock.number:
        return reading
    replies = inquiry.baseline.replies
    unanswered = replies in ("echo", "own") and not trial.is_announcement
    return "held_open" if unanswered else "accepted"


def refused_late(inquiry: Inquiry, size: int, grace_s: float = LATE_S) -> Steps[None]:
    """Find out whether a message of this size is refused once it is waited for: then the next was taken for it.

    Raises:
        Reconsidered: it is.
    """
    if size <= inquiry.small_bytes or inquiry.manner.grace_s >= grace_s or grace_s > inquiry.left_s / 8:
        return
    seen, reading = yield from inquiry.ask("frame", size, fresh=True, grace_s=grace_s, purpose="control")
    was_answered = seen.echoed_bytes > 0 or seen.own_messages > 0
    if reading == "accepted" or (seen.took_s <= AT_ONCE_S and not was_answered):
        return
    small, reading = yield from inquiry.ask(
        "frame", inquiry.small_bytes, fresh=True, grace_s=grace_s, purpose="control"
    )
    if reading != "accepted":
        yield from while_waiting(inquiry, small)
    inquiry.evidence.accepted_bytes = inquiry.small_bytes
    notice = f"The server closes {seen.took_s:.2f} s after a message: each is given that long from here on."
    inquiry.adopt(notice, grace_s=1.5 * seen.took_s + 0.1)
