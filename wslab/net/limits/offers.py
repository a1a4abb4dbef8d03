"""Messages that offer a size: payloads of any size that are never held whole, and so cost no memory. No I/O."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from websockets.frames import Opcode

from wslab.net.frames import encode_header, masked

CHUNK_BYTES = 64 * 1024
FIRST_BYTES = 1024

Piece = Callable[[int, int], bytes]
"""What a payload holds: so many bytes, from there on."""


def whole_frame(
    opcode: Opcode,
    payload_bytes: int,
    piece: Piece,
    *,
    final: bool = True,
    rsv1: bool = False,
    chunk_bytes: int = CHUNK_BYTES,
) -> Iterator[bytes]:
    """Yield a masked frame in parts: the header, a small first one, so that what is refused then is not sent in vain,
    and the rest in chunks.
    """
    mask = os.urandom(4)
    yield encode_header(opcode, payload_bytes, mask, final=final, rsv1=rsv1)
    at = 0
    while at < payload_bytes:
        part = piece(at, min(payload_bytes - at, chunk_bytes, FIRST_BYTES if at == 0 else CHUNK_BYTES))
        yield masked(part, mask, at)
        at += len(part)


def fragmented_message(opcode: Opcode, payload_bytes: int, fragment_bytes: int, piece: Piece) -> Iterator[bytes]:
    """Yield one message as frames of at most `fragment_bytes`, at least two frames, in parts that fill a chunk."""
    largest = min(fragment_bytes, max(1, payload_bytes // 2))
    part = bytearray()
    at, count = 0, 0
    while at < payload_bytes or count < 2:
        size = min(largest, payload_bytes - at)
        final = at + size >= payload_bytes and count > 0
        mask = os.urandom(4)
        part += encode_header(Opcode.CONT if count else opcode, size, mask, final=final) + masked(piece(at, size), mask)
        at, count = at + size, count + 1
        if len(part) >= CHUNK_BYTES:
            yield bytes(part)
            part.clear()
    yield bytes(part)
