"""Records, packed while a herd runs and unpacked when it is over: a row of bytes takes a tenth of the object."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from wslab.core.records import Attempt, Closure, Outage, Record

KINDS: tuple[type[Record], ...] = (Attempt, Closure, Outage)

_ARRAY_OF = b"\xdd"  # MessagePack's array with a length of 32 bits


class Ledger:
    """Takes records and keeps bytes."""

    def __init__(self) -> None:
        self._encoder = msgspec.msgpack.Encoder()
        self._packed = bytearray()
        self._count = 0

    def add(self, record: Record) -> None:
        row = (KINDS.index(type(record)), *msgspec.structs.astuple(record))
        self._encoder.encode_into(row, self._packed, -1)
        self._count += 1

    def close(self) -> bytes:
        """Return what `unpack` reads."""
        return _ARRAY_OF + self._count.to_bytes(4, "big") + self._packed


def unpack(packed: bytes) -> Iterator[Record]:
    """Yield the records of a ledger in the order in which they were added."""
    for kind, *values in msgspec.msgpack.decode(packed):
        fields = KINDS[kind].__struct_fields__
        yield msgspec.convert(dict(zip(fields, values, strict=True)), KINDS[kind])
