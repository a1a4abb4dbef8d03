"""From a target to an open `Wire`, or to the reason why not: DNS, TCP, TLS, opening handshake, each fails its own way.

A failure is an observation: it is raised as `NotOpened` and ends as the status of a verdict. Redirects are not
followed: the user has named one host. (TimeoutError is an OSError, so what is said of one holds for the other.)
"""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
import ssl
from collections.abc import Sequence
from functools import lru_cache

from websockets.utils import accept_key

from wslab.core.errors import in_words
from wslab.core.limits.verdicts import Failure, FailureStatus
from wslab.core.target import Target
from wslab.core.trust import Trust
from wslab.net import reach
from wslab.net.handshakes import HandshakeError, agreed_extensions, check_opening, encode_request, new_key
from wslab.net.heads import MAX_HEAD_BYTES, HeadError, ResponseHead, read_response, retry_after_s
from wslab.net.limits.answers import ReadingBudget
from wslab.net.limits.tcp import TcpStream
from wslab.net.limits.wire import Wire

# No client_max_window_bits in the offer: then the server may not restrict how we compress (RFC 7692 §7.1.2.2).
DEFLATE = "permessage-deflate"
_BODY_WAIT_S = 0.25
_SUBPROTOCOL = re.compile(r"sub-?protocol|sec-websocket-protocol", re.IGNORECASE)


class NotOpened(Exception):  # noqa: N818 - an observation, not an error: it becomes a verdict's status
    """No WebSocket came of it."""

    def __init__(
        self,
        status: FailureStatus,
        explanation: str,
        http_status: int | None = None,
        *,
        retry_s: float | None = None,
    ) -> None:
        super().__init__(explanation)
        self.failure = Failure(status=status, explanation=explanation, http_status=http_status, retry_after_s=retry_s)


async def resolve(target: Target) -> list[reach.AddressInfo]:
    """Return the target's addresses, as `reach.resolve` does.

    Raises:
        NotOpened: the name is unknown.
    """
    try:
        async with asyncio.timeout(target.open_timeout_s):
            return await reach.resolve(target)
    except OSError as error:
        said = f"The name {target.address[0]} has no address: {in_words(error, named=False)}."
        raise NotOpened("unreachable", said) from error


def other_source(addresses: Sequence[reach.AddressInfo], number: int) -> str | None:
    """Return another address of this machine to connect from, where these are all on its IPv4 loopback.

    >>> other_source([(2, 1, 6, "", ("127.0.0.1", 80))], 300)
    '127.66.1.47'
    """
    if number == 0 or not addresses or any(info[0] != socket.AF_INET for info in addresses):
        return None
    if not all(ipaddress.ip_address(info[4][0]).is_loopback for info in addresses):
        return None
    return f"127.66.{number // 254 % 256}.{1 + number % 254}"


async def open_wire(
    target: Target,
    addresses: Sequence[reach.AddressInfo],
    *,
    allowance: ReadingBudget | None = None,
    deflate: bool = False,
    source: str | None = None,
    send_buffer_bytes: int | None = None,
    bytes_per_s: float = float("inf"),
) -> Wire:
    """Open a WebSocket within the target's time; with `deflate`, offer permessage-deflate.

    Raises:
        NotOpened: with the status that a verdict then has.
    """
    due = asyncio.get_running_loop().time() + target.open_timeout_s
    stream = await _connect(target, addresses, due, source, send_buffer_bytes)
    try:
        await _encrypt(stream, target, due)
        head, rest = await _shake_hands(stream, target, due, deflate=deflate)
        agreed = DEFLATE in agreed_extensions(head.fields)
        return Wire(stream, rest, allowance=allowance, deflate=agreed, bytes_per_s=bytes_per_s)
    except BaseException:
        stream.close()
        raise


@lru_cache(maxsize=4)
def _context(trust: Trust) -> ssl.SSLContext:
    """A context for many connections: the system's authorities take a while to read."""
    return trust.context()


async def _connect(
    target: Target,
    addresses: Sequence[reach.AddressInfo],
    due: float,
    source: str | None,
    send_buffer_bytes: int | None,
) -> TcpStream:
    try:
        async with asyncio.timeout_at(due):
            sock = await reach.connect(target, addresses, source=source, send_buffer_bytes=send_buffer_bytes)
            return TcpStream(sock)
    except OSError as error:
        said = f"No TCP connection to {target.shown_url}: {in_words(error, named=False)}."
        raise NotOpened("unreachable", said) from error


async def _encrypt(stream: TcpStream, target: Target, due: float) -> None:
    if not target.secure:
        return
    try:
        async with asyncio.timeout_at(due):
            await stream.start_tls(_context(target.trust), target.server_name)
    except OSError as error:
        raise NotOpened("tls_error", f"The TLS handshake fails: {in_words(error, named=False)}.") from error


async def _shake_hands(stream: TcpStream, target: Target, due: float, *, deflate: bool) -> tuple[ResponseHead, bytes]:
    """Send the request; return the response's head, which opens a WebSocket, and what came behind it."""
    key = new_key()
    try:
        async with asyncio.timeout_at(due):
            await stream.send(_request(target, key, deflate=deflate))
            head, received = await _read_head(stream)
    except TimeoutError:  # first: it is an OSError too
        late = f"TCP opens, but the handshake is not answered within {target.open_timeout_s:g} s."
        raise NotOpened("no_answer", f"{late} Give it more time with --open-timeout.") from None
    except OSError as error:
        ended = f"It ends TCP instead of answering the handshake: {in_words(error, named=False)}."
        raise NotOpened("not_a_websocket_server", ended) from error
    except HeadError as error:
        raise NotOpened("not_a_websocket_server", f"It answers the handshake with {error}.") from error
    rest = received[head.head_bytes :]
    if head.status != 101:
        raise _rejected(head, await _body(stream, rest))
    try:
        check_opening(head, accept_key(key), subprotocols=target.subprotocols, extensions=[DEFLATE] if deflate else [])
    except HandshakeError as error:
        raise _misopened(head, error) from error
    return head, rest


def _request(target: Target, key: str, *, deflate: bool) -> bytes:
    authority, resource, fields = reach.asked(target)
    if deflate:
        fields["Sec-WebSocket-Extensions"] = DEFLATE
    return encode_request(authority, resource, key, fields)


async def _read_head(stream: TcpStream) -> tuple[ResponseHead, bytes]:
    received = b""
    while True:
        data = await stream.receive()
        received += data
        if (head := read_response(received)) is not None:
            return head, received
        if not data:
            raise _cut_short(received)


def _cut_short(received: bytes) -> NotOpened:
    what = f"ends TCP within its answer, after {received[:80]!r}" if received else "ends TCP without an answer"
    return NotOpened("not_a_websocket_server", f"It {what}.")


async def _body(stream: TcpStream, rest: bytes) -> str:
    """Return the beginning of an error's body: servers say there what they miss."""
    try:
        async with asyncio.timeout(_BODY_WAIT_S):
            while len(rest) < MAX_HEAD_BYTES and (data := await stream.receive()):
                rest += data
    except TimeoutError:
        pass
    return rest[:MAX_HEAD_BYTES].decode(errors="replace")


def _rejected(head: ResponseHead, body: str) -> NotOpened:
    status, fields = head.status, head.fields
    said = f"It answers the opening handshake with HTTP {status} {head.phrase}".rstrip()
    if status in (429, 503):
        wait_s = retry_after_s(fields)
        until = "for now" if wait_s is None else f"for {wait_s:g} s"
        return NotOpened("overloaded", f"{said}: it asks to be left alone {until}.", status, retry_s=wait_s)
    if status in (401, 403, 407):
        return NotOpened("unauthorized", f"{said}: it wants credentials, or another Origin.", status)
    if 300 <= status < 400:
        location = fields.get("Location", "no other place")
        return NotOpened("redirected", f"{said}: it points to {location}, which is not followed.", status)
    if _SUBPROTOCOL.search(body) or any(_SUBPROTOCOL.search(f"{name}: {value}") for name, value in fields):
        return NotOpened("needs_subprotocol", f"{said}: it wants another subprotocol.{_quote(body)}", status)
    nothing = f"{said}: there is no WebSocket at this address, or it wants another request.{_quote(body)}"
    return NotOpened("not_a_websocket_server", nothing, status)


def _misopened(head: ResponseHead, error: HandshakeError) -> NotOpened:
    """A 101 that RFC 6455 §4.1 tells a client not to take."""
    if head.fields.has("Sec-WebSocket-Protocol") and "Protocol" in str(error):
        return NotOpened("needs_subprotocol", f"It opens with a subprotocol that was not offered: {error}.", 101)
    return NotOpened("not_a_websocket_server", f"HTTP 101, but its opening handshake is not valid: {error}.", 101)


def _quote(body: str) -> str:
    text = " ".join(body.split())
    return f" It says “{text[:200]}”." if text else ""
