"""A close frame, byte by byte, each field with what it says."""

from __future__ import annotations

from typing import TypedDict

from wslab.core.codes.registry import lookup
from wslab.core.records import Close


class Field(TypedDict):
    """Some bytes of a frame, in hexadecimal digits, and what they are."""

    bytes: str
    field: str
    says: str


def fields(close: Close) -> list[Field]:
    """Return the fields of the frame as a server sends it.

    RFC 6455 leaves no choice, so these are the bytes that were on the wire: a control frame is never fragmented and
    holds at most 125 bytes (§5.5), so its length takes one byte in one way (§5.2); no extension in use sets a bit of
    a control frame; a server does not mask (§5.1).

    >>> [field["bytes"] for field in fields(Close(code=1009, reason="too big"))]
    ['88', '09', '03 f1', '74 6f 6f 20 62 69 67']
    >>> [field["bytes"] for field in fields(Close(code=1005))]
    ['88', '00']
    """
    reason = close.reason.encode()
    payload_bytes = 0 if close.code == 1005 else 2 + len(reason)
    told: list[Field] = [
        {"bytes": "88", "field": "FIN, RSV, opcode", "says": "last fragment; no extension; opcode 8: close"},
        {"bytes": f"{payload_bytes:02x}", "field": "MASK, length", "says": f"not masked; {payload_bytes} bytes follow"},
    ]
    if payload_bytes:
        code = close.code.to_bytes(2, "big").hex(" ")
        told.append({"bytes": code, "field": "status code", "says": lookup(close.code).label})
    if reason:
        told.append({"bytes": reason.hex(" "), "field": "reason", "says": close.reason})
    return told
