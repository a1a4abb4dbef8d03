"""Waiting until a message's fate is known: answered, refused, or silence that has lasted until it means something.

A ping is sent only where nothing else tells: behind a refused message it may be what a server dies of.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from wslab.core.limits.trials import Observation, Trial
from wslab.core.limits.verdicts import Failure
from wslab.net.limits.waits import Waits
from wslab.net.limits.wire import Sending, Wire

STEPS_OF_PROGRESS = 64
Question = Callable[[], bool]


@dataclass(slots=True)
class Since:
    """What a wire has received since a trial began, and when that was."""

    wire: Wire
    began_at_s: float
    echoed_before: int
    own_before: int

    @classmethod
    def now(cls, wire: Wire) -> Since:
        loop = asyncio.get_running_loop()
        wire.spoke_at_s = None
        return cls(wire, loop.time(), wire.answers.echoed_bytes, wire.answers.own_messages)

    def echoed_bytes(self) -> int:
        return self.wire.answers.echoed_bytes - self.echoed_before

    def own_messages(self) -> int:
        return self.wire.answers.own_messages - self.own_before

    def progress(self, payload_bytes: int) -> Callable[[], int]:
        """How much of an echo has come, in steps: who sends it byte by byte is not waited for without end."""
        step = max(1, payload_bytes // STEPS_OF_PROGRESS)
        return lambda: (self.wire.answers.matching_bytes - self.echoed_before) // step


class Fate:
    """What becomes of one trial's message on a wire.

    Fields:
        pong: whether the ping behind it was answered, if there was one (`has_pinged`).
        is_answering: the connection may carry another message.
    """

    def __init__(self, wire: Wire, trial: Trial, since: Since, waits: Waits) -> None:
        self.pong: Question = _never
        self.has_pinged = False
        self.is_answering = True
        self._wire = wire
        self._trial = trial
        self._since = since
        self._waits = waits
        self._progress = since.progress(trial.echo_bytes)
        self._sent_at_s = asyncio.get_running_loop().time()

    async def become_known(self) -> None:
        """Wait for it, in the way that the baseline asks for."""
        baseline = self._trial.baseline
        self._sent_at_s = asyncio.get_running_loop().time()
        if baseline.ends is not None:
            await self._wire.until(
                self._echoed if baseline.replies == "echo" else _never, self._answer_s, self._progress
            )
            self.is_answering = False
        elif self._trial.form in ("opening", "nothing"):
            await self._left_alone()
        elif baseline.replies is None:
            await self._first()
        elif baseline.replies == "none":
            await self._unanswered()
        else:
            await self._answered_or_not()
        if self._trial.answer_within_s:
            await self._wire.until(self._spoke_up, self._trial.answer_within_s)
        if self._is_answer() and self._wire.spoke_at_s is not None:
            self._waits.note_answer(self._wire.spoke_at_s - self._sent_at_s, self._trial.payload_bytes)

    @property
    def _answer_s(self) -> float:
        return self._waits.for_answer(self._trial.patience, self._trial.payload_bytes)

    def _echoed(self) -> bool:
        return self._since.echoed_bytes() >= max(1, self._trial.echo_bytes)

    def _answered(self) -> bool:
        return self._echoed() if self._trial.baseline.replies == "echo" else self._since.own_messages() > 0

    def _spoke_up(self) -> bool:
        return self._echoed() or self._since.own_messages() > 0

    def _is_answer(self) -> bool:
        """Whether what came was an answer, as far as is known; what is said unasked may tell nothing of how long."""
        if self._trial.answer_within_s:
            return self._spoke_up()
        return self._answered() if self._trial.baseline.replies == "own" else self._echoed()

    def _spoke(self) -> bool:
        return self._answered() or bool(self._wire.answers.replies)

    async def _left_alone(self) -> None:
        await self._ping()
        await self._wire.until(self.pong, self._answer_s)
        await self._wire.until(_never, self._waits.for_more(self._trial.patience))

    async def _first(self) -> None:
        """Of a first message, of which nobody knows yet whether it will be answered."""
        patience = self._trial.patience
        await self._ping()
        if await self._wire.until(lambda: self.pong() or self._echoed(), self._waits.for_answer(patience)):
            if self.pong():
                self._note_pong(self._sent_at_s)
            await self._wire.until(lambda: self._echoed() and self.pong(), self._waits.for_more(patience))
        await self._wire.rest(self._waits.for_more())  # for the end of a server that closes after each message

    async def _unanswered(self) -> None:
        """Of a message that only a closure would answer."""
        if not self._trial.baseline.pongs:
            await self._wire.until(_never, self._answer_s)
            return
        await self._wire.until(_never, self._waits.for_more(self._trial.patience))
        pinged_at_s = asyncio.get_running_loop().time()
        await self._ping()
        if await self._wire.until(self.pong, self._answer_s):
            self._note_pong(pinged_at_s)
            await self._wire.until(_never, self._waits.for_more())
        self.is_answering = self.pong()

    async def _answered_or_not(self) -> None:
        size, patience = self._trial.payload_bytes, self._trial.patience
        if await self._wire.until(self._spoke, self._answer_s, self._progress):
            if not self._answered():
                await self._wire.until(self._answered, self._waits.for_more(patience, size), self._progress)
            if self._trial.baseline.replies == "own":  # no proof yet: a close frame may be on its way
                await self._wire.until(_never, self._waits.for_more())
            self.is_answering = self._spoke()
            return
        await self._ping()
        await self._wire.until(lambda: self.pong() or self._answered(), self._waits.for_answer(patience))
        if self.pong() and not self._answered():
            await self._wire.until(self._answered, self._waits.for_more(patience, size), self._progress)
        self.is_answering = self._answered()

    async def _ping(self) -> None:
        trial, wire = self._trial, self._wire
        if trial.pings and trial.baseline.pongs and wire.is_whole and not wire.has_ended:
            self.has_pinged = True
            self.pong = await wire.ping(self._waits.for_answer(trial.patience))

    def _note_pong(self, since_s: float) -> None:
        self._waits.note_pong(asyncio.get_running_loop().time() - since_s, self._trial.payload_bytes)


def seen(
    wire: Wire,
    since: Since,
    fate: Fate | None = None,
    *,
    header_only: bool = False,
    sending: Sending | None = None,
) -> Observation:
    """Return what was seen on a wire since a trial began."""
    now_s = asyncio.get_running_loop().time()
    settled_at_s = now_s if wire.over_at_s is None else max(wire.over_at_s, since.began_at_s)
    answers = wire.answers
    return Observation(
        echoed_bytes=since.echoed_bytes(),
        own_messages=since.own_messages(),
        replies=tuple(answers.replies),
        pong=fate is not None and fate.pong(),
        pinged=fate is not None and fate.has_pinged and wire.has_ended,
        close=answers.close,
        close_frame_hex=answers.close_bytes.hex() or None,
        close_fault=answers.close_fault,
        tcp_ended=wire.tcp_ended,
        header_only=header_only,
        sending=sending,
        age_s=settled_at_s - wire.opened_at_s,
        took_s=settled_at_s - since.began_at_s,
        idle_s=max(0.0, settled_at_s - wire.active_at_s),
        deflate=wire.deflate,
        failure=_failure(wire),
    )


def _failure(wire: Wire) -> Failure | None:
    excess, violation = wire.answers.allowance.excess, wire.answers.violation
    if excess is not None:
        return Failure(status="out_of_bounds", explanation=f"{excess}: the probe read no further.")
    return Failure(status="breaks_protocol", explanation=f"It sends {violation}.") if violation else None


def _never() -> bool:
    return False
