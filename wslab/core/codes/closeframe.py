"""A close frame, byte by byte, with the meaning of each field."""

from __future__ import annotations

from typing import TypedDict

from wslab.core.bounds import MAX_CONTROL_BYTES
from wslab.core.codes.registry import lookup
from wslab.core.printable import printable
from wslab.core.records import Close


class FrameField(TypedDict):
    """Some bytes of a frame, in hexadecimal digits, and their meaning."""

    bytes: str
    field: str
    says: str


def fields(close: Close) -> list[FrameField]:
    """Return the fields of the frame as a server sends it.

    RFC 6455 leaves no choice, so these are the bytes on the wire: a control frame is never fragmented and holds at most
    125 bytes (§5.5), so its length takes exactly one byte (§5.2); no extension in use sets a bit of a control frame; a
    server does not mask (§5.1). A value that fits no frame, as in a made-up record, is shown without bytes.

    >>> [field["bytes"] for field in fields(Close(code=1009, reason="too big"))]
    ['88', '09', '03 f1', '74 6f 6f 20 62 69 67']
    >>> [field["bytes"] for field in fields(Close(code=1005))]
    ['88', '00']
    >>> fields(Close(code=70_000))[-1]["says"]
    '70000, which two bytes cannot hold'
    """
    reason = close.reason.encode("utf-8", "surrogatepass")
    payload_bytes = 0 if close.code == 1005 and not reason else 2 + len(reason)
    fits = payload_bytes <= MAX_CONTROL_BYTES
    length = f"not masked; {payload_bytes} bytes follow" + ("" if fits else f", but at most {MAX_CONTROL_BYTES} may")
    told: list[FrameField] = [
        {"bytes": "88", "field": "FIN, RSV, opcode", "says": "last fragment; no extension; opcode 8: close"},
        {"bytes": f"{payload_bytes:02x}" if fits else "", "field": "MASK, length", "says": length},
    ]
    if payload_bytes:
        told.append(_status_code(close.code))
    if reason:
        told.append({"bytes": reason.hex(" "), "field": "reason", "says": printable(close.reason)})
    return told


def _status_code(code: int) -> FrameField:
    if not 0 <= code <= 0xFFFF:
        return {"bytes": "", "field": "status code", "says": f"{code}, which two bytes cannot hold"}
    return {"bytes": code.to_bytes(2, "big").hex(" "), "field": "status code", "says": lookup(code).label}
