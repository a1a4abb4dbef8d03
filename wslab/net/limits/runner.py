"""Runs the trials of `wslab.core.limits.trials` over real sockets, and waits for silence until it means something.

A connection is used again while messages pass on it. Waits follow the server: they are multiples of the slowest
answer and the slowest refusal that it has given so far.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from itertools import islice
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from wslab.core.limits.contents import Contents
from wslab.core.limits.proofs import read
from wslab.core.limits.trials import Ending, Observation, Trial
from wslab.core.target import Target
from wslab.net.limits.fates import Fate, Since, seen
from wslab.net.limits.greetings import greet
from wslab.net.limits.offers import overrunning, parts_of
from wslab.net.limits.waits import Waits
from wslab.net.limits.wire import Sending, Wire

OVERRUN_BUFFER_BYTES = 64 * 1024
"""What the kernel may hold back while it is found out how much a server takes."""

OpenWire = Callable[[Trial, int | None], Awaitable[Wire]]


@dataclass(slots=True)
class Spent:
    """What was sent for each purpose: bytes of frames, and messages, complete or not."""

    search: int = 0
    evidence: int = 0
    control: int = 0
    messages: int = 0

    @property
    def total_bytes(self) -> int:
        return self.search + self.evidence + self.control


class TrialRunner:
    """Turns trials into observations, on connections that `open_wire` opens. Leave it as a context."""

    def __init__(self, open_wire: OpenWire, *, contents: Contents, target: Target, hold_s: float) -> None:
        self.spent = Spent()
        self._open_wire = open_wire
        self._contents = contents
        self._target = target
        self._hold_s = hold_s
        self._waits = Waits()
        self._wire: Wire | None = None
        self._last: Trial | None = None
        self._settled_at_s = 0.0
        self._is_answering = True
        self._offered_deflate = False

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._leave()

    @property
    def slowness(self) -> str:
        """How slow the server is, in sentences; empty where it is not."""
        return self._waits.in_words()

    async def observe(self, trial: Trial) -> Observation:
        """Carry out one trial and return what was seen.

        Raises:
            NotOpened: it needed a new connection, and none was opened.
        """
        before = self._ending()
        wire = await self._wire_for(trial)
        if trial.is_compressed and not wire.deflate:
            return Observation()
        sent_before = wire.sent_bytes
        try:
            observation = await (self._series(wire, trial) if trial.form == "series" else self._try(wire, trial))
        finally:
            spent = wire.sent_bytes - sent_before
            setattr(self.spent, trial.purpose, getattr(self.spent, trial.purpose) + spent)
        self._last = trial if observation.close_code is None else None
        self._settled_at_s = asyncio.get_running_loop().time()
        return replace(observation, before=before, nth=max(1, wire.messages), sent_bytes=wire.sent_bytes)

    def _ending(self) -> Ending | None:
        """How the connection of the last trial ended since, if it was to live on."""
        wire, last = self._wire, self._last
        if wire is None or last is None or not (wire.is_whole and wire.has_ended and self._is_answering):
            return None
        close, over_at_s = wire.answers.close, wire.over_at_s or self._settled_at_s
        self._is_answering = False
        return Ending(
            close_code=1006 if close is None or wire.answers.close_fault else close.code,
            close_reason=close.reason if close else "",
            payload_bytes=last.payload_bytes,
            nth=max(1, wire.messages),
            age_s=over_at_s - wire.opened_at_s,
            sent_bytes=wire.sent_bytes,
            idle_s=max(0.0, over_at_s - self._settled_at_s),
        )

    async def _try(self, wire: Wire, trial: Trial) -> Observation:
        echo = partial(self._contents.piece, trial.content, trial.echo_bytes)
        wire.answers.expect(max(1, trial.echo_bytes), None if trial.baseline.replies == "own" else echo)
        wire.answers.disregard(trial.baseline.chatter)
        since = Since.now(wire)
        fate = Fate(wire, trial, since, self._waits)
        header_only, sending = False, None
        if trial.is_announcement:
            await self._announce(wire, trial)
        elif trial.form == "overrun":
            sending = await self._overrun(wire, trial)
        else:
            header_only = await self._send(wire, trial)
            await fate.become_known()
            self._is_answering = fate.is_answering
            if trial.grace_s and not wire.has_ended:
                await wire.rest(trial.grace_s)
        return seen(wire, since, fate, header_only=header_only, sending=sending)

    async def _announce(self, wire: Wire, trial: Trial) -> None:
        began = asyncio.get_running_loop().time()
        self._count_message(wire)
        await wire.announce(parts_of(trial, self._contents), self._waits.for_answer())
        if await wire.until(lambda: wire.has_ended, self._waits.for_refusal(trial.patience)):
            self._waits.note_refusal(asyncio.get_running_loop().time() - began)

    async def _send(self, wire: Wire, trial: Trial) -> bool:
        """Send the trial's message, as much as the server takes; return whether it was refused on its header alone."""
        if trial.form in ("opening", "nothing"):
            return False
        self._count_message(wire)
        parts = parts_of(trial, self._contents)
        stall_s = max(1.0, self._waits.for_answer(trial.patience, trial.payload_bytes))
        if trial.purpose == "evidence" and self._waits.refusal_s is not None and trial.form in ("frame", "padded"):
            # This server refuses headers: the payload need not be sent to be refused.
            await wire.announce(islice(parts, 1), stall_s)
            if await wire.until(lambda: wire.has_ended, self._waits.for_refusal()):
                return True
        pace = trial.payload_bytes / trial.takes_s if trial.takes_s else float("inf")
        await wire.send(parts, stall_s, bytes_per_s=pace)
        return False

    async def _overrun(self, wire: Wire, trial: Trial) -> Sending:
        """Send the message and more behind it; find out what each kind of client comes to know."""
        self._count_message(wire)
        sending = await wire.send_regardless(overrunning(trial, self._contents), self._hold_s)
        if sending == "taken":
            await wire.until(lambda: wire.has_ended, self._waits.for_answer(trial.patience, trial.payload_bytes))
            if wire.has_ended and not wire.tcp_ended:
                await wire.end_of_tcp(self._hold_s)
        return sending

    async def _series(self, wire: Wire, trial: Trial) -> Observation:
        """Send message after message, each once the one before is settled; count how many pass."""
        one = replace(trial, form="fragments" if trial.fragment_bytes else "frame", purpose="control")
        since = Since.now(wire)
        passed = 0
        while passed < trial.count and not wire.has_ended:
            if passed:
                await wire.rest(trial.rest_s if passed == trial.rest_after else trial.interval_s)
            if wire.has_ended:
                break
            if read(one, await self._try(wire, one)) != "accepted" or not self._is_answering:
                break
            passed += 1
        return replace(seen(wire, since), passed=passed, fell_short=passed < trial.count)

    def _count_message(self, wire: Wire) -> None:
        wire.messages += 1
        self.spent.messages += 1

    async def _wire_for(self, trial: Trial) -> Wire:
        """Return the open connection if it is fit for this trial, else a new one, past its greetings."""
        wire = self._wire
        if wire is not None and (trial.form == "again" or self._is_fit(wire, trial)):
            return wire
        await self._leave()
        buffer_bytes = OVERRUN_BUFFER_BYTES if trial.form == "overrun" else None
        wire = self._wire = await self._open_wire(trial, buffer_bytes)
        self._is_answering, self._offered_deflate = True, trial.is_compressed
        sent_before = wire.sent_bytes
        await greet(wire, self._target, self._waits, trial.patience)
        self.spent.search += wire.sent_bytes - sent_before
        answers = wire.answers
        if trial.baseline.greetings:
            await wire.until(lambda: answers.own_messages >= trial.baseline.greetings, self._waits.for_answer())
        return wire

    def _is_fit(self, wire: Wire, trial: Trial) -> bool:
        return (
            not trial.fresh
            and trial.form not in ("opening", "series", "overrun")
            and self._is_answering
            and wire.is_whole
            and not wire.has_ended
            and self._offered_deflate is trial.is_compressed
        )

    async def _leave(self) -> None:
        if self._wire is not None:
            wire, self._wire = self._wire, None
            sent_before = wire.sent_bytes
            await wire.leave()
            self.spent.search += wire.sent_bytes - sent_before
