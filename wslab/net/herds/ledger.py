"""Records, packed while a herd runs and unpacked afterwards: a row of bytes takes a tenth of the object's memory.

A ledger is written in self-contained pages, so a worker that is killed loses only the page that it had not handed over.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from wslab.core.records import Attempt, Closure, Outage, Record

KINDS: tuple[type[Record], ...] = (Attempt, Closure, Outage)

_LENGTH_BYTES = 4
_ARRAY_OF = b"\xdd"  # MessagePack's array with a length of 32 bits


class Ledger:
    """Packs records into bytes."""

    def __init__(self) -> None:
        self._encoder = msgspec.msgpack.Encoder()
        self._packed = bytearray()
        self._count = 0

    def add(self, record: Record) -> None:
        row = (KINDS.index(type(record)), *msgspec.structs.astuple(record))
        self._encoder.encode_into(row, self._packed, -1)
        self._count += 1

    def turn_page(self) -> bytes:
        """Return the records added since the last call as a page; empty if there are none."""
        if not self._count:
            return b""
        rows = _ARRAY_OF + self._count.to_bytes(4, "big") + self._packed
        self._packed, self._count = bytearray(), 0
        return len(rows).to_bytes(_LENGTH_BYTES, "big") + rows


def unpack(pages: bytes) -> Iterator[Record]:
    """Yield the records of a ledger in the order of adding; a torn last page is ignored."""
    at = 0
    while (begin := at + _LENGTH_BYTES) <= len(pages):
        at = begin + int.from_bytes(pages[at:begin], "big")
        if at > len(pages):
            return
        for kind, *values in msgspec.msgpack.decode(memoryview(pages)[begin:at]):
            fields = KINDS[kind].__struct_fields__
            yield msgspec.convert(dict(zip(fields, values, strict=True)), KINDS[kind])
