"""Payloads of an exact size: text, multi-byte text, JSON, or incompressible bytes."""

from __future__ import annotations

import random
from collections.abc import Callable

from wslab.core.arguments import check_choice, check_whole
from wslab.core.errors import BadTypeError, BadValueError

SAFETY_CAP_BYTES = 64 * 2**20
"""Larger payloads are refused unless the caller raises `cap_bytes`: a typo should not fill the memory."""

THREE_BYTE_CHARACTER = "語"  # U+8A9E: three bytes in UTF-8


def make_payload(kind: str, payload_bytes: int, *, seed: int = 0, cap_bytes: int = SAFETY_CAP_BYTES) -> str | bytes:
    """Return a payload of exactly `payload_bytes` bytes (text: encoded as UTF-8).

    Args:
        kind: "text" (ASCII, compresses well), "multibyte" (as many three-byte characters as fit, then ASCII),
            "json" (one valid JSON document), "binary" (pseudo-random by `seed`, does not compress).

    Raises:
        ValueError: unknown kind, or a size below 0 or above `cap_bytes`.

    >>> make_payload("json", 20)
    '{"filler":"xxxxxxx"}'
    >>> len(make_payload("multibyte", 10)), len(make_payload("multibyte", 10).encode())
    (4, 10)
    """
    check_choice("kind", kind, KINDS)
    check_size("payload_bytes", payload_bytes, cap_bytes=cap_bytes)
    return KINDS[kind](payload_bytes, seed)


def payload_size(payload: str | bytes, *, cap_bytes: int = SAFETY_CAP_BYTES) -> int:
    """Return the payload's size in bytes (text: encoded as UTF-8).

    Raises:
        TypeError: it is neither str nor bytes.
        ValueError: it is larger than `cap_bytes`, or text that UTF-8 cannot encode.
    """
    if not isinstance(payload, (str, bytes)):
        raise BadTypeError(
            f"payload is of type {type(payload).__name__}, but a message is str (text) or bytes (binary)"
        )
    try:
        payload_bytes = len(payload.encode()) if isinstance(payload, str) else len(payload)
    except UnicodeEncodeError as error:
        raise BadValueError(
            f"payload has {payload[error.start]!r} at character {error.start}, but a text message is UTF-8 "
            "(RFC 6455 §5.6), which has no surrogates; remove it, or send bytes"
        ) from None
    check_size("payload size", payload_bytes, cap_bytes=cap_bytes)
    return payload_bytes


def check_size(name: str, payload_bytes: int, *, cap_bytes: int) -> None:
    """Raise unless the size is a whole number of bytes between 0 and the cap."""
    check_whole(name, payload_bytes, low=0, unit="bytes")  # first, since no cap allows less
    check_whole(
        name, payload_bytes, low=0, high=cap_bytes, unit="bytes", hint=f"cap_bytes={payload_bytes} allows this size"
    )


def _text(payload_bytes: int, _seed: int) -> str:
    return "x" * payload_bytes


def _multibyte(payload_bytes: int, _seed: int) -> str:
    whole, rest = divmod(payload_bytes, len(THREE_BYTE_CHARACTER.encode()))
    return THREE_BYTE_CHARACTER * whole + "x" * rest


def _json(payload_bytes: int, _seed: int) -> str:
    frame = '{"filler":""}'
    if payload_bytes >= len(frame):
        return frame[:-2] + "x" * (payload_bytes - len(frame)) + frame[-2:]
    return "1" * payload_bytes  # too short for an object; nothing of zero bytes is JSON


def _binary(payload_bytes: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(payload_bytes)


KINDS: dict[str, Callable[[int, int], str | bytes]] = {
    "text": _text,
    "multibyte": _multibyte,
    "json": _json,
    "binary": _binary,
}
