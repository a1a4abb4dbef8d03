"""Runs the trials of `wslab.core.limits.trials` over real sockets, and waits for silence until it means something.

A connection is used again while messages pass on it. Waits follow the server: they are multiples of the slowest
answer and the slowest refusal that it has given so far.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from itertools import islice
from types import TracebackType
from typing import Self

from msgspec.structs import replace
from websockets.frames import Opcode

from wslab.core.limits.contents import Contents
from wslab.core.limits.proofs import read
from wslab.core.limits.trials import Ending, Observation, Trial
from wslab.core.limits.verdicts import Failure
from wslab.core.target import Target
from wslab.net.frames import encode_header, text_frame
from wslab.net.limits.connecting import NotOpened
from wslab.net.limits.fates import Fate, Since
from wslab.net.limits.offers import CHUNK_BYTES, Piece, fragmented_message, whole_frame
from wslab.net.limits.waits import Waits
from wslab.net.limits.wire import Sending, Wire

OVERRUN_BUFFER_BYTES = 64 * 1024
"""What the kernel may hold back while it is found out how much a server takes."""

DRIP_S = 0.05
"""Between the pieces of a payload that is spread over a time."""

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
        return self._seen(wire, since, fate, header_only=header_only, sending=sending)

    def _seen(
        self,
        wire: Wire,
        since: Since,
        fate: Fate | None = None,
        *,
        header_only: bool = False,
        sending: Sending | None = None,
    ) -> Observation:
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
            deflate=wire.deflate,
            failure=_failure(wire),
        )

    async def _announce(self, wire: Wire, trial: Trial) -> None:
        began = asyncio.get_running_loop().time()
        self._count_message(wire)
        await wire.announce(self._parts(trial), self._waits.for_answer())
        if await wire.until(lambda: wire.has_ended, self._waits.for_refusal(trial.patience)):
            self._waits.note_refusal(asyncio.get_running_loop().time() - began)

    async def _send(self, wire: Wire, trial: Trial) -> bool:
        """Send the trial's message, as much as the server takes; return whether it was refused on its header alone."""
        if trial.form in ("opening", "nothing"):
            return False
        self._count_message(wire)
        parts = self._parts(trial)
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
        sending = await wire.send_regardless(self._overrunning(trial), self._hold_s)
        if sending == "taken":
            await wire.until(lambda: wire.has_ended, self._waits.for_answer(trial.patience, trial.payload_bytes))
            if wire.has_ended and not wire.tcp_ended:
                await wire.end_of_tcp(self._hold_s)
        return sending

    def _overrunning(self, trial: Trial) -> Iterator[bytes]:
        yield from self._parts(replace(trial, form="frame"))
        left_bytes = trial.overrun_bytes - trial.payload_bytes
        further = replace(trial, form="frame", payload_bytes=min(trial.payload_bytes, CHUNK_BYTES))
        message = b"".join(self._parts(further))
        several = message * (1 + CHUNK_BYTES // len(message))
        for _ in range(0, left_bytes, len(several)):
            yield several

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
        return replace(self._seen(wire, since), passed=passed, fell_short=passed < trial.count)

    def _count_message(self, wire: Wire) -> None:
        wire.messages += 1
        self.spent.messages += 1

    def _parts(self, trial: Trial) -> Iterator[bytes]:
        opcode = Opcode.BINARY if trial.content == "binary" else Opcode.TEXT
        size = trial.payload_bytes
        piece: Piece = partial(self._contents.piece, trial.content, size)
        match trial.form:
            case "announced":
                yield encode_header(opcode, size, os.urandom(4))
            case "announced_in_fragments":
                yield b"".join(whole_frame(opcode, 1, piece, final=False))
                yield encode_header(Opcode.CONT, size - 1, os.urandom(4))
            case "frame" | "again":
                yield from whole_frame(opcode, size, piece, chunk_bytes=_chunk_bytes(trial))
            case "fragments":
                yield from fragmented_message(opcode, size, trial.fragment_bytes, piece)
            case "deflated" | "padded":
                payload = trial.compressed_payload(self._contents.fill or b"a")
                yield from whole_frame(opcode, len(payload), lambda at, length: payload[at : at + length], rsv1=True)

    async def _wire_for(self, trial: Trial) -> Wire:
        """Return the open connection if it is fit for this trial, else a new one, past its greetings."""
        wire = self._wire
        if wire is not None and (trial.form == "again" or self._is_fit(wire, trial)):
            return wire
        await self._leave()
        buffer_bytes = OVERRUN_BUFFER_BYTES if trial.form == "overrun" else None
        wire = self._wire = await self._open_wire(trial, buffer_bytes)
        self._is_answering, self._offered_deflate = True, trial.is_compressed
        wire.answers.answer_always(self._target.answers)
        wire.answers.listen_for(self._target.said(step) for step in self._target.steps if step.kind == "await")
        await self._greet(wire, trial)
        answers = wire.answers
        if trial.baseline.greetings:
            await wire.until(lambda: answers.own_messages >= trial.baseline.greetings, self._waits.for_answer())
        return wire

    async def _greet(self, wire: Wire, trial: Trial) -> None:
        """Go through the target's dialogue, whose messages are neither the search's nor answers to it."""
        sent_before = wire.sent_bytes
        answers = wire.answers
        steps = [(step.kind, self._target.said(step)) for step in self._target.steps]
        own_before = 0
        for kind, text in steps:
            if kind == "await":
                if not await wire.until(answers.heard(text), self._target.open_timeout_s):
                    raise _ungreeted(wire, text)
                continue
            own_before = answers.own_messages
            await wire.send([text_frame(text)], self._waits.for_answer())
        if steps and steps[-1][0] == "say":
            await wire.until(lambda: answers.own_messages > own_before, self._waits.for_more(trial.patience))
        answers.listen_for([])
        self.spent.search += wire.sent_bytes - sent_before

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


def _chunk_bytes(trial: Trial) -> int:
    if not trial.takes_s:
        return CHUNK_BYTES
    return max(1, min(CHUNK_BYTES, int(trial.payload_bytes * DRIP_S / trial.takes_s)))


def _failure(wire: Wire) -> Failure | None:
    excess, violation = wire.answers.allowance.excess, wire.answers.violation
    if excess is not None:
        return Failure(status="out_of_bounds", explanation=f"{excess}: the probe read no further.")
    return Failure(status="breaks_protocol", explanation=f"It sends {violation}.") if violation else None


def _ungreeted(wire: Wire, text: str) -> NotOpened:
    close = wire.answers.close
    end = f"; the server closes with {close.code} “{close.reason}”" if close else ""
    return NotOpened("needs_greeting", f"The greeting waits for “{text}”, which did not come{end}.")
