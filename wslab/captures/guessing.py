"""Whether bytes look like frames, where no handshake and no frame before them says so."""

from __future__ import annotations

from websockets.frames import Opcode

from wslab.net.close_bodies import read_close
from wslab.net.frames import FrameError, FrameHeader, Side, masked, read_header

_MAX_GUESSED_BYTES = 2**26


def begins_with_frames(data: bytes, sender: Side | None, *, deflate: bool) -> bool:
    """Whether a segment's payload looks like frames from its first byte to its last.

    Frames must follow one another and end where the segment does, and what is in them must be what their kind holds:
    text UTF-8, a close frame a code that may be sent. Of a longer message the segment may be the beginning.
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
