"""Closures by traffic: so many messages, frames or bytes on a connection, or in a time, or so many connections.

| a series of small messages is closed …                        | so it is                |
|---------------------------------------------------------------|-------------------------|
| after as many each time, and no more pass after a rest        | a count                 |
| after as many each time, and more pass after a rest           | a rate                  |
| at once, where one before was closed, until it has rested     | a rate over connections |
| never; but a series of large ones is                          | the same, of bytes      |

A count of messages is told from one of bytes by larger messages, and from one of frames by messages in two frames.
"""

from __future__ import annotations

from statistics import fmean

from wslab.core.limits.doubts import RESTS_S, Diagnosis, messages, stopped_by
from wslab.core.limits.inquiry import Steps
from wslab.core.limits.timeouts import by_time
from wslab.core.limits.verdicts import CauseUnit

SERIES = range(16, 129)
ROUNDS = 3
_MOST_CONNECTIONS = 24
_UNRESTED = 6
_A_MOMENT_S = 0.04


def by_messages(diagnosis: Diagnosis) -> Steps[None]:
    """Find what closes a series of small messages after as many each time.

    Raises:
        Reconsidered, Stopped: something does.
    """
    inquiry = diagnosis.inquiry
    sent = max(diagnosis.doubt.nth, inquiry.asked_of_late)
    yield from burst_of(diagnosis, diagnosis.small_bytes, max(SERIES.start, min(2 * sent + 8, SERIES.stop - 1)))
    if len(diagnosis.closed) < ROUNDS:
        return
    passed = [burst.passed for burst in diagnosis.bursts]
    if _are_alike(passed) and max(passed) > 0:
        yield from _repeat(diagnosis)
        passed = [burst.passed for burst in diagnosis.bursts]
    if passed[0] > 2 and max(passed[1:]) <= 1:
        yield from _over_connections(diagnosis, passed[0])
    elif max(passed) == 0:
        yield from _over_connections(diagnosis, diagnosis.doubt.nth)
    elif len(diagnosis.closed) == len(passed) and _are_alike(passed):
        yield from _count_or_rate(diagnosis, round(fmean(passed)))
    ages_s = [burst.age_s for burst in diagnosis.closed]
    if max(ages_s) - min(ages_s) < 0.2 * max(ages_s) + 0.02 and max(ages_s) > _A_MOMENT_S:
        yield from by_time(diagnosis, fmean(ages_s))


def by_connections(diagnosis: Diagnosis) -> Steps[None]:
    """Find out whether small messages are closed when each comes on a connection of its own.

    Raises:
        Reconsidered: they are, after as many connections each time.
    """
    small = diagnosis.small_bytes
    passed: list[int] = []
    for _ in range(ROUNDS):
        count, fell_short = 0, False
        while not fell_short and count < _MOST_CONNECTIONS:
            pause_s = 0.0 if count else RESTS_S[0]
            one = yield from diagnosis.series(small, count=1, pause_s=pause_s)
            fell_short = one.fell_short
            count += not fell_short
        if not fell_short:
            return
        diagnosis.bursts.append(one)
        passed.append(count)
    if _are_alike(passed) and max(passed) > 0:
        said = f"it takes {messages(round(fmean(passed)))} at once, each on a connection of its own, and not the next."
        diagnosis.found("rate", "connections_per_s", round(fmean(passed) / RESTS_S[0], 1), said)
        diagnosis.go_on_slower(1.3 * RESTS_S[0] / min(passed))


def burst_of(diagnosis: Diagnosis, size: int, count: int) -> Steps[None]:
    """Send the same series several times, each on a connection of its own, after a rest."""
    diagnosis.bursts.clear()
    for number in range(ROUNDS):
        diagnosis.bursts.append((yield from diagnosis.series(size, count=count)))
        if number == 1 and not diagnosis.closed:
            return


def _repeat(diagnosis: Diagnosis) -> Steps[None]:
    """Three alike may be chance: a few more."""
    count = 2 * max(burst.passed for burst in diagnosis.bursts) + 4
    for _ in range(ROUNDS):
        diagnosis.bursts.append((yield from diagnosis.series(diagnosis.small_bytes, count=count)))


def _are_alike(numbers: list[int]) -> bool:
    """Whether series that were closed after so many messages have a pattern; small numbers must be equal."""
    spread = max(numbers) - min(numbers)
    return spread == 0 if max(numbers) < 5 else spread <= max(1, 0.2 * max(numbers))


def rests(diagnosis: Diagnosis) -> list[float]:
    """Return how long to rest, one after the other, as far as there is time."""
    return [rest_s for rest_s in RESTS_S if rest_s < diagnosis.inquiry.left_s / 3]


def _count_or_rate(diagnosis: Diagnosis, passed: int) -> Steps[None]:
    yield from _not_by_age(diagnosis, passed)
    small = diagnosis.small_bytes
    rest_s = 0.0
    for rest_s in rests(diagnosis):
        rested = yield from diagnosis.series(small, count=2 * passed + 1, rest_after=max(1, passed), rest_s=rest_s)
        more = rested.passed - passed
        if rested.passed == 0:
            yield from _over_connections(diagnosis, passed)
        if more > max(1, 0.1 * passed) or (passed <= 2 and more > 0):
            yield from _rate(diagnosis, passed, more, rest_s)
    yield from _count(diagnosis, passed, rest_s)


def _not_by_age(diagnosis: Diagnosis, passed: int) -> Steps[None]:
    """Tell a count from a time by going slower: fewer pass in the same time."""
    age_s = fmean(burst.age_s for burst in diagnosis.bursts)
    if age_s < _A_MOMENT_S or passed < 3:
        return
    slow = yield from diagnosis.series(diagnosis.small_bytes, count=passed, interval_s=3 * age_s / passed)
    if slow.fell_short and slow.passed < 0.7 * passed and slow.age_s < 1.5 * age_s:
        yield from by_time(diagnosis, fmean((age_s, slow.age_s)))


def _rate(diagnosis: Diagnosis, passed: int, more: int, rest_s: float) -> Steps[None]:
    larger = yield from _larger_if_bytes_count(diagnosis, passed)
    per_s = more / rest_s
    size = diagnosis.small_bytes
    number, unit = (per_s, "messages") if larger is None else (larger * per_s, "bytes")
    diagnosis.found(
        "rate",
        "messages_per_s" if larger is None else "bytes_per_s",
        round(number, 1),
        f"it takes {messages(passed, size)} at once, and {more} more after a rest of {rest_s:g} s, but not the next; "
        f"that is about {number:,.3g} {unit} per second.",
    )
    diagnosis.go_on_slower(1.2 * rest_s / more)


def _count(diagnosis: Diagnosis, passed: int, rest_s: float) -> Steps[None]:
    unit: CauseUnit = "messages"
    if (yield from _larger_if_bytes_count(diagnosis, passed)) is not None:
        unit = "bytes"
    elif diagnosis.inquiry.takes_fragments and passed > 2:
        size = max(2, diagnosis.small_bytes)
        split = yield from diagnosis.series(size, count=passed, fragment_bytes=max(1, size // 2))
        unit = "frames" if split.passed <= 0.6 * passed else unit
    number = passed * diagnosis.small_bytes if unit == "bytes" else passed
    what = unit[:-1] if number == 1 else unit
    said = f"each connection is closed after {number:,} {what}, and no more pass after a rest of {rest_s:g} s."
    cause = diagnosis.found("count", unit, number, said)
    remark = f"A limit over a time much longer than {rest_s:g} s would look like this count."
    if remark not in diagnosis.inquiry.evidence.remarks:
        diagnosis.inquiry.evidence.remarks.append(remark)
    diagnosis.go_on_fresh(cause)


def _larger_if_bytes_count(diagnosis: Diagnosis, passed: int) -> Steps[int | None]:
    """Tell whether messages are counted or their bytes: of larger ones as many pass, or fewer. Return how large."""
    larger = min(diagnosis.inquiry.evidence.accepted_bytes, 2**16)
    if larger < 4 * diagnosis.small_bytes or passed < 2:
        return None
    many = yield from diagnosis.series(larger, count=passed)
    return larger if many.passed < 0.6 * passed else None


def _over_connections(diagnosis: Diagnosis, passed: int) -> Steps[None]:
    """It closed again at once, on a new connection: from this address only, or until when?"""
    inquiry, small = diagnosis.inquiry, diagnosis.small_bytes
    if inquiry.terms.other_sources and not inquiry.manner.from_anywhere:
        opens: list[bool] = []
        for source in (1, 0, 0, 1):  # not by turns, as servers behind one address may come
            one = yield from diagnosis.series(small, count=1, source=source, pause_s=0.0)
            opens.append(not one.fell_short)
        if opens == [True, False, False, True]:
            said = "messages on new connections from this address are closed, and from another, at once, they are not."
            diagnosis.found("count", "connections", None, said)
            inquiry.adopt("Every connection comes from another address from here on.", from_anywhere=True)
    at_once = 0
    for _ in range(_UNRESTED):
        one = yield from diagnosis.series(small, count=1, pause_s=0.0)
        at_once += not one.fell_short
    if at_once > 1:
        return  # it does take more without a rest: that was chance
    for rest_s in rests(diagnosis):
        rested = yield from diagnosis.series(small, count=passed + 1, pause_s=rest_s)
        if not rested.fell_short and inquiry.passed_bytes >= 4 * small:
            sent = messages(max(1, passed), diagnosis.doubt.payload_bytes)
            said = (
                f"after about {sent} it takes nothing on any connection before a rest of {rest_s:g} s, and then "
                f"{messages(rested.passed, small)} without a pause: bytes are counted in a time, over all connections."
            )
            diagnosis.found("rate", "bytes_per_s", None, said)
            diagnosis.go_on_slower(1.2 * rest_s)
        if rested.passed > 0:
            said = f"it takes about {messages(passed)}, then none on any connection before a rest of {rest_s:g} s."
            diagnosis.found("rate", "messages_per_s", round(max(1, passed) / rest_s, 1), said)
            diagnosis.go_on_slower(1.2 * rest_s / max(1, rested.passed))
    said = (
        f"after {messages(inquiry.asked)} in all it takes no more from here, for {RESTS_S[-1]:g} s at least: a quota, "
        "or a limit over a long time."
    )
    raise stopped_by(diagnosis.found("rate", None, None, said))
