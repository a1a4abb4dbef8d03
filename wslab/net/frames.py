"""WebSocket frames by hand (RFC 6455 §5.2), no I/O: the primitives that are on nobody's side."""

from __future__ import annotations

import struct

from websockets.frames import Frame, Opcode

from wslab.core.records import Close


def encode_header(opcode: Opcode, payload_bytes: int, mask: bytes, *, final: bool = True, rsv1: bool = False) -> bytes:
    """Return the header of a masked frame that announces `payload_bytes`."""
    first = final << 7 | rsv1 << 6 | opcode
    if payload_bytes < 126:
        return struct.pack("!BB", first, 0x80 | payload_bytes) + mask
    if payload_bytes < 65_536:
        return struct.pack("!BBH", first, 0x80 | 126, payload_bytes) + mask
    return struct.pack("!BBQ", first, 0x80 | 127, payload_bytes) + mask


def text_frame(text: str) -> bytes:
    return Frame(Opcode.TEXT, text.encode()).serialize(mask=True)


def control_frame(opcode: Opcode, payload: bytes = b"") -> bytes:
    return Frame(opcode, payload).serialize(mask=True)


def parse_close(payload: bytes) -> Close:
    """Return what a close frame says; 1005 where it says nothing (RFC 6455 §7.1.5), also of one byte."""
    if len(payload) < 2:
        return Close(code=1005)
    (code,) = struct.unpack_from("!H", payload)
    return Close(code=code, reason=payload[2:].decode(errors="replace"))
