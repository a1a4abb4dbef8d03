"""Runs the trials of `wslab.core.limits.trials` over real sockets, and waits for silence until it means something.

A connection is used again while messages pass on it. Waits follow the server: they are multiples of the slowest
answer and the slowest refusal that it has given so far.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from types import TracebackType

from websockets.frames import Opcode

from wslab.core.limits.trials import Observation, Trial
from wslab.core.limits.verdicts import AfterRefusal, Failure
from wslab.net.frames import encode_header, text_frame
from wslab.net.limits.offers import compressed_frame, filled_frame, fragmented_message
from wslab.net.limits.waits import Waits
from wslab.net.limits.wire import Wire

WIDE_CHARACTER = "é".encode()  # two bytes
OpenWire = Callable[[bool], Awaitable[Wire]]
Question = Callable[[], bool]


@dataclass(slots=True)
class Since:
    """What a wire has received since a trial began."""

    wire: Wire
    echoed_before: int
    own_before: int

    @classmethod
    def now(cls, wire: Wire) -> Since:
        return cls(wire, wire.frames.echoed_bytes, wire.frames.own_messages)

    def echoed_bytes(self) -> int:
        return self.wire.frames.echoed_bytes - self.echoed_before

    def own_messages(self) -> int:
        return self.wire.frames.own_messages - self.own_before


class TrialRunner:
    """Turns trials into sightings, on connections that `open_wire(deflate)` opens. Leave it as a context.

    Fields:
        probe_wire_bytes, confirmation_wire_bytes: as in `Verdict`. received_bytes: from the server, frames only.
    """

    def __init__(self, open_wire: OpenWire, *, fill: bytes, greeting: str | None, hold_s: float) -> None:
        self._open_wire = open_wire
        self._fill = fill
        self._greeting = greeting
        self._hold_s = hold_s
        self._waits = Waits()
        self._wire: Wire | None = None
        self._is_answering = True
        self._offered_deflate = False
        self.probe_wire_bytes = 0
        self.confirmation_wire_bytes = 0
        self.received_bytes = 0

    async def __aenter__(self) -> TrialRunner:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._leave()

    async def observe(self, trial: Trial) -> Observation:
        """Carry out one trial and return what was seen.

        Raises:
            NotOpened: it needed a new connection, and none could be had.
        """
        wire = await self._wire_for(trial)
        if trial.is_compressed and not wire.deflate:
            return Observation()
        sent_before, received_before = wire.sent_bytes, wire.received_bytes
        try:
            return await self._try(wire, trial)
        finally:
            sent_bytes = wire.sent_bytes - sent_before
            self.received_bytes += wire.received_bytes - received_before
            if trial.evidence:
                self.confirmation_wire_bytes += sent_bytes
            else:
                self.probe_wire_bytes += sent_bytes

    async def _try(self, wire: Wire, trial: Trial) -> Observation:
        wire.frames.fill = WIDE_CHARACTER if trial.content == "wide_text" else self._fill
        since = Since.now(wire)
        pong = _never
        after_refusal: AfterRefusal | None = None
        if trial.is_announcement:
            await self._announce(wire, trial)
        else:
            left_bytes = await self._send(wire, trial)
            pong = await self._await_fate(wire, trial, since)
            if trial.evidence and trial.form == "frame" and wire.has_ended:
                after_refusal = await wire.what_follows(left_bytes, wait_s=self._waits.for_reset(), hold_s=self._hold_s)
        violation = wire.frames.violation
        return Observation(
            echoed_bytes=since.echoed_bytes(),
            own_messages=since.own_messages(),
            pong=pong(),
            close=wire.frames.close,
            close_frame_hex=wire.frames.close_bytes.hex() or None,
            tcp_ended=wire.tcp_ended,
            after_refusal=after_refusal,
            reads_on_briefly=wire.reads_on_briefly,
            deflate=wire.deflate,
            failure=Failure(status="breaks_protocol", explanation=f"It sends {violation}.") if violation else None,
        )

    async def _announce(self, wire: Wire, trial: Trial) -> None:
        began = asyncio.get_running_loop().time()
        await wire.announce(self._parts(trial), self._waits.for_answer())
        if await wire.until(lambda: wire.has_ended, self._waits.for_refusal(trial.patience)):
            self._waits.note_refusal(asyncio.get_running_loop().time() - began)

    async def _send(self, wire: Wire, trial: Trial) -> int:
        """Send the trial's message, as much as the server takes; return how much of one frame is left unsent."""
        parts = self._parts(trial)
        stall_s = max(1.0, self._waits.for_answer(trial.patience, trial.payload_bytes))
        sent_before = wire.sent_bytes
        if trial.evidence and self._waits.refusal_s is not None and trial.form in ("frame", "padded"):
            # This server refuses headers: the payload need not be sent to be refused.
            await wire.announce(islice(parts, 2), stall_s)
            await wire.until(lambda: wire.has_ended, self._waits.for_refusal())
        await wire.send(parts, stall_s)
        whole_bytes = len(encode_header(Opcode.TEXT, trial.payload_bytes, bytes(4))) + trial.payload_bytes
        return max(0, whole_bytes - (wire.sent_bytes - sent_before))

    def _parts(self, trial: Trial) -> Iterator[bytes]:
        opcode = Opcode.BINARY if trial.content == "binary" else Opcode.TEXT
        fill = WIDE_CHARACTER if trial.content == "wide_text" else self._fill
        size = trial.payload_bytes
        match trial.form:
            case "announced":
                yield encode_header(opcode, size, os.urandom(4))
            case "announced_in_fragments":
                yield b"".join(filled_frame(opcode, 1, fill, final=False))
                yield encode_header(Opcode.CONT, size - 1, os.urandom(4))
            case "frame" | "again":
                yield from filled_frame(opcode, size, fill)
            case "fragments":
                yield from fragmented_message(opcode, size, trial.fragment_bytes, fill)
            case "deflated" | "padded":
                yield from compressed_frame(opcode, trial.compressed_payload(fill))

    async def _await_fate(self, wire: Wire, trial: Trial, since: Since) -> Question:
        """Wait until the message is answered or the wait is over; return whether the ping behind it was answered."""
        baseline, waits, loop = trial.baseline, self._waits, asyncio.get_running_loop()
        answer_s = waits.for_answer(trial.patience, trial.payload_bytes)
        began = loop.time()

        def echoed() -> bool:
            return since.echoed_bytes() >= max(1, trial.echo_bytes)

        if baseline.ends is not None:
            await wire.until(echoed if baseline.replies == "echo" else _never, answer_s, since.echoed_bytes)
            self._is_answering = False
            return _never
        pong = await wire.ping(answer_s) if baseline.pongs and wire.is_whole else _never
        expected: Question = {
            "echo": echoed,
            "own": lambda: since.own_messages() > 0,
            "none": pong,
            None: lambda: echoed() and pong(),
        }[baseline.replies]
        if await wire.until(lambda: pong() or echoed() or expected(), answer_s, since.echoed_bytes):
            took_s = loop.time() - began
            more_s = waits.for_more(trial.patience, trial.payload_bytes)
            if await wire.until(expected, more_s, since.echoed_bytes):
                waits.note_answer(took_s if baseline.replies is None else loop.time() - began, trial.payload_bytes)
            if baseline.replies in ("own", "none"):  # no proof yet: a close frame may be on its way
                await wire.until(_never, waits.for_more(trial.patience))
        is_mute = baseline.replies is None or (baseline.replies == "none" and not baseline.pongs)
        self._is_answering = is_mute or expected()
        return pong

    async def _wire_for(self, trial: Trial) -> Wire:
        """Return the open connection if it is fit for this trial, else a new one, past its greetings."""
        wire = self._wire
        if wire is not None and (trial.form == "again" or self._is_fit(wire, trial)):
            return wire
        await self._leave()
        wire = self._wire = await self._open_wire(trial.is_compressed)
        self._is_answering, self._offered_deflate = True, trial.is_compressed
        frames = wire.frames
        if self._greeting is not None:
            await wire.send([text_frame(self._greeting)], self._waits.for_answer())
            self.probe_wire_bytes += wire.sent_bytes
            await wire.until(lambda: frames.own_messages > 0, self._waits.for_more(trial.patience))
        if trial.baseline.greetings:
            await wire.until(lambda: frames.own_messages >= trial.baseline.greetings, self._waits.for_answer())
        return wire

    def _is_fit(self, wire: Wire, trial: Trial) -> bool:
        return (
            trial.form != "opening"
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
            self.probe_wire_bytes += wire.sent_bytes - sent_before


def _never() -> bool:
    return False
