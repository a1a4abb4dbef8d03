"""What a server answers, read from its frames without holding a payload: a reader that only counts. No I/O."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

from websockets.frames import Opcode

from wslab.core.records import Close
from wslab.net.frames import parse_close

_OPCODES = frozenset(Opcode)
_MAX_CONTROL_BYTES = 125
_INFLATE_BYTES = 2**20
_SYNC_MARK = b"\x00\x00\xff\xff"  # what a compressed message leaves out at its end (RFC 7692 §7.2.2)


class FrameReader:
    """Reads what a server sends, and keeps counts instead of payloads.

    Fields:
        echoed_bytes: payload, after inflation, of frames that hold nothing but bytes of `fill`.
        own_messages: data messages that hold something else, or nothing.
        pongs: payloads of the pongs received. pings: those of pings not yet taken.
        close: the close frame; close_bytes: the frame as it came. Nothing after it is read.
        violation: what was no frame of a server; nothing after it is read.
    """

    def __init__(self, fill: bytes, *, deflate: bool = False) -> None:
        self.fill = fill
        self.echoed_bytes = 0
        self.own_messages = 0
        self.pongs: list[bytes] = []
        self.pings: list[bytes] = []
        self.close: Close | None = None
        self.close_bytes = b""
        self.violation: str | None = None
        self._buffer = bytearray()
        self._left_bytes = 0
        self._reserved_bits = 0x30 if deflate else 0x70
        self._final = self._compressed = self._inside = False
        self._message_bytes = self._foreign_bytes = 0
        self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)

    def feed(self, data: bytes) -> None:
        """Read on with what has arrived."""
        self._buffer += data
        while self.close is None and self.violation is None:
            if not self._step():
                return
        self._buffer.clear()

    def _step(self) -> bool:
        """Read one header or one piece of payload; return whether there may be more."""
        if self._left_bytes:
            piece = bytes(self._buffer[: self._left_bytes])
            del self._buffer[: self._left_bytes]
            self._left_bytes -= len(piece)
            self._count(piece)
            return bool(piece)
        header = self._read_header()
        if header is None:
            return False
        first, length, header_bytes = header
        opcode = first & 0x0F
        if opcode & 0x8:
            return self._read_control(opcode, first, length, header_bytes)
        del self._buffer[:header_bytes]
        self._begin_data(first, opcode, length)
        return True

    def _read_header(self) -> tuple[int, int, int] | None:
        """Return the first byte, the payload's length and the header's; None where it has not all arrived."""
        if len(self._buffer) < 2:
            return None
        first, length = self._buffer[0], self._buffer[1]
        if length & 0x80:
            self.violation = "a masked frame, which only clients send (RFC 6455 §5.1)"
            return None
        extended = {126: "!H", 127: "!Q"}.get(length)
        header_bytes = 2 + (struct.calcsize(extended) if extended else 0)
        if len(self._buffer) < header_bytes:
            return None
        if extended:
            (length,) = struct.unpack_from(extended, self._buffer, 2)
        if first & self._reserved_bits or first & 0x0F not in _OPCODES or length >> 63:
            self.violation = (
                f"a frame that begins with {self._buffer[:2].hex(' ')}, which means nothing (RFC 6455 §5.2)"
            )
            return None
        return first, length, header_bytes

    def _read_control(self, opcode: int, first: int, length: int, header_bytes: int) -> bool:
        if not first & 0x80 or length > _MAX_CONTROL_BYTES:
            self.violation = "a control frame that is fragmented or too long (RFC 6455 §5.5)"
            return False
        whole = header_bytes + length
        if len(self._buffer) < whole:
            return False
        frame, payload = bytes(self._buffer[:whole]), bytes(self._buffer[header_bytes:whole])
        del self._buffer[:whole]
        if opcode == Opcode.CLOSE:
            self.close, self.close_bytes = parse_close(payload), frame
        else:
            (self.pings if opcode == Opcode.PING else self.pongs).append(payload)
        return True

    def _begin_data(self, first: int, opcode: int, length: int) -> None:
        if self._inside is not (opcode == Opcode.CONT):
            self.violation = "a fragment out of order (RFC 6455 §5.4)"
            return
        if opcode != Opcode.CONT:
            self._compressed = bool(first & 0x40)
            self._message_bytes = self._foreign_bytes = 0
        self._final = bool(first & 0x80)
        self._inside = not self._final
        self._left_bytes = length
        if not length:
            self._count(b"")

    def _count(self, piece: bytes) -> None:
        ends = not self._left_bytes and self._final
        for content in self._inflate(piece, ends=ends) if self._compressed else [piece]:
            self._message_bytes += len(content)
            if sum(map(content.count, {bytes([byte]) for byte in self.fill})) == len(content):
                self.echoed_bytes += len(content)
            else:
                self._foreign_bytes += len(content)
        if ends and (self._foreign_bytes or not self._message_bytes):
            self.own_messages += 1

    def _inflate(self, piece: bytes, *, ends: bool) -> Iterator[bytes]:
        """Yield inflated content in bounded parts, so that no answer can fill the memory."""
        rest, more = piece + _SYNC_MARK if ends else piece, True
        while rest or more:
            try:
                content = self._inflater.decompress(rest, _INFLATE_BYTES)
            except zlib.error as error:
                self.violation = f"a compressed message that does not inflate: {error}"
                return
            yield content
            rest, more = self._inflater.unconsumed_tail, len(content) == _INFLATE_BYTES
            if self._inflater.eof:  # a final block inside a message (RFC 7692 §7.2.3.5)
                rest = self._inflater.unused_data
                self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
