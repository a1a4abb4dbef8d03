"""Reads the WebSocket frames of one direction of a captured connection: counts, sizes and times, never contents.

It adds to `wslab.net.frames` what a capture needs: coping with missing bytes and a missing beginning. A gap inside a
payload costs only its content. If the gap may hide a header, reading resumes at the next segment that consists of whole
frames, and `guessed` is set.
"""

from __future__ import annotations

from collections import deque

from websockets.frames import Opcode

from wslab.captures.growing import GrowingMessage, SeenControl, SeenMessage
from wslab.captures.guessing import begins_with_frames
from wslab.core.records import Side
from wslab.net.close_bodies import CloseBody, read_close
from wslab.net.frames import FrameError, FrameHeader, masked, read_header
from wslab.net.inflating import Inflater

KEPT = 64
"""The last messages and pings of a direction, about which more is kept than their number."""

MAX_INFLATED_BYTES = 2**28
"""A message that inflates to more has no known size."""


class FrameTrail:
    """What one side sent over an open WebSocket.

    Fields:
        close, close_at_ns: its first close frame. after_close_bytes: how much it sent after that.
        violation: the rule that it broke; nothing after that is read.
        guessed: whether reading began, or resumed after a gap, where frames seemed to begin.
        lost_sync: whether some bytes could not be split into frames.
        messages: the last ones; message_count, payload_bytes: of all.
        last_at_ns: when its last frame ended.
    """

    def __init__(
        self,
        sender: Side | None,
        *,
        deflate: bool,
        takeover: bool = True,
        synced: bool = True,
        inflates: bool = True,
    ) -> None:
        self.sender = sender
        self.close: CloseBody | None = None
        self.close_at_ns: int | None = None
        self.close_end_bytes: int | None = None
        self.after_close_bytes = 0
        self.violation: str | None = None
        self.guessed = False
        self.lost_sync = False
        self.messages: deque[SeenMessage] = deque(maxlen=KEPT)
        self.largest: SeenMessage | None = None
        self.message_count = self.payload_bytes = self.frame_count = self.wire_bytes = 0
        self.pings: deque[SeenControl] = deque(maxlen=KEPT)
        self.pongs: deque[SeenControl] = deque(maxlen=KEPT)
        self.ping_count = self.pong_count = 0
        self.last_at_ns: int | None = None
        self._deflate = deflate
        # Without the beginning, what compressed messages refer back to is missing.
        self._inflater = Inflater(takeover=takeover) if deflate and synced else None
        self._synced = synced
        self._buffer = b""
        self._header: FrameHeader | None = None
        self._left_bytes = 0
        self._message: GrowingMessage | None = None

    @property
    def unfinished(self) -> SeenMessage | None:
        """The message that was begun and never finished."""
        return self._message.seen(self.message_count + 1, is_complete=False) if self._message else None

    def has_more_than(self, kept: int) -> bool:
        """Whether it sent more than `kept` messages, pings or pongs."""
        return max(self.message_count, self.ping_count, self.pong_count) > kept

    def feed(self, at_ns: int, data: bytes) -> None:
        """Read the next bytes."""
        self.wire_bytes += len(data)
        if self.close is not None or self.violation is not None:
            self.after_close_bytes += len(data)
            return
        if not self._synced and not self._find_sync(data):
            self.lost_sync = True
            return
        if self._buffer:
            data = self._buffer + data
            self._buffer = b""
        try:
            self._read(at_ns, data)
        except FrameError as error:
            if self.guessed:  # what reading resumed at was no frame
                self._lose()
            else:
                self.violation = str(error)

    def skip(self, at_ns: int, missing_bytes: int) -> None:
        """Resume after bytes that are missing from the capture."""
        inside = self._header is not None and not self._header.is_control
        if inside and missing_bytes <= self._left_bytes:
            self._left_bytes -= missing_bytes
            if self._message is not None:
                self._message.miss(missing_bytes)
            if self._header is not None and not self._left_bytes:
                self._end_frame(at_ns, self._header)
        else:
            self._lose()

    def _lose(self) -> None:
        self._synced, self._buffer, self._header, self._left_bytes, self._message = False, b"", None, 0, None
        self.lost_sync = True
        self._inflater = None

    def _find_sync(self, data: bytes) -> bool:
        if not begins_with_frames(data, self.sender, deflate=self._deflate):
            return False
        self._synced = self.guessed = True
        return True

    def _read(self, at_ns: int, data: bytes) -> None:
        at, end = 0, len(data)
        while at < end:
            header = self._header
            if header is None:
                header = read_header(data, at, sender=self.sender, deflate=self._deflate)
                if header is None or (header.is_control and at + header.header_bytes + header.payload_bytes > end):
                    self._buffer = data[at:]
                    return
                at += header.header_bytes
                self._begin_frame(at_ns, header)
            taken = min(self._left_bytes, end - at)
            if taken or not self._left_bytes:
                self._take(at_ns, header, data, at, taken)
                at += taken
            if self.close is not None:
                self.after_close_bytes += end - at
                return

    def _begin_frame(self, at_ns: int, header: FrameHeader) -> None:
        self.frame_count += 1
        self._header, self._left_bytes = header, header.payload_bytes
        if header.is_control:
            return
        if header.opcode != Opcode.CONT:
            if self._message is not None:
                raise FrameError("a new message inside another", "RFC 6455 §5.4")
            self._message = GrowingMessage(header.opcode == Opcode.TEXT, header.rsv1, at_ns)
        elif self._message is None:
            if not self.guessed:
                raise FrameError("a continuation of no message", "RFC 6455 §5.4")
            return
        assert self._message is not None
        self._message.begin_fragment(header)

    def _take(self, at_ns: int, header: FrameHeader, data: bytes, at: int, taken: int) -> None:
        """Take a piece of payload, unmasking only what must be."""
        offset = header.payload_bytes - self._left_bytes
        self._left_bytes -= taken
        if header.is_control:
            self._take_control(at_ns, header, masked(data[at : at + taken], header.mask))
        elif self._message is not None:
            self._message.wire_bytes += taken
            self._message.ended_at_ns = at_ns
            if self._message.compression:
                ends = not self._left_bytes and header.final
                self._inflate(self._message, masked(data[at : at + taken], header.mask, offset), ends=ends)
        if not self._left_bytes:
            self._end_frame(at_ns, header)

    def _inflate(self, message: GrowingMessage, payload: bytes, *, ends: bool) -> None:
        if self._inflater is None or not message.is_whole:
            message.is_whole, self._inflater = False, None
            return
        try:
            for content in self._inflater.feed(payload, ends=ends):
                message.inflated_bytes += len(content)
                if message.inflated_bytes > MAX_INFLATED_BYTES:
                    message.is_whole, self._inflater = False, None
                    return
        except FrameError:
            self._inflater = None
            raise

    def _end_frame(self, at_ns: int, header: FrameHeader) -> None:
        self._header = None
        self.last_at_ns = at_ns
        if header.is_control or not header.final or self._message is None:
            return
        message, self._message = self._message, None
        message.ended_at_ns = at_ns
        self.message_count += 1
        seen = message.seen(self.message_count, is_complete=True)
        self.payload_bytes += seen.payload_bytes or seen.announced_bytes
        self.messages.append(seen)
        if self.largest is None or (seen.payload_bytes or 0) > (self.largest.payload_bytes or 0):
            self.largest = seen

    def _take_control(self, at_ns: int, header: FrameHeader, payload: bytes) -> None:
        if header.opcode == Opcode.CLOSE:
            self.close, self.close_at_ns = read_close(payload), at_ns
        elif header.opcode == Opcode.PING:
            self.ping_count += 1
            self.pings.append(SeenControl(at_ns, payload))
        else:
            self.pong_count += 1
            self.pongs.append(SeenControl(at_ns, payload))
