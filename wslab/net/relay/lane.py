"""One direction of a connection through a relay: bytes in, and out in the same order what the faults leave of them.

Without faults they pass at once, looked at and unchanged. With faults they wait in a bounded queue, from which a task
takes them.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from random import Random
from typing import NamedTuple, Protocol

from websockets.frames import Opcode

from wslab.core.records import Close, Side
from wslab.core.relay.faults import Fault, SlowClose
from wslab.net.close_bodies import read_close
from wslab.net.frames import encode_frame
from wslab.net.relay.bending import Bending
from wslab.net.relay.passing_frames import PassingFrame, PlainFrame
from wslab.net.relay.spotting import Spotter, Unit

MAX_QUEUED_BYTES = 256 * 1024
"""Nothing more is read from the sender while so many bytes wait."""

STEP_BYTES = 4096
"""How much of what waits is taken apart into frames at once: in bytes, two are a frame, as an object it takes 500."""

CLOSE = int(Opcode.CLOSE)  # quicker to compare with than the member of an enumeration


class End(Protocol):
    """One end of the connection, as a lane uses it."""

    def write(self, data: bytes) -> None: ...

    def write_end(self, *, reset: bool) -> None: ...

    def read_on(self, why: str, wanted: bool) -> None: ...

    async def writable(self) -> None: ...


class Arrival(NamedTuple):
    """Bytes that wait, and when they came. `end`: the end of TCP came, with a reset (True) or without (False)."""

    data: bytes
    at_s: float
    end: bool | None = None


class Lane:
    """One direction.

    Args:
        source, sink: the ends that it connects.
        on_head: see `Spotter`.
        now: the clock.
        tell: called with frames once their fate is known.
        end: ends the connection on both sides, with a reset or without.

    Attributes:
        close: the first close frame that went out, and when. wire_bytes: how much the source sent.
    """

    def __init__(
        self,
        source: End,
        sink: End,
        sender: Side,
        rng: Random,
        *,
        on_head: Callable[[bytes], int],
        now: Callable[[], float],
        tell: Callable[[Side, list[PassingFrame | PlainFrame]], None],
        end: Callable[[bool], None],
    ) -> None:
        self.spotter = Spotter(sender, on_head)
        self.close: tuple[Close, float] | None = None
        self.wire_bytes = 0
        self._source, self._sink, self.sender = source, sink, sender
        self._bending = Bending(sender, rng)
        self._now, self._tell, self._end = now, tell, end
        self._queue: deque[Arrival] = deque()
        self._queued_bytes = 0
        self._insertions: deque[bytes] = deque()
        self._is_inside = False
        self._due_at_s = 0.0
        self._work: asyncio.Task[None] | None = None
        self._changed: asyncio.Event | None = None

    def receive(self, data: bytes) -> None:
        """Pass on what the source sent, now or when the faults allow it."""
        self.wire_bytes += len(data)
        if self.is_slow():
            self._queue_up(Arrival(data, self._now()))
            return
        self._sink.write(data)
        ended = self.spotter.pass_by(data, self._now())
        if ended:
            self._note(ended)
        self._is_inside = self.spotter.unfinished is not None

    def receive_end(self, *, reset: bool = False) -> None:
        """Pass on that the source has ended, after everything that it sent."""
        if self.is_slow():
            self._queue_up(Arrival(b"", self._now(), end=reset))
        else:
            self._sink.write_end(reset=reset)

    def insert(self, payload: bytes) -> None:
        """Send a close frame of the relay's own as soon as no other frame is under way."""
        self._insertions.append(payload)
        self._start_work()

    def add(self, label: str, fault: Fault) -> None:
        self._bending.add(label, fault)

    def remove(self, label: str) -> None:
        self._bending.remove(label)
        if self._changed is not None:
            self._changed.set()

    def stop(self, *, by_relay: bool) -> None:
        """Stop working, and discard what waits; the frame under way was cut by the relay, or never finished."""
        if self._work is not None:
            self._work.cancel()
        self._queue.clear()
        unfinished = self.spotter.unfinished
        if unfinished is not None and unfinished.fate == "passed":
            unfinished.fate = "cut" if by_relay else "unfinished"
            self._tell(self.sender, [unfinished])

    def is_slow(self) -> bool:
        """Whether what comes now goes out later."""
        return bool(self._bending or self._queue or self._insertions or self._work or self.spotter.is_holding)

    # With faults

    def _queue_up(self, arrival: Arrival) -> None:
        self._queue.append(arrival)
        self._queued_bytes += len(arrival.data)
        self._source.read_on("queue", self._queued_bytes <= MAX_QUEUED_BYTES)
        self._start_work()

    def _start_work(self) -> None:
        if self._work is None:
            self._work = asyncio.get_running_loop().create_task(self._pass_on())
            self._work.add_done_callback(self._stopped_work)

    def _stopped_work(self, work: asyncio.Task[None]) -> None:
        self._work = None
        if not work.cancelled():
            work.result()
            self._insert()
            if self._queue:  # something came just before the task was done
                self._start_work()

    async def _pass_on(self) -> None:
        self._insert()
        while self._queue:
            data, at_s, end = self._queue.popleft()
            at = 0
            while at < len(data):
                step = data[at : at + max(STEP_BYTES, self.spotter.left_bytes)]
                for unit in self.spotter.feed(step, at_s, hold=True):
                    await self._pass_unit(unit, at_s)
                at += len(step)
            self._queued_bytes -= len(data)
            self._source.read_on("queue", self._queued_bytes <= MAX_QUEUED_BYTES)
            if end is not None:
                await self._pass_end(at_s, reset=end)

    async def _pass_unit(self, unit: Unit, at_s: float) -> None:
        await self._wait(at_s)
        raw, end = self._bending.bent(unit)
        for piece, before_s, after_s in self._bending.pieces(raw):
            await _pause(before_s)
            self._sink.write(piece)
            await self._sink.writable()
            await _pause(after_s)
        self._is_inside = unit.seen is not None and not unit.ends
        if unit.seen is not None and (unit.ends or unit.seen.fate == "cut"):
            self._note([unit.seen])
        if end is not None:
            self._end(end)
        self._insert()

    async def _wait(self, at_s: float) -> None:
        if delay_s := self._bending.delay_s():
            self._due_at_s = max(self._due_at_s, at_s + delay_s)  # nothing overtakes
            await asyncio.sleep(self._due_at_s - self._now())

    async def _pass_end(self, at_s: float, *, reset: bool) -> None:
        await self._wait(at_s)
        if (slow := self._bending.first(SlowClose)) is not None:
            await asyncio.sleep(slow.delay_s)
        while self._bending.is_silent:
            self._changed = asyncio.Event()
            await self._changed.wait()
        self._sink.write_end(reset=reset)

    # What is told

    def _note(self, ended: list[PassingFrame | PlainFrame]) -> None:
        for seen in ended:
            if isinstance(seen, PassingFrame) and seen.opcode == CLOSE and seen.fate in ("passed", "rewritten"):
                self._note_close(seen.preview)
        self._tell(self.sender, ended)

    def _insert(self) -> None:
        while (
            self._insertions and self.spotter.reads_frames and not (self._is_inside or self.spotter.is_header_passing)
        ):
            payload = self._insertions.popleft()
            seen = PassingFrame(0x80 | CLOSE, b"", len(payload), 0, self._now())
            seen.start, seen.passed_bytes, seen.fate = payload, len(payload), "inserted"
            self._sink.write(encode_frame(CLOSE, payload, sender=self.sender))
            self._note_close(payload)
            self._tell(self.sender, [seen])

    def _note_close(self, payload: bytes) -> None:
        if self.close is None:
            self.close = read_close(payload).close, self._now()


async def _pause(delay_s: float) -> None:
    if delay_s:
        await asyncio.sleep(delay_s)
