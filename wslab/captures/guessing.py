"""Guesses whether bytes are frames, and whose, without a handshake; keeps what came until that is certain."""

from __future__ import annotations

import re

from websockets.frames import Opcode

from wslab.captures.reassembly import Receiver
from wslab.core.records import Side
from wslab.net.close_bodies import read_close
from wslab.net.frames import FrameError, FrameHeader, masked, read_header

_FROM_CLIENT = re.compile(rb"[A-Z]{3,8} [^ \r\n]+ HTTP/1\.[01]|PRI \* HTTP/2|\x16\x03[\x00-\x04]..\x01", re.DOTALL)
_FROM_SERVER = re.compile(rb"HTTP/1\.[01] [1-5]\d\d|\x16\x03[\x00-\x04]..\x02", re.DOTALL)

_MAX_GUESSED_BYTES = 2**26

_ALIKE = 2
"""After this many segments that look like frames they are taken for frames: two are no accident."""

_MAX_KEPT_BYTES = 2**20
"""Bytes kept per side until then; beyond that, only lengths."""


class Guess:
    """What both sides sent since it began to look like frames, until that is certain."""

    def __init__(self) -> None:
        self._alike = 0
        self._pieces: dict[Side, list[tuple[int, bytes | int]]] = {"client": [], "server": []}

    def take(self, side: Side, at_ns: int, data: bytes) -> bool:
        """Take a segment; return whether these are certainly frames: two segments of them, or a close frame."""
        pieces = self._pieces[side]
        is_alike = begins_with_frames(data, side, deflate=True)
        if not is_alike and not pieces:
            return False
        kept_bytes = sum(len(piece) for _, piece in pieces if isinstance(piece, bytes))
        pieces.append((at_ns, data if kept_bytes < _MAX_KEPT_BYTES else len(data)))
        self._alike += is_alike
        return self._alike >= _ALIKE or (is_alike and data[0] & 0x0F == Opcode.CLOSE)

    def skip(self, side: Side, at_ns: int, missing_bytes: int) -> None:
        """Note bytes that are missing from the capture."""
        if self._pieces[side]:
            self._pieces[side].append((at_ns, missing_bytes))

    def tell(self, side: Side, reader: Receiver) -> None:
        """Pass on to a reader what this side sent."""
        for at_ns, piece in self._pieces[side]:
            if isinstance(piece, int):
                reader.skip(at_ns, piece)
            else:
                reader.feed(at_ns, piece)


def speaker_of(data: bytes) -> Side | None:
    """Return whose bytes these can only be; None where they may be either side's."""
    if _FROM_CLIENT.match(data) or begins_with_frames(data, "client", deflate=True):
        return "client"
    if _FROM_SERVER.match(data) or begins_with_frames(data, "server", deflate=True):
        return "server"
    return None


def begins_with_frames(data: bytes, sender: Side | None, *, deflate: bool) -> bool:
    """Whether a segment's payload looks like frames from its first byte to its last.

    Frames must follow one another and end with the segment, and their contents must be valid: UTF-8 in a text frame, a
    permitted code in a close frame. The segment may also be the beginning of a longer message.
    """
    at = 0
    try:
        while at < len(data):
            header = read_header(data, at, sender=sender, deflate=deflate)
            if header is None or not header.is_minimal or (at == 0 and header.opcode == Opcode.CONT):
                return False
            begin = at + header.header_bytes
            at = begin + header.payload_bytes
            if not _holds_its_kind(header, masked(data[begin : min(at, len(data))], header.mask)):
                return False
    except FrameError:
        return False
    return at == len(data) or (at - len(data) < _MAX_GUESSED_BYTES and len(data) > 512)


def _holds_its_kind(header: FrameHeader, payload: bytes) -> bool:
    is_whole = len(payload) == header.payload_bytes
    if header.opcode == Opcode.CLOSE:
        return is_whole and read_close(payload).error is None
    if header.opcode == Opcode.TEXT and not header.rsv1:
        try:
            payload.decode()
        except UnicodeDecodeError as error:
            return not (is_whole and header.final) and error.start > len(payload) - 4
    return True
