"""Finds heads and frames in the bytes that pass through a relay in one direction; the bytes stay as they are.

It holds an incomplete head or header and the beginning of a payload for display, and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from websockets.frames import Opcode

from wslab.core.errors import WslabError
from wslab.core.records import Side
from wslab.net.frames import MAX_HEADER_BYTES, FrameError, masked, read_header
from wslab.net.handshakes import agreed_extensions
from wslab.net.heads import MAX_HEAD_BYTES, Fields
from wslab.net.relay.passing_frames import PassingFrame, PlainFrame
from wslab.net.relay.previews import PREVIEW_BYTES, Inflation


class Unit(NamedTuple):
    """Bytes of one frame, or, if `seen` is None, bytes outside any frame.

    Fields:
        payload_at: where in `raw` the payload begins. start_bytes: how much of the payload came in earlier units.
        ends: these are the frame's last bytes. whole: these are its first, none of which have passed yet.
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
        on_head: called with all bytes so far until it returns the length of the head; 0 means that the head is
            incomplete, a negative number that everything passes unread from now on.

    Attributes:
        violation: the rule that the sender broke; from then on nothing is read. at_s: when the latest bytes came.
        deflate: permessage-deflate was agreed. takeover: its messages may refer to earlier ones.
    """

    def __init__(self, sender: Side, on_head: Callable[[bytes], int]) -> None:
        self.sender = sender
        self.violation: str | None = None
        self.deflate = False
        self.takeover = True
        self.at_s = 0.0
        self._on_head: Callable[[bytes], int] | None = on_head
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
        """Whether frames come now, and not a head or unknown bytes."""
        return self._on_head is None and not self._blind

    @property
    def is_header_passing(self) -> bool:
        """Whether a header has passed in part."""
        return self._held_passed > 0

    @property
    def is_holding(self) -> bool:
        """Whether it holds bytes that have not passed."""
        return len(self._held) > self._held_passed

    @property
    def unfinished(self) -> PassingFrame | None:
        """The frame whose end has not come."""
        return self._seen

    @property
    def left_bytes(self) -> int:
        """How much of the unfinished frame's payload has not come."""
        return self._left_bytes if self._seen is not None else 0

    def agree(self, fields: Fields) -> None:
        """Note the extensions that a response accepts."""
        agreed = agreed_extensions(fields).get("permessage-deflate")
        self.deflate = agreed is not None
        self.takeover = agreed is None or f"{self.sender}_no_context_takeover" not in agreed

    def feed(self, data: bytes, at_s: float, *, hold: bool) -> list[Unit]:
        """Return bytes that came at this time as units.

        Args:
            hold: an incomplete head or header waits for the rest of it. Otherwise its bytes are taken to have passed
                on already, and appear in no unit.
        """
        self.at_s = at_s
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

    def pass_by(self, data: bytes, at_s: float) -> list[PassingFrame | PlainFrame]:
        """Return the frames that end in bytes that passed at this time.

        Like `feed` without `hold`, but quick with whole and plain frames, as most are.
        """
        at, self.at_s = 0, at_s
        ended: list[PassingFrame | PlainFrame] = []
        if self._seen is not None:
            at = min(self._left_bytes, len(data))
            ended += self._ended(data[:at])
        if self.reads_frames and self._seen is None and not self._held and not self.deflate:
            at = self._look_quickly(data, at, ended)
        ended += self._ended(data[at:] if at else data)
        return ended

    def _look_quickly(self, data: bytes, at: int, ended: list[PassingFrame | PlainFrame]) -> int:
        """Add the plain frames from `at` on to `ended`, and return where the first other one begins."""
        is_masked, at_s, size = 0x80 if self.sender == "client" else 0, self.at_s, len(data)
        while at + MAX_HEADER_BYTES < size:
            first, second = data[at], data[at + 1]
            begin, payload_bytes = at + 2, second & 0x7F
            if first & 0x78 or first & 0x0F > 2 or second & 0x80 != is_masked or payload_bytes == 127:
                break
            if payload_bytes == 126:
                payload_bytes = data[begin] << 8 | data[begin + 1]
                begin += 2
            if is_masked:
                begin += 4
            end = begin + payload_bytes
            if end > size:
                break
            self._frames += 1
            if first & 0x0F:
                self._is_text = first & 0x0F == 1
            shown_to = begin + PREVIEW_BYTES if payload_bytes > PREVIEW_BYTES else end
            ended.append((data[at:shown_to], self._frames, at_s, self._is_text))
            at = end
        return at

    def _ended(self, data: bytes) -> list[PassingFrame]:
        return [unit.seen for unit in self.feed(data, self.at_s, hold=False) if unit.ends and unit.seen is not None]

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
            seen = self._seen = PassingFrame(data[at], header.mask, header.payload_bytes, self._frames, self.at_s)
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
