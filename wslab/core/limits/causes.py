"""What else a server closes on than size: found by small messages, in trials in which the explanations differ.

| a series of small messages is closed …                        | so it is                |
|---------------------------------------------------------------|-------------------------|
| after as many each time, and no more pass after a rest        | a count                 |
| after as many each time, and more pass after a rest           | a rate                  |
| after as long each time, however many they were               | a time                  |
| at once, where one before was closed, until it has rested     | a rate over connections |
| sometimes sooner, sometimes later                             | chance                  |
| never; but a series of large ones is                          | the same, of bytes      |

A count of messages is told from one of bytes by larger messages, and from one of frames by messages in two frames.
What is not reproduced is said to be unexplained. Each cause leads to a manner in which the search goes on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, NoReturn

from wslab.core.limits.inquiry import Inquiry, Steps, Stopped
from wslab.core.limits.trials import Content, Ending, Observation
from wslab.core.limits.verdicts import Cause, CauseUnit, Failure, FailureStatus

RESTS_S = (1.05, 6.0)
"""What a limit per second needs to forget, and one over a longer time."""

SERIES = range(16, 129)
LATE_S = 2.0
MOST_UNEXPLAINED = 3
_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Doubt:
    """A closure of a message that should have passed, and where it came.

    `also` is the closure of a control.
    """

    payload_bytes: int
    close_code: int | None
    close_reason: str
    nth: int
    age_s: float
    sent_bytes: int
    also: Observation | None = None

    @classmethod
    def of(cls, payload_bytes: int, seen: Observation, *, also: Observation | None = None) -> Doubt:
        told = also if also is not None and also.close_code is not None else seen
        return cls(payload_bytes, told.close_code, told.close_reason, seen.nth, seen.age_s, seen.sent_bytes, also)

    @classmethod
    def ended(cls, ending: Ending) -> Doubt:
        code, reason = ending.close_code, ending.close_reason
        return cls(ending.payload_bytes, code, reason, ending.nth, ending.age_s, ending.sent_bytes)


def diagnose(inquiry: Inquiry, doubt: Doubt) -> Steps[NoReturn]:
    """Find out why a message was closed that should have passed.

    Raises:
        Reconsidered: always, but for this: the search begins anew, in a manner that avoids it. Stopped: none would.
    """
    if (chance := inquiry.cause("chance")) is not None and inquiry.manner.tries < 12:
        inquiry.adopt(tries=inquiry.manner.tries + 3)
    if chance is None:
        yield from _Diagnosis(inquiry, doubt).run()
    inquiry.unexplained += 1
    if inquiry.unexplained >= MOST_UNEXPLAINED:
        share = inquiry.unexplained / max(1, inquiry.asked)
        _by_chance(inquiry, doubt, share, f"{inquiry.unexplained} closures in about {inquiry.asked} messages")
    said = _said(doubt.close_code, doubt.close_reason)
    inquiry.evidence.remarks.append(
        f"Once {said}, on a message of {doubt.payload_bytes:,} bytes that passed another time; nothing explains it."
    )
    pause_s = 0.1 * inquiry.unexplained**2
    inquiry.adopt(
        f"More gently from here on, a connection for each message, {pause_s:g} s apart.", fresh=True, pause_s=pause_s
    )


@dataclass
class _Diagnosis:
    """One doubt on the way to its cause."""

    inquiry: Inquiry
    doubt: Doubt
    bursts: list[Observation] = field(default_factory=list)

    def run(self) -> Steps[None]:
        small = self.inquiry.small_bytes
        sent = max(self.doubt.nth, self.inquiry.asked_of_late)
        wanted = max(SERIES.start, min(2 * sent + 8, SERIES.stop - 1))
        yield from self._burst(small, wanted)
        if self._closed:
            yield from self._regular(small)
            self._chance()
        else:
            yield from self._by_bytes()
            yield from self._by_time()
            yield from self._late()

    @property
    def _closed(self) -> list[Observation]:
        return [burst for burst in self.bursts if burst.close_code is not None]

    def _burst(self, size: int, count: int) -> Steps[None]:
        """Send the same series several times, each on a connection of its own, after a rest."""
        self.bursts.clear()
        for number in range(_ROUNDS):
            observation = yield from self._series(size, count=count)
            self.bursts.append(observation)
            if number == 1 and not self._closed:
                return

    def _repeat_burst(self, size: int) -> Steps[None]:
        """Three alike may be chance: a few more."""
        count = 2 * max(burst.passed for burst in self.bursts) + 4
        for _ in range(_ROUNDS):
            self.bursts.append((yield from self._series(size, count=count)))

    def _series(self, size: int, **how: Any) -> Steps[Observation]:
        how.setdefault("notice", "Looking for what else the server closes on.")
        rested = {"pause_s": RESTS_S[0], "fresh": True}  # each begins as if nothing had been before
        how = {**rested, "purpose": "control", "fragment_bytes": 0, **how}
        observation, _ = yield from self.inquiry.ask("series", size, **how)
        return observation

    def _regular(self, size: int) -> Steps[None]:
        """What closes a series after as many, or after as long, each time."""
        if len(self._closed) < _ROUNDS:
            return
        passed = [burst.passed for burst in self.bursts]
        if _are_alike(passed) and max(passed) > 0:
            yield from self._repeat_burst(size)
            passed = [burst.passed for burst in self.bursts]
        if passed[0] > 2 and max(passed[1:]) <= 1:
            yield from self._over_connections(passed[0])
        elif max(passed) == 0:
            yield from self._over_connections(self.doubt.nth)
        elif len(self._closed) == len(passed) and _are_alike(passed):
            yield from self._count_or_rate(size, round(fmean(passed)))
        yield from self._same_age()

    def _same_age(self) -> Steps[None]:
        ages_s = [burst.age_s for burst in self._closed]
        if max(ages_s) - min(ages_s) < 0.2 * max(ages_s) + 0.02 and max(ages_s) > 0.04:
            yield from self._by_time(fmean(ages_s))

    def _count_or_rate(self, size: int, passed: int) -> Steps[None]:
        yield from self._not_by_age(size, passed)
        for rest_s in RESTS_S:
            if rest_s > self.inquiry.left_s / 3:
                break
            rested = yield from self._series(size, count=2 * passed + 1, rest_after=max(1, passed), rest_s=rest_s)
            more = rested.passed - passed
            if rested.passed == 0:
                yield from self._over_connections(passed)
            if more > max(1, 0.1 * passed) or (passed <= 2 and more > 0):
                yield from self._rate(size, passed, more, rest_s)
        yield from self._count(size, passed, rest_s)

    def _not_by_age(self, size: int, passed: int) -> Steps[None]:
        """Tell a count from a time by going slower: fewer pass in the same time."""
        age_s = fmean(burst.age_s for burst in self.bursts)
        if age_s < 0.04 or passed < 3:
            return
        slow = yield from self._series(size, count=passed, interval_s=3 * age_s / passed)
        if slow.close_code is not None and slow.passed < 0.7 * passed and slow.age_s < 1.5 * age_s:
            yield from self._by_time(fmean((age_s, slow.age_s)))

    def _rate(self, size: int, passed: int, more: int, rest_s: float) -> Steps[None]:
        unit, larger = yield from self._messages_or_bytes(size, passed)
        per_s = more / rest_s
        what = (
            f"{passed} messages of {size} bytes pass at once" if size > 1 else f"{passed} small messages pass at once"
        )
        number = per_s if unit == "messages" else (larger or size) * per_s
        self._found(
            "rate",
            "messages_per_s" if unit == "messages" else "bytes_per_s",
            round(number, 1),
            f"{what}, and after a rest of {rest_s:g} s {more} more, but not the next; "
            f"that is about {number:,.3g} {unit} per second.",
        )
        pause_s = 1.2 * rest_s / more
        self._slower(pause_s)

    def _slower(self, pause_s: float) -> None:
        pause_s = max(pause_s, 3 * self.inquiry.manner.pause_s)
        up_to_s = min(self.inquiry.left_s, 80 * pause_s)
        notice = f"Slower from here on, one message per {pause_s:.2g} s: up to {up_to_s:.0f} s more."
        self.inquiry.adopt(notice, pause_s=pause_s)

    def _count(self, size: int, passed: int, rest_s: float) -> Steps[None]:
        unit, _ = yield from self._messages_or_bytes(size, passed)
        if unit == "messages" and self.inquiry.takes_fragments and passed > 2:
            split = yield from self._series(max(2, size), count=passed, fragment_bytes=max(1, size // 2))
            if split.passed <= 0.6 * passed:
                unit = "frames"
        number = passed * size if unit == "bytes" else passed
        self._found(
            "count",
            unit,
            number,
            f"each connection is closed after {number:,} {unit}, also where it rests for {rest_s:g} s; a limit over a "
            "longer time would look alike.",
        )
        self._fresh()

    def _fresh(self) -> NoReturn:
        """Go on with a connection for each message; where that was so before, it does not help."""
        if self.inquiry.manner.fresh:
            cause = self.inquiry.evidence.causes[-1]
            raise self._stopped("closes_on_count" if cause.kind == "count" else "closes_on_time", cause)
        self.inquiry.adopt("Every message gets a connection of its own from here on.", fresh=True)

    def _messages_or_bytes(self, size: int, passed: int) -> Steps[tuple[CauseUnit, int]]:
        """Tell whether messages are counted or their bytes: of larger ones as many pass, or fewer."""
        larger = min(self.inquiry.evidence.accepted_bytes, 2**16)
        if larger < 4 * size or passed < 2:
            return "messages", 0
        many = yield from self._series(larger, count=passed)
        return ("bytes", larger) if many.passed < 0.6 * passed else ("messages", 0)

    def _over_connections(self, passed: int) -> Steps[None]:
        """It closed again at once, on a new connection: until when?"""
        small = self.inquiry.small_bytes
        if self.inquiry.terms.other_sources and not self.inquiry.manner.from_anywhere:
            elsewhere = yield from self._series(small, count=1, source=1, pause_s=0.0)
            here = yield from self._series(small, count=1, pause_s=0.0)
            if elsewhere.close_code is None and here.close_code is not None:
                self._found(
                    "count",
                    "connections",
                    None,
                    "new connections from this address are closed, from another at once they are not: "
                    "it limits each client.",
                )
                self.inquiry.adopt(from_anywhere=True)
        for rest_s in RESTS_S:
            if rest_s > self.inquiry.left_s / 3:
                break
            rested = yield from self._series(small, count=passed + 1, pause_s=rest_s)
            if rested.passed > 0:
                said = (
                    f"about {passed} messages pass, then none on any connection until it has rested for {rest_s:g} s."
                )
                self._found("rate", "messages_per_s", round(max(1, passed) / rest_s, 1), said)
                self._slower(1.2 * rest_s / max(1, rested.passed))
        said = f"after about {passed} messages it takes no more from here, for {RESTS_S[-1]:g} s at least."
        raise self._stopped("closes_on_rate", self._found("rate", None, None, said))

    def _chance(self) -> None:
        closed, messages = len(self._closed), sum(burst.passed + 1 for burst in self.bursts)
        lengths = ", ".join(str(burst.passed) for burst in self.bursts)
        said = f"series of small messages are closed after {lengths} of them, without a pattern"
        _by_chance(self.inquiry, self.doubt, closed / messages, said)

    def _by_bytes(self) -> Steps[None]:
        """Small messages in number pass: are large ones, that come to as many bytes as were sent, closed?"""
        size = min(self.inquiry.evidence.accepted_bytes, max(self.doubt.payload_bytes, 1))
        total_bytes = 2 * max(self.doubt.sent_bytes, size)
        count = min(math.ceil(total_bytes / size) + 1, SERIES.stop)
        if size < 4 * self.inquiry.small_bytes or size * count * 4 > 2**28:
            return
        yield from self._burst(size, count)
        if len(self._closed) < _ROUNDS:
            return
        passed = round(fmean(burst.passed for burst in self.bursts))
        if passed == 0:
            return
        for rest_s in RESTS_S:
            if rest_s > self.inquiry.left_s / 3:
                break
            rested = yield from self._series(size, count=2 * passed + 1, rest_after=passed, rest_s=rest_s)
            if rested.passed > passed:
                self._rate_of_bytes(size, passed, rest_s)
        said = f"each connection is closed after about {passed * size:,} bytes, in messages of {size:,}."
        self._found("count", "bytes", passed * size, said)
        self._fresh()

    def _rate_of_bytes(self, size: int, passed: int, rest_s: float) -> None:
        bytes_per_s = passed * size / rest_s
        said = (
            f"{passed * size:,} bytes pass at once, and more after a rest of {rest_s:g} s: a limit on bytes per second."
        )
        self._found("rate", "bytes_per_s", round(bytes_per_s), said)
        slower = min(bytes_per_s / 2, self.inquiry.manner.bytes_per_s / 4)
        notice = f"Slower from here on, {slower:,.0f} bytes per second: at most {self.inquiry.left_s:.0f} s more."
        self.inquiry.adopt(notice, bytes_per_s=slower, fresh=True, pause_s=rest_s)

    def _by_time(self, age_s: float | None = None) -> Steps[None]:
        """Is a connection closed that old, or that idle, whatever was sent on it?"""
        age_s = 1.3 * (age_s or self.doubt.age_s) + 0.1
        if age_s < 0.15 or age_s > self.inquiry.left_s / 4:
            return
        idle = yield from self._series(self.inquiry.small_bytes, count=2, interval_s=age_s)
        if idle.close_code is None:
            return
        busy = yield from self._series(self.inquiry.small_bytes, count=9, interval_s=age_s / 8)
        if busy.close_code is None:
            said = f"a connection is closed {idle.age_s:.2f} s after its last message, and not while there are some."
            self._found("time", "idle_s", round(idle.age_s, 2), said)
            self._fresh()
        said = f"a connection is closed when it is {idle.age_s:.2f} s old, whether or not anything is sent on it."
        self._found("time", "age_s", round(min(idle.age_s, busy.age_s), 2), said)
        self._fresh()

    def _late(self) -> Steps[None]:
        """A server that answers nothing may refuse a message long after it: then the next was taken for it."""
        inquiry = self.inquiry
        size = inquiry.evidence.accepted_bytes
        if inquiry.baseline.replies != "none" or size <= inquiry.small_bytes or inquiry.manner.grace_s >= LATE_S:
            return
        late, reading = yield from inquiry.ask("frame", size, fresh=True, grace_s=LATE_S, purpose="control")
        if reading == "accepted":
            return
        small, reading = yield from inquiry.ask(
            "frame", inquiry.small_bytes, fresh=True, grace_s=LATE_S, purpose="control"
        )
        if reading != "accepted":
            yield from closes_on_time(inquiry, small, is_sending=False)
        inquiry.evidence.accepted_bytes = inquiry.small_bytes
        notice = f"The server closes {late.took_s:.2f} s after a message: each is given that long from here on."
        inquiry.adopt(notice, grace_s=1.5 * late.took_s + 0.1)

    def _found(self, kind: Any, unit: CauseUnit | None, number: float | None, said: str) -> Cause:
        return _keep(self.inquiry, kind, unit, number, said, self._closed[0] if self._closed else self.doubt)

    def _stopped(self, status: FailureStatus, cause: Cause) -> Stopped:
        return Stopped(Failure(status=status, explanation=cause.explanation))


def closes_on_time(inquiry: Inquiry, seen: Observation, *, is_sending: bool) -> Steps[None]:
    """A small message was closed that took as long as a larger one.

    Raises:
        Stopped: always; a message that is large enough takes too long.
    """
    yield from ()
    seconds = seen.took_s if is_sending else seen.age_s
    if is_sending:
        said = (
            f"a message of an accepted size is closed too, {seconds:.2f} s after it was begun, where it is sent as "
            "slowly as a larger one takes. Messages that take so long on this line are closed, whatever their size."
        )
    else:
        said = f"a connection is closed too, {seconds:.2f} s after it was opened, where only a small message is sent."
    cause = _keep(inquiry, "time", "sending_s" if is_sending else "age_s", round(seconds, 2), said, seen)
    raise Stopped(Failure(status="closes_on_time", explanation=cause.explanation))


def closes_on_content(inquiry: Inquiry, payload_bytes: int, seen: Observation, other: Content) -> None:
    """A message of this size was refused, and passes in other words.

    Raises:
        Reconsidered: always.
    """
    said = f"a message of {payload_bytes:,} bytes of one character is refused, and passes in other words."
    _keep(inquiry, "content", None, payload_bytes, said, seen)
    inquiry.baseline = inquiry.baseline.with_content(other)
    inquiry.adopt("Other words from here on.")


def _by_chance(inquiry: Inquiry, doubt: Doubt, share: float, said: str) -> None:
    share = min(share, 0.9)
    tries = min(12, max(3, math.ceil(math.log(1e-4) / math.log(share))))
    said = f"{said}: about {100 * share:.0f} % of messages are closed by chance, whatever their size."
    _keep(inquiry, "chance", "share", round(share, 3), said, doubt)
    if inquiry.manner.tries >= tries:
        raise Stopped(Failure(status="closes_at_random", explanation=inquiry.evidence.causes[-1].explanation))
    inquiry.adopt(f"A size counts as refused from here on where {tries} of {tries} are.", fresh=True, tries=tries)


def _are_alike(numbers: list[int]) -> bool:
    """Whether series that were closed after so many messages have a pattern; small numbers must be equal."""
    spread = max(numbers) - min(numbers)
    return spread == 0 if max(numbers) < 5 else spread <= max(1, 0.2 * max(numbers))


_KINDS = {
    "rate": "closes on rate",
    "time": "closes on time",
    "count": "closes on count",
    "content": "closes on content",
    "chance": "closes at random",
}


def _keep(
    inquiry: Inquiry, kind: Any, unit: CauseUnit | None, number: float | None, said: str, seen: Observation | Doubt
) -> Cause:
    explanation = f"The server {_KINDS[kind]}: {said.rstrip('.')}. Then {_said(seen.close_code, seen.close_reason)}."
    cause = Cause(
        kind=kind,
        unit=unit,
        number=number,
        close_code=seen.close_code,
        close_reason=seen.close_reason or None,
        explanation=explanation,
    )
    inquiry.found(cause)
    return cause


def _said(code: int | None, reason: str) -> str:
    if code is None:
        return "there is no answer"
    words = f" “{reason}”" if reason else ", without a reason"
    return "it ends TCP without a close frame" if code == 1006 and not reason else f"it closes with {code}{words}"
