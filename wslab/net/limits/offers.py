"""The frames of a trial: payloads of any size that are never held whole, and so cost no memory. No I/O."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from functools import partial

from msgspec.structs import replace
from websockets.frames import Opcode

from wslab.core.limits.contents import Contents
from wslab.core.limits.trials import Trial
from wslab.net.frames import encode_header, masked

CHUNK_BYTES = 64 * 1024
FIRST_BYTES = 1024

DRIP_S = 0.05
"""Between the pieces of a payload that is spread over a time."""

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


def parts_of(trial: Trial, contents: Contents) -> Iterator[bytes]:
    """Yield what is sent for one message of a trial."""
    opcode = Opcode.BINARY if trial.content == "binary" else Opcode.TEXT
    size = trial.payload_bytes
    piece: Piece = partial(contents.piece, trial.content, size)
    match trial.form:
        case "announced":
            yield encode_header(opcode, size, os.urandom(4))
        case "announced_in_fragments":
            yield b"".join(whole_frame(opcode, 1, piece, final=False))
            yield encode_header(Opcode.CONT, size - 1, os.urandom(4))
        case "frame" | "again":
            yield from whole_frame(opcode, size, piece, chunk_bytes=_chunk_bytes(trial))
        case "fragments":
            yield from fragmented_message(opcode, size, trial.fragment_bytes, piece)
        case "deflated" | "padded":
            payload = trial.compressed_payload(contents.fill or b"a")
            yield from whole_frame(opcode, len(payload), lambda at, length: payload[at : at + length], rsv1=True)


def overrunning(trial: Trial, contents: Contents) -> Iterator[bytes]:
    """Yield the message, and behind it as many further ones as the trial asks for."""
    yield from parts_of(replace(trial, form="frame"), contents)
    left_bytes = trial.overrun_bytes - trial.payload_bytes
    further = replace(trial, form="frame", payload_bytes=min(trial.payload_bytes, CHUNK_BYTES))
    message = b"".join(parts_of(further, contents))
    several = message * (1 + CHUNK_BYTES // len(message))
    for _ in range(0, left_bytes, len(several)):
        yield several


def _chunk_bytes(trial: Trial) -> int:
    if not trial.takes_s:
        return CHUNK_BYTES
    return max(1, min(CHUNK_BYTES, int(trial.payload_bytes * DRIP_S / trial.takes_s)))
