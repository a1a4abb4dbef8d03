"""Messages that offer a size: payloads of any size that are never held whole, and so cost no memory. No I/O."""

from __future__ import annotations

import os
from collections.abc import Iterator

from websockets.frames import Opcode
from websockets.utils import apply_mask

from wslab.net.frames import encode_header

CHUNK_BYTES = 64 * 1024
FIRST_BYTES = 1024


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
