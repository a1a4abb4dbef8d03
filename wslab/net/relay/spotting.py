"""What goes through a relay in one direction, as it goes: heads and frames, found in bytes that pass on unchanged.

It holds a head or a header while that is incomplete, the beginning of a payload to show, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from websockets.frames import Opcode

from wslab.core.errors import WslabError
from wslab.core.records import FrameFate, Side
from wslab.net.frames import MAX_HEADER_BYTES, FrameError, masked, read_header
from wslab.net.heads import MAX_HEAD_BYTES
from wslab.net.relay.previews import PREVIEW_BYTES, Inflation


class PassingFrame:
    """A frame that is passing; `fate` is what becomes of it.

    As small as can be, since thousands pass in a second: what its header says is worked out when it is asked for.
    """

    __slots__ = ("at_s", "fate", "first", "is_text", "mask", "number", "passed_bytes", "payload_bytes", "start", "text")

    def __init__(self, first: int, mask: bytes, payload_bytes: int, number: int, at_s: float) -> None:
        self.first = first
        self.mask = mask
        self.payload_bytes = payload_bytes
        self.number = number
        self.at_s = at_s
        self.passed_bytes = 0
        self.start = b""  # of the payload, as it was on the wire
        self.is_text = False
        self.text: str | None = None
        self.fate: FrameFate = "passed"

    @property
    def opcode(self) -> int:
        return self.first & 0x0F

    @property
    def is_control(self) -> bool:
        return bool(self.first & 0x08)

    @property
    def final(self) -> bool:
        return self.first > 0x7F

    @property
    def rsv1(self) -> bool:
        return bool(self.first & 0x40)

    @property
    def preview(self) -> bytes:
        """The beginning of the payload, without the mask."""
        return masked(self.start, self.mask)

    def replace_payload(self, payload: bytes) -> None:
        """Take note that a control frame went on with another payload."""
        self.start, self.mask, self.payload_bytes = payload, b"", len(payload)


class Unit(NamedTuple):
    """Bytes that belong together: of one frame, or, where `seen` is None, of what is no frame.

    Fields:
        payload_at: where in `raw` the payload begins. start_bytes: how much of the frame's payload is before it.
        ends: the frame's last. whole: the frame's beginning is in it, and nothing of it has passed before.
    """

    raw: bytes
    seen: PassingFrame | None = None
    payload_at: int = 0
    start_bytes: int = 0
    ends: bool = False
    whole: bool = False


class Spotter:
    """One direction.

    Args:
        on_head: called with what has come so far, until it returns how many bytes of it are the head; 0 is not yet.
            From a negative number on everything passes unread.
        now: the clock.

    Attributes:
        violation: why nothing is read any more, where the peer broke a rule.
        deflate: permessage-deflate was agreed. takeover: its messages may look back.
    """

    def __init__(self, sender: Side, on_head: Callable[[bytes], int], now: Callable[[], float]) -> None:
        self.sender = sender
        self.violation: str | None = None
        self.deflate = False
        self.takeover = True
        self._on_head: Callable[[bytes], int] | None = on_head
        self.now = now
        self._blind = False
        self._held = b""
        self._held_passed = 0
        self._seen: PassingFrame | None = None
        self._left_bytes = 0
        self._frames = 0
        self._is_text = False
        self._inflation: Inflation | None = None

    @property
    def reads_frames(self) -> bool:
        """Whether what comes are frames, and not a head or something unknown."""
        return self._on_head is None and not self._blind

    @property
    def is_header_passing(self) -> bool:
        """Whether some of a header has passed and not all of it."""
        return self._held_passed > 0

    @property
    def is_holding(self) -> bool:
        """Whether bytes wait in it that have not passed."""
        return len(self._held) > self._held_passed

    @property
    def unfinished(self) -> PassingFrame | None:
        """The frame whose end has not come."""
        return self._seen

    def feed(self, data: bytes, *, hold: bool) -> list[Unit]:
        """Return what has come, in units; with `hold` an incomplete head or header waits for the rest of it.

        Without, its bytes are taken to have passed on already, and come in no unit.
        """
        units: list[Unit] = []
        data, passed = self._held + data, self._held_passed
        self._held, self._held_passed = b"", 0
        at = 0
        while at < len(data):
            step = self._blind_unit if self._blind else self._head if self._on_head is not None else self._frame
            taken = step(data, at, passed, units)
            if not taken:
                self._held, self._held_passed = data[at:], len(data) - at if not hold else passed
                break
            at += taken
            passed = max(0, passed - taken)
        return units

    def pass_by(self, data: bytes) -> list[PassingFrame]:
        """Look at what passes at once, as it came; return the frames that have ended in it.

        It is `feed` without anything to bend, and quick where frames are whole and have nothing unusual: most are so.
        """
        at = 0
        ended: list[PassingFrame] = []
        if self._seen is not None:
            at = min(self._left_bytes, len(data))
            ended += self._ended(data[:at])
        if self.reads_frames and self._seen is None and not self._held and not self.deflate:
            at = self._look_quickly(data, at, ended)
        return ended + self._ended(data[at:] if at else data)

    def _look_quickly(self, data: bytes, at: int, ended: list[PassingFrame]) -> int:
        """Add the frames that begin at `at` as far as they are plain, and return where the first other one begins."""
        is_masked, now, size = 0x80 if self.sender == "client" else 0, self.now(), len(data)
        while at + MAX_HEADER_BYTES < size:
            first, second = data[at], data[at + 1]
            begin, payload_bytes = at + 2, second & 0x7F
            if first & 0x78 or first & 0x0F > 2 or second & 0x80 != is_masked or payload_bytes == 127:
                break
            if payload_bytes == 126:
                payload_bytes = data[begin] << 8 | data[begin + 1]
                begin += 2
            mask = data[begin : begin + 4] if is_masked else b""
            begin += len(mask)
            end = begin + payload_bytes
            if end > size:
                break
            self._frames += 1
            seen = PassingFrame(first, mask, payload_bytes, self._frames, now)
            seen.start = data[begin : min(end, begin + PREVIEW_BYTES)]
            seen.passed_bytes = payload_bytes
            if first & 0x0F:
                self._is_text = first & 0x0F == 1
            seen.is_text = self._is_text
            ended.append(seen)
            at = end
        return at

    def _ended(self, data: bytes) -> list[PassingFrame]:
        return [unit.seen for unit in self.feed(data, hold=False) if unit.ends and unit.seen is not None]

    def _blind_unit(self, data: bytes, at: int, passed: int, units: list[Unit]) -> int:
        units.append(Unit(data[at + passed :]))
        return len(data) - at

    def _head(self, data: bytes, at: int, passed: int, units: list[Unit]) -> int:
        assert self._on_head is not None
        try:
            taken = self._on_head(data[at:])
        except WslabError as error:
            taken, self.violation = -1, str(error)
        if taken < 0 or (taken == 0 and len(data) - at > MAX_HEAD_BYTES):
            self._blind = True
            return self._blind_unit(data, at, passed, units)
        if taken:
            self._on_head = None
            units.append(Unit(data[at + passed : at + taken]))
        return taken

    def _frame(self, data: bytes, at: int, passed: int, units: list[Unit]) -> int:
        seen, header_bytes = self._seen, 0
        if begins := seen is None:
            try:
                header = read_header(data, at, sender=self.sender, deflate=self.deflate)
            except FrameError as error:
                self._blind, self.violation = True, str(error)
                return self._blind_unit(data, at, passed, units)
            if header is None:
                return 0
            self._frames += 1
            seen = self._seen = PassingFrame(data[at], header.mask, header.payload_bytes, self._frames, self.now())
            self._left_bytes, header_bytes = header.payload_bytes, header.header_bytes
            self._begin(seen)
        assert seen is not None
        taken = min(self._left_bytes, len(data) - at - header_bytes)
        if seen.is_control and taken < self._left_bytes:  # a control frame is bent whole, so it waits whole
            self._seen, self._frames = None, self._frames - 1
            return 0
        end, start_bytes = at + header_bytes + taken, seen.passed_bytes
        self._look(seen, data, end - taken, end)
        self._left_bytes -= taken
        if ends := not self._left_bytes:
            self._seen = None
        raw = data if not at and not passed and end == len(data) else data[at + passed : end]
        units.append(Unit(raw, seen, max(0, header_bytes - passed), start_bytes, ends, begins and not passed))
        return end - at

    def _begin(self, seen: PassingFrame) -> None:
        if not seen.is_control and seen.opcode != Opcode.CONT:
            self._is_text = seen.opcode == Opcode.TEXT
        seen.is_text = self._is_text and not seen.is_control

    def _look(self, seen: PassingFrame, data: bytes, start: int, end: int) -> None:
        missing = PREVIEW_BYTES - len(seen.start)
        if missing > 0 and end > start:
            seen.start += data[start : min(end, start + missing)]
        if self.deflate and not seen.is_control:
            self._inflation = self._inflation or Inflation(self.takeover)
            if not seen.passed_bytes and seen.opcode != Opcode.CONT:
                self._inflation.begin(compressed=seen.rsv1, is_text=seen.is_text)
            ends = seen.final and end - start == seen.payload_bytes - seen.passed_bytes
            piece = masked(data[start:end], seen.mask, seen.passed_bytes)
            seen.text = self._inflation.look(piece, ends=ends)
        seen.passed_bytes += end - start
