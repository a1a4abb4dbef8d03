"""A doubt: a closure of a message that should have passed. What every search for its cause shares."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any, NoReturn

from wslab.core.limits.inquiry import Inquiry, Steps, Stopped
from wslab.core.limits.trials import Ending, Observation
from wslab.core.limits.verdicts import Cause, CauseKind, CauseUnit, Failure, FailureStatus

MOST_TRIES = 12

RESTS_S = (1.05, 6.0)
"""What a limit per second needs to forget, and one over a longer time."""

_CLOSES: dict[CauseKind, str] = {
    "rate": "closes on rate",
    "time": "closes on time",
    "count": "closes on count",
    "content": "closes on content",
    "chance": "closes at random",
}
_STATUS: dict[CauseKind, FailureStatus] = {
    "rate": "closes_on_rate",
    "time": "closes_on_time",
    "count": "closes_on_count",
    "content": "closes_on_content",
    "chance": "closes_at_random",
}


@dataclass(frozen=True, slots=True)
class Doubt:
    """What was closed, and where: which message of its connection, how old and how much used that was.

    `passes`: one of the same size has passed in other circumstances.
    """

    payload_bytes: int
    close_code: int | None
    close_reason: str
    nth: int
    age_s: float
    sent_bytes: int
    passes: bool = False

    @classmethod
    def of(
        cls, payload_bytes: int, seen: Observation, *, also: Observation | None = None, passes: bool = False
    ) -> Doubt:
        """Doubt a closure that was `seen`; `also` is that of a control, which says most of its cause."""
        told = also if also is not None and also.close_code is not None else seen
        code, reason = told.close_code, told.close_reason
        return cls(payload_bytes, code, reason, seen.nth, seen.age_s, seen.sent_bytes, passes)

    @classmethod
    def ended(cls, ending: Ending) -> Doubt:
        code, reason = ending.close_code, ending.close_reason
        return cls(ending.payload_bytes, code, reason, ending.nth, ending.age_s, ending.sent_bytes)


@dataclass
class Diagnosis:
    """One doubt on the way to its cause; `bursts` are the series that were sent at once, `closed` those cut short."""

    inquiry: Inquiry
    doubt: Doubt
    bursts: list[Observation] = field(default_factory=list)

    @property
    def small_bytes(self) -> int:
        return self.inquiry.small_bytes

    @property
    def closed(self) -> list[Observation]:
        return [burst for burst in self.bursts if burst.fell_short]

    def series(self, size: int, **how: Any) -> Steps[Observation]:
        """Send messages of one size, one after another, on a connection that begins as if nothing had been before."""
        how.setdefault("notice", "Looking for what else the server closes on.")
        rested = {"pause_s": RESTS_S[0], "fresh": True}
        how = {**rested, "purpose": "control", "fragment_bytes": 0, **how}
        observation, _ = yield from self.inquiry.ask("series", size, **how)
        return observation

    def found(self, kind: CauseKind, unit: CauseUnit | None, number: float | None, said: str) -> Cause:
        return keep(self.inquiry, kind, unit, number, said, self.closed[0] if self.closed else self.doubt)

    def by_chance(self, share: float, said: str) -> NoReturn:
        """Go on with several tries for each size, so many that chance explains no refusal; see `Inquiry`."""
        share = min(share, 0.9)
        tries = min(MOST_TRIES, max(3, math.ceil(math.log(1e-4) / math.log(share))))
        cause = self.found("chance", "share", round(share, 3), said)
        if self.inquiry.manner.tries >= tries:
            raise stopped_by(cause)
        notice = f"A size counts as refused from here on where {tries} of {tries} are."
        self.inquiry.adopt(notice, fresh=True, tries=tries)

    def go_on_fresh(self, cause: Cause) -> NoReturn:
        """Go on with a connection for each message; where that was so before, it does not help."""
        if self.inquiry.manner.fresh:
            raise stopped_by(cause)
        self.inquiry.adopt("Every message gets a connection of its own from here on.", fresh=True)

    def go_on_slower(self, pause_s: float) -> NoReturn:
        pause_s = max(pause_s, 3 * self.inquiry.manner.pause_s)
        up_to_s = min(self.inquiry.left_s, 80 * pause_s)
        notice = f"Slower from here on, one message per {pause_s:.2g} s: up to {up_to_s:.0f} s more."
        self.inquiry.adopt(notice, pause_s=pause_s)


def stopped_by(cause: Cause, more: str = "") -> Stopped:
    """Return what ends a search that cannot go round this cause."""
    return Stopped(Failure(status=_STATUS[cause.kind], explanation=f"{cause.explanation} {more}".strip()))


def keep(
    inquiry: Inquiry,
    kind: CauseKind,
    unit: CauseUnit | None,
    number: float | None,
    said: str,
    seen: Observation | Doubt,
) -> Cause:
    """Keep a cause, in words that begin with what it is and end with what the server said."""
    answer = seen.replies[0] if isinstance(seen, Observation) and seen.replies else None
    cause = Cause(
        kind=kind,
        unit=unit,
        number=number,
        close_code=seen.close_code,
        close_reason=seen.close_reason or None,
        explanation=explained(kind, said, seen.close_code, seen.close_reason, answer),
    )
    inquiry.found(cause)
    return cause


def explained(kind: CauseKind, said: str, code: int | None, reason: str, answer: str | None = None) -> str:
    """Return a cause in words: on what the server closes, says no or is silent, what shows it, and what comes then."""
    then, does = how_closed(code, reason), "closes"
    if code is None:
        then, does = (f"it answers “{answer}”", "says no") if answer else (then, "is silent")
    return f"The server {_CLOSES[kind].replace('closes', does, 1)}: {said.rstrip('.')}. Then {then}."


def how_closed(code: int | None, reason: str) -> str:
    """Return a closure in words, as part of a sentence."""
    if code is None:
        return "there is no answer"
    words = f" “{reason}”" if reason else ", without a reason"
    return "it ends TCP without a close frame" if code == 1006 and not reason else f"it closes with {code}{words}"


def messages(count: int, size: int | None = None) -> str:
    """Return so many messages in words.

    >>> messages(1), messages(2, 1024)
    ('1 message', '2 messages of 1,024 bytes')
    """
    of = "" if size is None else f" of {size:,} byte{'s' * (size != 1)}"
    return f"{count:,} message{'s' * (count != 1)}{of}"
