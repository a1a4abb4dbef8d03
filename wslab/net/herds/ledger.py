"""Records, packed while a herd runs and unpacked when it is over: a row of bytes takes a tenth of the object.

A ledger is written page by page, and each page stands for itself. So a worker that is killed takes with it no more than
the page that it had not yet handed over.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from wslab.core.records import Attempt, Closure, Outage, Record

KINDS: tuple[type[Record], ...] = (Attempt, Closure, Outage)

_LENGTH_BYTES = 4
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

    def turn_page(self) -> bytes:
        """Return, as a page, what was added since this was last called; nothing if nothing was."""
        if not self._count:
            return b""
        rows = _ARRAY_OF + self._count.to_bytes(4, "big") + self._packed
        self._packed, self._count = bytearray(), 0
        return len(rows).to_bytes(_LENGTH_BYTES, "big") + rows


def unpack(pages: bytes) -> Iterator[Record]:
    """Yield the records of a ledger in the order in which they were added; a last page that is torn is left out."""
    at = 0
    while (begin := at + _LENGTH_BYTES) <= len(pages):
        at = begin + int.from_bytes(pages[at:begin], "big")
        if at > len(pages):
            return
        for kind, *values in msgspec.msgpack.decode(memoryview(pages)[begin:at]):
            fields = KINDS[kind].__struct_fields__
            yield msgspec.convert(dict(zip(fields, values, strict=True)), KINDS[kind])
