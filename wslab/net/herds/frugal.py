"""RFC 6455, a client's side of it, for who holds thousands of connections: bytes in, facts out, no socket, no state.

It refuses what a client must refuse: a wrong accept key, what it did not offer, a masked frame, reserved bits, control
frames that are too long or cut. It skips messages unread, so neither their UTF-8 nor the order of their fragments is
checked.
"""

from __future__ import annotations

import base64
import secrets
from functools import lru_cache
from random import Random
from typing import NamedTuple

from websockets.exceptions import ProtocolError
from websockets.frames import Close as ClosePayload
from websockets.frames import Opcode
from websockets.utils import accept_key

from wslab.core.records import Close

MAX_HEAD_BYTES = 16_384
"""A longer answer to an opening handshake is no answer."""

CONTROL = (Opcode.CLOSE, Opcode.PING, Opcode.PONG)
OPCODES = frozenset(Opcode)

ACCEPTED = secrets.token_hex().encode()
"""Stands for an accept key that is right; no server can guess it."""

_nonces = Random()


class HandshakeError(Exception):
    """The answer to an opening handshake is not one of RFC 6455 §4.1, or not to this request."""


class FrameError(Exception):
    """A frame that a client must not accept; it fails the connection with `code` (RFC 6455 §7.1.7)."""

    def __init__(self, message: str, code: int = 1002) -> None:
        super().__init__(message)
        self.code = code


class Answer(NamedTuple):
    """A server's answer to an opening handshake; `rest` is what came behind it."""

    status: int
    retry_after_s: float | None
    connection_id: str | None
    rest: bytes


class FrameHead(NamedTuple):
    """A frame whose payload is, or will be, in `[begin, end)` of what was received."""

    opcode: int
    begin: int
    end: int


def new_key() -> str:
    """Return a Sec-WebSocket-Key: sixteen random bytes (RFC 6455 §4.1), which need be no secret."""
    return base64.b64encode(_nonces.randbytes(16)).decode()


def request(authority: str, resource: str, key: str) -> bytes:
    """Return an opening handshake that offers neither extensions nor subprotocols."""
    return (
        f"GET {resource} HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
    ).encode()


def read_answer(received: bytes, key: str) -> Answer | None:
    """Return the server's answer to the handshake with this key; None while it is incomplete.

    Raises:
        HandshakeError: it is no HTTP, or a 101 that RFC 6455 §4.1 tells a client to refuse.
    """
    head, blank, rest = received.partition(b"\r\n\r\n")
    if not blank:
        if len(head) > MAX_HEAD_BYTES:
            raise HandshakeError(f"an answer of more than {MAX_HEAD_BYTES:,} bytes without an end")
        return None
    # A herd is answered in the same words thousands of times, but for the accept key: so they are read once.
    return Answer(*_read_head(head.replace(accept_key(key).encode(), ACCEPTED)), rest)


@lru_cache(maxsize=64)
def _read_head(head: bytes) -> tuple[int, float | None, str | None]:
    """Return all but the `rest` of an answer, in which `ACCEPTED` stands for the accept key that is expected."""
    status_line, *lines = head.decode("latin-1").split("\r\n")
    if not status_line.startswith("HTTP/1.") or not (status := status_line[9:12]).isdecimal():
        raise HandshakeError(f"no answer of HTTP/1.1: {status_line[:80]!r}")
    fields = {name.lower(): value.strip() for line in lines for name, _, value in [line.partition(":")]}
    if status == "101":
        _check_upgrade(fields)
    retry_after = fields.get("retry-after", "")
    return int(status), float(retry_after) if retry_after.isdecimal() else None, fields.get("x-wslab-connection")


def _check_upgrade(fields: dict[str, str]) -> None:
    # RFC 6455 §4.1, what a client must check of a 101, in its order.
    if fields.get("upgrade", "").lower() != "websocket":
        raise HandshakeError(f"Upgrade is {fields.get('upgrade')!r} and not 'websocket'")
    if "upgrade" not in fields.get("connection", "").lower().replace(" ", "").split(","):
        raise HandshakeError(f"Connection is {fields.get('connection')!r} and not 'Upgrade'")
    if (accept := fields.get("sec-websocket-accept")) != ACCEPTED.decode():
        raise HandshakeError(f"Sec-WebSocket-Accept is {accept!r}, which is not what the key asked for")
    for name in ("sec-websocket-extensions", "sec-websocket-protocol"):
        if name in fields:
            raise HandshakeError(f"{name} is {fields[name]!r}, but none was offered")


def read_frame_head(received: bytes, at: int = 0) -> FrameHead | None:
    """Return the head of the frame that begins at `at`; None while it is incomplete.

    Raises:
        FrameError: a server must not send such a frame.
    """
    if len(received) < at + 2:
        return None
    first, second = received[at], received[at + 1]
    opcode, length = first & 0x0F, second & 0x7F
    if first & 0x70 or opcode not in OPCODES:
        raise FrameError("reserved bits or an unknown opcode (RFC 6455 §5.2)")
    if second & 0x80:
        raise FrameError("a masked frame from a server (RFC 6455 §5.1)")
    if opcode in CONTROL and (length > 125 or not first & 0x80):
        raise FrameError("a control frame too long or in pieces (RFC 6455 §5.5)")
    length_bytes = {126: 2, 127: 8}.get(length, 0)
    begin = at + 2 + length_bytes
    if len(received) < begin:
        return None
    if length_bytes:
        length = int.from_bytes(received[at + 2 : begin], "big")
    return FrameHead(opcode, begin, begin + length)


def close_payload(close: Close) -> bytes:
    """Return the payload of a close frame; that of 1005 is empty (RFC 6455 §7.1.5)."""
    return b"" if close.code == 1005 else ClosePayload(close.code, close.reason).serialize()


def read_close(payload: bytes) -> Close:
    """Return the close frame with this payload.

    Raises:
        FrameError: its payload is a single byte, a code that is not to be sent (RFC 6455 §7.4), or no UTF-8 (§8.1).
    """
    try:
        close = ClosePayload.parse(payload)
    except ProtocolError as error:
        raise FrameError(str(error)) from None
    except UnicodeDecodeError as error:
        raise FrameError(f"the reason is no UTF-8: {error}", code=1007) from None
    return Close(code=close.code, reason=close.reason)
