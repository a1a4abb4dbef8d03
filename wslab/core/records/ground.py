"""What every record has, and what several of them hold."""

from __future__ import annotations

from typing import Annotated, Literal, TypeVar

import msgspec

ClosedBy = Literal["server", "client", "network"]
Side = Literal["client", "server"]
Code = Annotated[int, msgspec.Meta(ge=0, le=65535)]
"""A close code, as the two bytes of a close frame may say it; a file that says another is refused."""
R = TypeVar("R", bound="Record")


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="record"):
    """The base of all records: immutable, keyword-only, tagged with its kind when written to a file."""


def tag_of(kind: type[Record]) -> str:
    """Return by which name a file calls records of this kind, under `record`."""
    return str(kind.__struct_config__.tag)


class Close(Record, frozen=True, kw_only=True, tag="close"):
    """A close frame as it was on the wire. `code` 1005 is a frame without a code (RFC 6455 §7.1.5)."""

    code: Code
    reason: str = ""


def since(origin_s: float, record: R) -> R:
    """Return `record` with every time in it moved from the machine's monotonic clock to seconds since `origin_s`."""
    moved = {
        name: getattr(record, name) - origin_s
        for name in record.__struct_fields__
        if name.endswith("_at_s") and getattr(record, name) is not None
    }
    return msgspec.structs.replace(record, **moved)


def closed_by(received: Close | None, sent: Close | None, *, sent_first: bool, here: ClosedBy) -> ClosedBy:
    """Say who sent the first close frame, as seen from `here` ("client" or "server"); "network" if nobody did.

    >>> closed_by(Close(code=1009), Close(code=1009), sent_first=False, here="client")
    'server'
    """
    if received is None and sent is None:
        return "network"
    there: ClosedBy = "server" if here == "client" else "client"
    return here if received is None or (sent is not None and sent_first) else there
