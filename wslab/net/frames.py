"""WebSocket frames by hand (RFC 6455 §5.2), no I/O: headers that announce what never comes, payloads of any size that
are never held whole, and a reader that only counts. Whole frames are the library's business (`websockets.frames`).
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator

from websockets.frames import Frame, Opcode
from websockets.utils import apply_mask

from wslab.core.records import Close

CHUNK_BYTES = 64 * 1024
FIRST_BYTES = 1024
_OPCODES = frozenset(Opcode)
_MAX_CONTROL_BYTES = 125
_INFLATE_BYTES = 2**20
_SYNC_MARK = b"\x00\x00\xff\xff"  # what a compressed message leaves out at its end (RFC 7692 §7.2.2)


def encode_header(opcode: Opcode, payload_bytes: int, mask: bytes, *, final: bool = True, rsv1: bool = False) -> bytes:
    """Return the header of a masked frame that announces `payload_bytes`."""
    first = final << 7 | rsv1 << 6 | opcode
    if payload_bytes < 126:
        return struct.pack("!BB", first, 0x80 | payload_bytes) + mask
    if payload_bytes < 65_536:
        return struct.pack("!BBH", first, 0x80 | 126, payload_bytes) + mask
    return struct.pack("!BBQ", first, 0x80 | 127, payload_bytes) + mask


def filled_frame(opcode: Opcode, payload_bytes: int, fill: bytes, *, final: bool = True) -> Iterator[bytes]:
    """Yield a masked frame in parts, the header first: its payload is `fill` over and over.

    `fill` has a length of 1, 2 or 4 bytes, so that the masked payload repeats too and is never held whole.
    """
    mask = os.urandom(4)
    yield encode_header(opcode, payload_bytes, mask, final=final)
    pattern = bytes(a ^ b for a, b in zip(fill * (4 // len(fill)), mask, strict=True))
    yield from _pieces(memoryview(pattern * (CHUNK_BYTES // 4)), payload_bytes)


def compressed_frame(opcode: Opcode, payload: bytes) -> Iterator[bytes]:
    """Yield a masked compressed frame in parts, the header first."""
    mask = os.urandom(4)
    yield encode_header(opcode, len(payload), mask, rsv1=True)
    yield apply_mask(payload[:FIRST_BYTES], mask)
    for start in range(FIRST_BYTES, len(payload), CHUNK_BYTES):
        yield apply_mask(payload[start : start + CHUNK_BYTES], mask)


def fragmented_message(opcode: Opcode, payload_bytes: int, fragment_bytes: int, fill: bytes) -> Iterator[bytes]:
    """Yield one message as frames of at most `fragment_bytes`, at least two frames, in parts that fill a chunk."""
    largest = min(fragment_bytes, max(1, payload_bytes // 2))
    sizes = [largest] * (payload_bytes // largest)
    if len(sizes) * largest < payload_bytes or len(sizes) == 1:
        sizes.append(payload_bytes - len(sizes) * largest)
    part = bytearray()
    for number, size in enumerate(sizes, start=1):
        part += b"".join(filled_frame(Opcode.CONT if number > 1 else opcode, size, fill, final=number == len(sizes)))
        if len(part) >= CHUNK_BYTES or number == len(sizes):
            yield bytes(part)
            part.clear()


def _pieces(block: memoryview, payload_bytes: int) -> Iterator[bytes]:
    """Yield `block` over and over, a small first piece first: what is refused on its header is not sent for nothing."""
    yield bytes(block[: min(FIRST_BYTES, payload_bytes)])
    for start in range(FIRST_BYTES, payload_bytes, CHUNK_BYTES):
        yield bytes(block[: min(CHUNK_BYTES, payload_bytes - start)])


def text_frame(text: str) -> bytes:
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=True)


def control_frame(opcode: Opcode, payload: bytes = b"") -> bytes:
    return Frame(opcode, payload).serialize(mask=True)


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
            self.close, self.close_bytes = _parse_close(payload), frame
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


def _parse_close(payload: bytes) -> Close:
    """Return what a close frame says; 1005 where it says nothing (RFC 6455 §7.1.5), also of one byte."""
    if len(payload) < 2:
        return Close(code=1005)
    (code,) = struct.unpack_from("!H", payload)
    return Close(code=code, reason=payload[2:].decode(errors="replace"))
