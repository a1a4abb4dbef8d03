"""From a URL to an open `Wire`, or to the reason why not: DNS, TCP, TLS, opening handshake, each fails in its own way.

A failure is an observation: it is raised as `NotOpened` and ends as the status of a verdict. Redirects are not
followed: the user has named one host. (TimeoutError is an OSError, so what is said of one holds for the other.)
"""

from __future__ import annotations

import asyncio
import http.client
import io
import math
import re
import socket
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, NegotiationError
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from wslab.core.errors import in_words
from wslab.core.limits.verdicts import Failure, FailureStatus
from wslab.net.limits.tcp import AddressInfo, TcpStream
from wslab.net.limits.wire import Wire

MAX_HEAD_BYTES = 65_536
_BODY_WAIT_S = 0.25
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})(?: ([^\r\n]*))?\r?\n")
_SUBPROTOCOL = re.compile(rb"sub-?protocol|sec-websocket-protocol", re.IGNORECASE)


class NotOpened(Exception):  # noqa: N818 - an observation, not an error: it becomes a verdict's status
    """No WebSocket came of it."""

    def __init__(self, status: FailureStatus, explanation: str, http_status: int | None = None) -> None:
        super().__init__(explanation)
        self.failure = Failure(status=status, explanation=explanation, http_status=http_status)


@dataclass(frozen=True, slots=True)
class Target:
    """What to open.

    Fields:
        headers: added to the opening handshake; they replace ours of the same name.
        ssl_context: for wss; None: the system's authorities.
        timeout_s: for each step, TCP, TLS, handshake. bytes_per_s: the connection sends no faster.
    """

    url: str
    subprotocols: Sequence[str] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    user_agent: str = "wslab"
    ssl_context: ssl.SSLContext | None = None
    timeout_s: float = 5.0
    bytes_per_s: float = math.inf


async def resolve(target: Target) -> list[AddressInfo]:
    """Return the target's addresses, to be used for all its connections.

    Raises:
        NotOpened: the name is unknown.
    """
    uri = parse_uri(target.url)
    try:
        async with asyncio.timeout(target.timeout_s):
            found = await asyncio.get_running_loop().getaddrinfo(uri.host, uri.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise NotOpened(
            "unreachable", f"The name {uri.host} has no address: {in_words(error, named=False)}."
        ) from error
    return [*found]


async def open_wire(target: Target, addresses: Sequence[AddressInfo], *, fill: bytes, deflate: bool) -> Wire:
    """Open a WebSocket; with `deflate`, offer permessage-deflate.

    Raises:
        NotOpened: with the status that a verdict then has.
    """
    stream = await _connect(target, addresses)
    try:
        await _encrypt(stream, target)
        protocol = _protocol(target, deflate=deflate)
        head, rest = await _shake_hands(stream, target, protocol)
        await _judge(stream, head, rest, protocol)
    except BaseException:
        stream.close()
        raise
    return Wire(stream, rest, fill=fill, deflate=bool(protocol.extensions), bytes_per_s=target.bytes_per_s)


async def _connect(target: Target, addresses: Sequence[AddressInfo]) -> TcpStream:
    try:
        async with asyncio.timeout(target.timeout_s):
            return await TcpStream.connect(addresses)
    except OSError as error:
        raise NotOpened("unreachable", f"No TCP connection to {target.url}: {in_words(error, named=False)}.") from error


async def _encrypt(stream: TcpStream, target: Target) -> None:
    uri = parse_uri(target.url)
    if not uri.secure:
        return
    try:
        async with asyncio.timeout(target.timeout_s):
            await stream.start_tls(target.ssl_context or ssl.create_default_context(), uri.host)
    except OSError as error:
        raise NotOpened("tls_error", f"The TLS handshake fails: {in_words(error, named=False)}.") from error


def _protocol(target: Target, *, deflate: bool) -> ClientProtocol:
    # No client_max_window_bits in the offer: then the server may not restrict how we compress (RFC 7692 §7.1.2.2).
    offers = [ClientPerMessageDeflateFactory(client_max_window_bits=None)] if deflate else None
    names = [Subprotocol(name) for name in target.subprotocols] or None
    return ClientProtocol(parse_uri(target.url), extensions=offers, subprotocols=names)


async def _shake_hands(stream: TcpStream, target: Target, protocol: ClientProtocol) -> tuple[bytes, bytes]:
    """Send the request; return the response's head and what came behind it."""
    request = protocol.connect()
    for name, value in {"User-Agent": target.user_agent, **target.headers}.items():
        if name in request.headers:
            del request.headers[name]
        request.headers[name] = value
    protocol.send_request(request)
    received = b""
    try:
        async with asyncio.timeout(target.timeout_s):
            await stream.send(b"".join(protocol.data_to_send()))
            while b"\r\n\r\n" not in received and len(received) < MAX_HEAD_BYTES and _may_be_http(received):
                data = await stream.receive()
                received += data
                if not data:
                    break
    except TimeoutError:  # first: it is an OSError too
        late = f"TCP opens, but the handshake is not answered within {target.timeout_s:g} s."
        raise NotOpened("no_answer", late) from None
    except OSError as error:
        ended = f"It ends TCP instead of answering the handshake: {in_words(error, named=False)}."
        raise NotOpened("not_a_websocket_server", ended) from error
    head, separator, rest = received.partition(b"\r\n\r\n")
    return head + separator, rest


def _may_be_http(received: bytes) -> bool:
    return received[:5] == b"HTTP/"[: len(received)]


async def _judge(stream: TcpStream, head: bytes, rest: bytes, protocol: ClientProtocol) -> None:
    """Raise unless the response opens a WebSocket."""
    status_line = _STATUS_LINE.match(head)
    if status_line is None or not head.endswith(b"\r\n\r\n"):
        what = f"answers the handshake with {head[:40]!r}, which is not HTTP" if head else "ends TCP without an answer"
        raise NotOpened("not_a_websocket_server", f"It {what}.")
    http_status = int(status_line[1])
    if http_status != 101:
        raise _rejected(http_status, (status_line[2] or b"").decode("latin-1"), head, await _body(stream, rest))
    protocol.receive_data(head)
    protocol.events_received()
    if protocol.handshake_exc is not None:
        raise _misopened(protocol.handshake_exc)


async def _body(stream: TcpStream, rest: bytes) -> bytes:
    """Return the beginning of an error's body: servers say there what they miss."""
    try:
        async with asyncio.timeout(_BODY_WAIT_S):
            while len(rest) < MAX_HEAD_BYTES and (data := await stream.receive()):
                rest += data
    except TimeoutError:
        pass
    return rest


def _rejected(http_status: int, phrase: str, head: bytes, body: bytes) -> NotOpened:
    said = f"It answers the opening handshake with HTTP {http_status} {phrase}".rstrip()
    _, _, raw_headers = head.partition(b"\n")
    if http_status in (429, 503):
        return NotOpened("overloaded", f"{said}: it asks to be left alone for now.", http_status)
    if http_status in (401, 403, 407):
        return NotOpened("unauthorized", f"{said}: it wants credentials, or another Origin.", http_status)
    if 300 <= http_status < 400:
        location = http.client.parse_headers(io.BytesIO(raw_headers)).get("Location", "no other place")
        return NotOpened("redirected", f"{said}: it points to {location}, which is not followed.", http_status)
    if _SUBPROTOCOL.search(raw_headers + body):
        return NotOpened("needs_subprotocol", f"{said}: it wants another subprotocol.{_quote(body)}", http_status)
    nothing = f"{said}: there is no WebSocket at this address, or it wants another request.{_quote(body)}"
    return NotOpened("not_a_websocket_server", nothing, http_status)


def _misopened(error: Exception) -> NotOpened:
    """A 101 that RFC 6455 §4.1 tells a client not to take."""
    if isinstance(error, NegotiationError) and "subprotocol" in str(error):
        return NotOpened("needs_subprotocol", f"It opens with a subprotocol that was not offered: {error}.", 101)
    kind = "its opening handshake is not valid" if isinstance(error, InvalidHandshake) else "its answer is not HTTP"
    return NotOpened("not_a_websocket_server", f"HTTP 101, but {kind}: {error}.", 101)


def _quote(body: bytes) -> str:
    text = " ".join(body.decode(errors="replace").split())
    return f" It says “{text[:200]}”." if text else ""
