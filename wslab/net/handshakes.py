"""The opening handshake (RFC 6455 §4): writing a request, checking requests and answers. No I/O."""

from __future__ import annotations

import base64
from collections.abc import Collection, Mapping
from random import Random

from websockets.exceptions import InvalidHeader
from websockets.headers import parse_extension
from websockets.utils import accept_key

from wslab.core.errors import WslabError
from wslab.net.heads import Fields, RequestHead, ResponseHead

_nonces = Random()


class HandshakeError(WslabError):
    """A head that does not open a WebSocket (RFC 6455 §4), or not the one requested."""


def new_key() -> str:
    """Return a Sec-WebSocket-Key: sixteen random bytes (RFC 6455 §4.1), which need not be secret."""
    return base64.b64encode(_nonces.randbytes(16)).decode()


def encode_request(authority: str, resource: str, key: str, fields: Mapping[str, str] | None = None) -> bytes:
    """Return an opening handshake: the mandatory fields (RFC 6455 §4.1), then `fields`."""
    further = "".join(f"{name}: {value}\r\n" for name, value in fields.items()) if fields else ""
    return (
        f"GET {resource} HTTP/1.1\r\nHost: {authority}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n{further}\r\n"
    ).encode("latin-1")


def check_opening(
    response: ResponseHead,
    accept: str,
    *,
    subprotocols: Collection[str] = (),
    extensions: Collection[str] = (),
) -> None:
    """Raise HandshakeError unless a client must accept this 101 (RFC 6455 §4.1, checked in its order).

    Args:
        accept: the value for our key (`accept_key`). subprotocols, extensions: the names offered.
    """
    fields = response.fields
    if fields.get("Upgrade").lower() != "websocket":
        raise HandshakeError(f"Upgrade is {fields.get('Upgrade')!r}, not 'websocket'")
    if "upgrade" not in fields.options("Connection"):
        raise HandshakeError(f"Connection is {fields.get('Connection')!r}, not 'Upgrade'")
    if (answered := fields.get("Sec-WebSocket-Accept")) != accept:
        raise HandshakeError(f"Sec-WebSocket-Accept is {answered!r}, which does not match the key")
    for name in agreed_extensions(fields):
        if name not in extensions:
            raise HandshakeError(f"Sec-WebSocket-Extensions is {name!r}, which was not offered")
    if (chosen := fields.get("Sec-WebSocket-Protocol")) not in subprotocols and fields.has("Sec-WebSocket-Protocol"):
        raise HandshakeError(f"Sec-WebSocket-Protocol is {chosen!r}, which was not offered")


def check_asking(request: RequestHead) -> str:
    """Return the value of Sec-WebSocket-Accept that answers a request.

    Raises:
        HandshakeError: the request is not an opening handshake according to RFC 6455 §4.2.1.
    """
    fields = request.fields
    if request.method != "GET" or request.version == "1.0":
        raise HandshakeError(f"it is {request.method} of HTTP/{request.version}, not GET of HTTP/1.1")
    if "websocket" not in fields.options("Upgrade") or "upgrade" not in fields.options("Connection"):
        raise HandshakeError("Upgrade and Connection do not ask for a WebSocket")
    if fields.get("Sec-WebSocket-Version") != "13":
        raise HandshakeError(f"Sec-WebSocket-Version is {fields.get('Sec-WebSocket-Version')!r}, not '13'")
    key = fields.get("Sec-WebSocket-Key")
    try:
        key_bytes = len(base64.b64decode(key, validate=True))
    except ValueError:  # also where it is not ASCII
        key_bytes = 0
    if key_bytes != 16:
        raise HandshakeError(f"Sec-WebSocket-Key is {key!r}, which is not 16 bytes in base64")
    return accept_key(key)


def agreed_extensions(fields: Fields) -> dict[str, dict[str, str | None]]:
    """Return the extensions in a head, each with its parameters.

    Raises:
        HandshakeError: Sec-WebSocket-Extensions is malformed (RFC 6455 §9.1).
    """
    listed = fields.get("Sec-WebSocket-Extensions")
    try:
        return {str(name): dict(parameters) for name, parameters in parse_extension(listed)} if listed else {}
    except InvalidHeader as error:
        raise HandshakeError(str(error)) from None
