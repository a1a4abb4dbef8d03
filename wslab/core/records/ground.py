"""The base of all records, and the parts that several of them share."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec

ClosedBy = Literal["server", "client", "network"]
Side = Literal["client", "server"]
Code = Annotated[int, msgspec.Meta(ge=0, le=65535)]
"""A close code, as two bytes can hold it; files with any other are rejected."""
R = TypeVar("R", bound="Record")


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="record"):
    """The base of all records: immutable, keyword-only, tagged with its kind when written to a file."""


def tag_of(kind: type[Record]) -> str:
    """Return the name of this kind in a file, under `record`."""
    return str(kind.__struct_config__.tag)


class Close(Record, frozen=True, kw_only=True, tag="close"):
    """A close frame as on the wire. `code` 1005 is a frame without a code (RFC 6455 §7.1.5)."""

    code: Code
    reason: str = ""


def since(origin_s: float, record: R) -> R:
    """Return `record` with its times converted from the machine's monotonic clock to seconds since `origin_s`."""
    moved = {
        name: getattr(record, name) - origin_s
        for name in record.__struct_fields__
        if name.endswith("_at_s") and getattr(record, name) is not None
    }
    return msgspec.structs.replace(record, **moved)


def closed_by(received: Close | None, sent: Close | None, *, sent_first: bool, here: ClosedBy) -> ClosedBy:
    """Return who sent the first close frame, as seen from `here` ("client" or "server"); "network" if nobody did.

    >>> closed_by(Close(code=1009), Close(code=1009), sent_first=False, here="client")
    'server'
    """
    if received is None and sent is None:
        return "network"
    there: ClosedBy = "server" if here == "client" else "client"
    return here if received is None or (sent is not None and sent_first) else there
