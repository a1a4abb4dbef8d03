"""RFC 6455's frames on the wire, read and written in one place for the probe, the herd, the relay and captures. No I/O.

This module says what bytes mean and which rule they break; callers decide what to do about it. Both directions are read
alike; `sender` says whose frames they are, since only clients mask (RFC 6455 §5.1).

    read_header   reads one header in a buffer      encode_header, encode_frame   write
    FrameStream   reads a whole direction, piece by piece, with bounded memory

The body of a close frame is in `close_bodies`, permessage-deflate in `inflating`.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from typing import NamedTuple

from websockets.frames import Opcode
from websockets.utils import apply_mask

from wslab.core.bounds import MAX_CONTROL_BYTES
from wslab.core.errors import WslabError
from wslab.core.records import Side

MAX_HEADER_BYTES = 14

_OPCODES = frozenset(map(int, Opcode))
_LENGTHS = {126: struct.Struct("!H"), 127: struct.Struct("!Q")}


class FrameError(WslabError):
    """Bytes that break a rule of the protocol; the reader must fail the connection (RFC 6455 §7.1.7).

    Fields:
        code: of the close frame to send. section: of the rule, such as "RFC 6455 §5.2"; the message names it.
    """

    def __init__(self, what: str, section: str, code: int = 1002) -> None:
        super().__init__(f"{what} ({section})")
        self.section = section
        self.code = code


class FrameHeader(NamedTuple):
    """A frame's header; `mask` is four bytes, or empty if the payload is not masked."""

    opcode: int
    final: bool
    rsv1: bool
    mask: bytes
    payload_bytes: int
    header_bytes: int

    @property
    def is_control(self) -> bool:
        return bool(self.opcode & 0x8)

    @property
    def is_minimal(self) -> bool:
        """Whether the length takes as few bytes as possible. It must (RFC 6455 §5.2), but readers do not insist."""
        return self.header_bytes - len(self.mask) == 2 + _length_bytes(self.payload_bytes)


def read_header(
    received: bytes | bytearray, at: int = 0, *, sender: Side | None = None, deflate: bool = False
) -> FrameHeader | None:
    """Return the header that begins at `at`; None if it is incomplete.

    Args:
        sender: None if unknown: masked and unmasked frames are then accepted.
        deflate: permessage-deflate was agreed, so RSV1 has a meaning.

    Raises:
        FrameError: the frame breaks a rule.
    """
    if len(received) < at + 2:
        return None
    first, second = received[at], received[at + 1]
    opcode, length = first & 0x0F, second & 0x7F
    if first & 0x70 or opcode not in _OPCODES:
        _check_first(first, deflate=deflate)
    if sender is not None and (second & 0x80 != 0) is not (sender == "client"):
        what = "an unmasked frame from a client" if sender == "client" else "a masked frame from a server"
        raise FrameError(what, "RFC 6455 §5.1")
    if opcode & 0x8 and (length > MAX_CONTROL_BYTES or not first & 0x80):
        raise FrameError("a control frame that is too long or fragmented", "RFC 6455 §5.5")
    begin = at + 2
    if length > MAX_CONTROL_BYTES:
        extended = _LENGTHS[length]
        begin += extended.size
        if len(received) < begin:
            return None
        (length,) = extended.unpack_from(received, at + 2)
        if length >> 63:
            raise FrameError("a length of 2⁶³ bytes or more", "RFC 6455 §5.2")
    mask = b""
    if second & 0x80:
        mask = bytes(received[begin : begin + 4])
        begin += 4
        if len(mask) < 4:
            return None
    return FrameHeader(opcode, first > 0x7F, first & 0x40 != 0, mask, length, begin - at)


def _check_first(first: int, *, deflate: bool) -> None:
    opcode = first & 0x0F
    if opcode not in _OPCODES:
        raise FrameError(f"a frame that begins with {first:02x}, an unknown opcode", "RFC 6455 §5.2")
    if first & (0x30 if deflate else 0x70):
        raise FrameError(f"a frame that begins with {first:02x}, which sets a reserved bit", "RFC 6455 §5.2")
    if opcode not in (Opcode.TEXT, Opcode.BINARY):
        raise FrameError("a frame marked as compressed that does not begin a message", "RFC 7692 §6.1")


def encode_header(
    opcode: int, payload_bytes: int, mask: bytes = b"", *, final: bool = True, rsv1: bool = False
) -> bytes:
    """Return the header of a frame with `payload_bytes`; `mask` is four bytes, required for a client's frame."""
    first, is_masked = final << 7 | rsv1 << 6 | opcode, 0x80 if mask else 0
    if payload_bytes < 126:
        return struct.pack("!BB", first, is_masked | payload_bytes) + mask
    if payload_bytes < 65_536:
        return struct.pack("!BBH", first, is_masked | 126, payload_bytes) + mask
    return struct.pack("!BBQ", first, is_masked | 127, payload_bytes) + mask


def encode_frame(
    opcode: int, payload: bytes = b"", *, sender: Side = "client", final: bool = True, rsv1: bool = False
) -> bytes:
    """Return a whole frame, masked at random if a client sends it. The payload is not checked."""
    mask = os.urandom(4) if sender == "client" else b""
    return encode_header(opcode, len(payload), mask, final=final, rsv1=rsv1) + masked(payload, mask)


def control_frame(opcode: Opcode, payload: bytes = b"") -> bytes:
    """Return a client's ping, pong or close frame, masked."""
    return encode_frame(opcode, payload)


def text_frame(text: str) -> bytes:
    """Return a client's text message in one frame, masked."""
    return encode_frame(Opcode.TEXT, text.encode())


def masked(payload: bytes, mask: bytes, at: int = 0) -> bytes:
    """Mask, or unmask, a piece of a payload that begins at `at`; an empty `mask` changes nothing."""
    if not mask or not payload:
        return payload
    return apply_mask(payload, mask[at % 4 :] + mask[: at % 4])


def _length_bytes(payload_bytes: int) -> int:
    return 0 if payload_bytes < 126 else 2 if payload_bytes < 65_536 else 8


class Piece(NamedTuple):
    """A piece of a frame's payload, unmasked; a control frame comes in one piece. `ends`: the frame's last piece."""

    header: FrameHeader
    payload: bytes
    begins: bool
    ends: bool


class FrameStream:
    """The frames of one direction, piece by piece as bytes arrive; it buffers at most a header or a control frame.

    After a close frame it stops reading (RFC 6455 §5.5.1) and sets `closed`.
    """

    __slots__ = ("_buffer", "_deflate", "_header", "_inside", "_left_bytes", "_sender", "closed")

    def __init__(self, sender: Side | None, *, deflate: bool = False) -> None:
        self.closed = False
        self._sender = sender
        self._deflate = deflate
        self._buffer = bytearray()
        self._header: FrameHeader | None = None
        self._left_bytes = 0
        self._inside = False

    def feed(self, data: bytes) -> Iterator[Piece]:
        """Yield the pieces that have arrived; exhaust the iterator before the next call.

        Raises:
            FrameError: a frame breaks a rule; whatever follows it has no meaning.
        """
        self._buffer += data
        while not self.closed and (piece := self._step()) is not None:
            yield piece
        if self.closed:
            self._buffer.clear()

    def _step(self) -> Piece | None:
        begins = self._header is None
        if begins and not self._begin():
            return None
        header = self._header
        assert header is not None
        available = min(self._left_bytes, len(self._buffer))
        if (self._left_bytes and not available and not begins) or (header.is_control and available < self._left_bytes):
            return None
        at = header.payload_bytes - self._left_bytes
        payload = masked(bytes(self._buffer[:available]), header.mask, at)
        del self._buffer[:available]
        self._left_bytes -= available
        if not self._left_bytes:
            self._header = None
            self.closed = header.opcode == Opcode.CLOSE
        return Piece(header, payload, begins=begins or header.is_control, ends=not self._left_bytes)

    def _begin(self) -> bool:
        header = read_header(self._buffer, sender=self._sender, deflate=self._deflate)
        if header is None:
            return False
        if not header.is_control:
            if self._inside is not (header.opcode == Opcode.CONT):
                what = "a new message inside another" if self._inside else "a continuation of no message"
                raise FrameError(what, "RFC 6455 §5.4")
            self._inside = not header.final
        del self._buffer[: header.header_bytes]
        self._header, self._left_bytes = header, header.payload_bytes
        return True
