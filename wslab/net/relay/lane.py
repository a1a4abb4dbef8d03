"""One direction of a connection through a relay: bytes in, and out in order what the faults leave of them.

Without faults they pass at once, looked at and unchanged. With faults a task takes them from a bounded queue.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator
from random import Random
from typing import NamedTuple, Protocol, TypeVar

from websockets.frames import Opcode

from wslab.core.records import Close
from wslab.core.relay.faults import (
    Bandwidth,
    Cut,
    DropClose,
    Fault,
    HoldPongs,
    Latency,
    LimitData,
    RewriteClose,
    Slicer,
    SlowClose,
    Timeout,
)
from wslab.net.close_bodies import read_close
from wslab.net.frames import encode_frame
from wslab.net.relay.spotting import PassingFrame, Spotter, Unit

MAX_QUEUED_BYTES = 256 * 1024
"""A sender is read from no further while so much of it waits."""

PIECES_PER_S = 20
"""Into which a bandwidth cuts what it lets pass."""

CLOSE = int(Opcode.CLOSE)  # to compare with a thousand frames in a millisecond

F = TypeVar("F", bound=Fault)


class End(Protocol):
    """One end of the connection, as a lane uses it."""

    def write(self, data: bytes) -> None: ...

    def write_end(self, *, reset: bool) -> None: ...

    def read_on(self, why: str, wanted: bool) -> None: ...

    async def writable(self) -> None: ...


class QueuedUnit(NamedTuple):
    """A unit that waits, or the end, and when it came."""

    unit: Unit | None
    at: float
    reset: bool = False


class Lane:
    """One direction.

    Args:
        source, sink: the ends that it lies between.
        watch: looks at what comes.
        tell: called with frames when their fate is known.
        end: ends the connection on both sides.

    Attributes:
        close: the first close frame that went out, and when. wire_bytes: that the source sent.
    """

    def __init__(
        self,
        source: End,
        sink: End,
        watch: Spotter,
        rng: Random,
        *,
        tell: Callable[[Spotter, list[PassingFrame]], None],
        end: Callable[[bool], None],
    ) -> None:
        self.watch = watch
        self.close: tuple[Close, float] | None = None
        self.wire_bytes = 0
        self._source, self._sink = source, sink
        self._rng = rng
        self._tell, self._end = tell, end
        self._loop = asyncio.get_running_loop()
        self._faults: dict[str, Fault] = {}
        self._left_bytes: dict[str, int] = {}
        self._queue: deque[QueuedUnit] = deque()
        self._queued_bytes = 0
        self._insertions: deque[bytes] = deque()
        self._inside = False
        self._due_at = 0.0
        self._work: asyncio.Task[None] | None = None

    def receive(self, data: bytes) -> None:
        """Pass on what the source sent, now or when the faults let it."""
        self.wire_bytes += len(data)
        if not self.is_slow():
            ended = self.watch.pass_by(data)
            self._sink.write(data)
            if ended:
                self._note(ended)
            self._inside = self.watch.unfinished is not None
            return
        now = self._loop.time()
        for unit in self.watch.feed(data, hold=True):
            self._queue.append(QueuedUnit(unit, now))
            self._queued_bytes += len(unit.raw)
        self._source.read_on("queue", self._queued_bytes <= MAX_QUEUED_BYTES)
        self._go_on()

    def receive_end(self, *, reset: bool = False) -> None:
        """Pass on that the source has ended, behind all that came of it."""
        if self.is_slow():
            self._queue.append(QueuedUnit(None, self._loop.time(), reset))
            self._go_on()
        else:
            self._sink.write_end(reset=reset)

    def insert(self, payload: bytes) -> None:
        """Send a close frame of the relay's own, as soon as no other frame is under way."""
        self._insertions.append(payload)
        self._go_on()

    def add(self, label: str, fault: Fault) -> None:
        self._faults[label] = fault
        if isinstance(fault, LimitData):
            self._left_bytes[label] = fault.limit_bytes

    def remove(self, label: str) -> None:
        self._faults.pop(label, None)
        self._left_bytes.pop(label, None)

    def stop(self) -> None:
        """End the work. What waits is lost; a frame under way was cut."""
        if self._work is not None:
            self._work.cancel()
        self._queue.clear()
        if (unfinished := self.watch.unfinished) is not None and unfinished.fate == "passed":
            unfinished.fate = "cut"
            self._tell(self.watch, [unfinished])

    def _of(self, kind: type[F]) -> F | None:
        return next((fault for fault in self._faults.values() if isinstance(fault, kind)), None)

    def is_slow(self) -> bool:
        """Whether what comes now goes out later."""
        return bool(self._faults or self._queue or self._insertions or self._work or self.watch.is_holding)

    def _go_on(self) -> None:
        if self._work is None:
            self._work = self._loop.create_task(self._pass_on())
            self._work.add_done_callback(self._worked)

    def _worked(self, work: asyncio.Task[None]) -> None:
        self._work = None
        if not work.cancelled():
            work.result()
            self._insert()
            if self._queue:  # which came when it had ended, and was still there
                self._go_on()

    async def _pass_on(self) -> None:
        self._insert()
        while self._queue:
            unit, at, reset = self._queue.popleft()
            await self._wait(at)
            if unit is None:
                await self._pass_end(reset=reset)
                continue
            self._queued_bytes -= len(unit.raw)
            self._source.read_on("queue", self._queued_bytes <= MAX_QUEUED_BYTES)
            if (raw := self._bent(unit)) is not None:
                await self._write(raw, unit)
            self._passed(unit)
            self._insert()

    async def _wait(self, arrived_at: float) -> None:
        if (latency := self._of(Latency)) is not None:
            delay_s = max(0.0, latency.latency_s + self._rng.uniform(-latency.jitter_s, latency.jitter_s))
            self._due_at = max(self._due_at, arrived_at + delay_s)  # nothing overtakes
            await asyncio.sleep(self._due_at - self._loop.time())

    async def _pass_end(self, *, reset: bool) -> None:
        if (slow := self._of(SlowClose)) is not None:
            await asyncio.sleep(slow.delay_s)
        if self._of(Timeout) is None:
            self._sink.write_end(reset=reset)

    def _bent(self, unit: Unit) -> bytes | None:
        """Return what is to go out in place of a unit; None for nothing."""
        seen = unit.seen
        if self._of(Timeout) is not None:
            if seen is not None:
                seen.fate = "dropped"
            return None
        if seen is None:
            return unit.raw
        opcode, cut = seen.opcode, self._of(Cut)
        if cut is not None and not seen.is_control and seen.payload_bytes > cut.after_bytes:
            return self._cut(unit, seen, cut)
        if not unit.whole:
            return unit.raw
        is_dropped = (opcode == Opcode.CLOSE and self._of(DropClose)) or (opcode == Opcode.PONG and self._of(HoldPongs))
        if is_dropped:
            seen.fate = "dropped"
            return None
        if opcode == Opcode.CLOSE and (rewrite := self._of(RewriteClose)) is not None:
            return self._rewritten(unit, seen, rewrite)
        return unit.raw

    def _cut(self, unit: Unit, seen: PassingFrame, cut: Cut) -> bytes:
        keep = unit.payload_at + max(0, cut.after_bytes - unit.start_bytes)
        if keep < len(unit.raw) and seen.fate != "cut":
            seen.fate = "cut"
            # Not before what is returned here has been written.
            self._loop.call_soon(self._end, cut.reset)
        return unit.raw[:keep]

    def _rewritten(self, unit: Unit, seen: PassingFrame, rewrite: RewriteClose) -> bytes:
        body = read_close(seen.preview)
        if rewrite.only is not None and rewrite.only != body.code:
            return unit.raw
        reason = seen.preview[2:] if rewrite.reason is None else rewrite.reason.encode()
        payload = b"" if rewrite.code == 1005 else rewrite.code.to_bytes(2, "big") + reason
        seen.replace_payload(payload)
        seen.fate = "rewritten"
        return encode_frame(Opcode.CLOSE, payload, sender=self.watch.sender)

    async def _write(self, raw: bytes, unit: Unit) -> None:
        left_bytes = min(self._left_bytes.values(), default=len(raw))
        bandwidth, slicer = self._of(Bandwidth), self._of(Slicer)
        for piece in self._pieces(raw[:left_bytes], bandwidth, slicer):
            if bandwidth is not None:
                await asyncio.sleep(len(piece) / bandwidth.bytes_per_s)
            self._sink.write(piece)
            await self._sink.writable()
            if slicer is not None:
                await asyncio.sleep(slicer.delay_s)
        for label in self._left_bytes:
            self._left_bytes[label] -= min(len(raw), self._left_bytes[label])
        if self._left_bytes and not min(self._left_bytes.values()):
            if unit.seen is not None and left_bytes < len(raw):
                unit.seen.fate = "cut"
            self._loop.call_soon(self._end, False)

    def _pieces(self, raw: bytes, bandwidth: Bandwidth | None, slicer: Slicer | None) -> Iterator[bytes]:
        at = 0
        while at < len(raw):
            size = len(raw) if bandwidth is None else max(1, int(bandwidth.bytes_per_s / PIECES_PER_S))
            if slicer is not None:
                varied = self._rng.randint(-slicer.variation_bytes, slicer.variation_bytes)
                size = min(size, slicer.average_bytes + varied)
            yield raw[at : at + size]
            at += size

    def _passed(self, unit: Unit) -> None:
        """Take note of a unit whose fate is known."""
        seen = unit.seen
        if seen is None:
            return
        self._inside = not unit.ends
        if unit.ends or seen.fate == "cut":
            self._note([seen])

    def _note(self, ended: list[PassingFrame]) -> None:
        for seen in ended:
            if seen.first & 0x0F == CLOSE and seen.fate in ("passed", "rewritten"):
                self._note_close(seen.preview)
        self._tell(self.watch, ended)

    def _insert(self) -> None:
        while self._insertions and self.watch.reads_frames and not (self._inside or self.watch.is_header_passing):
            payload = self._insertions.popleft()
            seen = PassingFrame(0x80 | Opcode.CLOSE, b"", len(payload), 0, self.watch.now())
            seen.start, seen.passed_bytes, seen.fate = payload, len(payload), "inserted"
            self._sink.write(encode_frame(Opcode.CLOSE, payload, sender=self.watch.sender))
            self._note_close(payload)
            self._tell(self.watch, [seen])

    def _note_close(self, payload: bytes) -> None:
        if self.close is None:
            self.close = read_close(payload).close, self.watch.now()
