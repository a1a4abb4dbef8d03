"""One attempt to open a connection, and its outcome: open, or why not and what to do."""

from __future__ import annotations

import asyncio
import logging
import ssl
from typing import Any, NamedTuple

from websockets.exceptions import InvalidStatus
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from wslab.core.errors import in_words
from wslab.core.printable import printable
from wslab.core.records import Attempt, AttemptOutcome
from wslab.core.secrets import masked_url
from wslab.core.target import Target
from wslab.core.trust import not_trusted
from wslab.net import inflating, reach
from wslab.net.client.connection import RecordingConnection, RecordingProtocol
from wslab.net.heads import HeadError, read_response, retry_after_s

QUOTED_BYTES = 200

_LOGGER = logging.getLogger("wslab.client")
_LOGGER.setLevel(logging.INFO)  # the library logs requests with their credentials at DEBUG

_ADVICE = {
    401: "it asks for credentials (--token-env, --header, --cookies)",
    403: "it asks for credentials, or for another Origin (--origin)",
    404: "there is no WebSocket at this path",
    407: "the proxy asks for credentials",
    426: "it asks for another protocol or version, named in its Upgrade and Sec-WebSocket-Version fields",
    429: "it asks clients to wait",
    503: "it asks clients to wait",
}


class OpeningResult(NamedTuple):
    """An attempt's outcome, as in its record, and the connection if it opened."""

    connection: RecordingConnection | None = None
    outcome: AttemptOutcome = "opened"
    http_status: int | None = 101
    retry_after_s: float | None = None
    error: str | None = None

    def attempt(self, **when: Any) -> Attempt:
        """Return the record of the attempt; `when` has the remaining fields: whose attempt it was, and when."""
        return Attempt(
            outcome=self.outcome,
            http_status=self.http_status,
            retry_after_s=self.retry_after_s,
            connection_id=self.connection.connection_id if self.connection else None,
            error=self.error,
            **when,
        )


async def open_connection(
    target: Target,
    kind: type[RecordingConnection] = RecordingConnection,
    *,
    client: int,
    compression: bool,
    max_message_bytes: int | None,
    ping_interval_s: float | None,
) -> OpeningResult:
    """Make one attempt. Redirects are not followed: the user has named one server.

    Network failures are not raised: the library and the system have about thirty kinds, and each becomes an outcome.
    """
    connection = _prepared(target, kind, compression, max_message_bytes, ping_interval_s)
    try:
        async with asyncio.timeout(target.open_timeout_s):
            await _connect(target, connection, client)
    except Exception as error:
        connection.abort()
        return _failed(error, connection, target)
    except BaseException:
        connection.abort()
        raise
    connection.start_keepalive()
    return OpeningResult(connection)


def _prepared(
    target: Target,
    kind: type[RecordingConnection],
    compression: bool,
    max_message_bytes: int | None,
    ping_interval_s: float | None,
) -> RecordingConnection:
    protocol = RecordingProtocol(
        parse_uri(target.sent_url),
        extensions=inflating.offered() if compression else None,
        subprotocols=[Subprotocol(name) for name in target.subprotocols] or None,
        max_size=max_message_bytes,
        logger=_LOGGER,
    )
    return kind(
        protocol,
        ping_interval=ping_interval_s,
        ping_timeout=target.ping_timeout_s,
        close_timeout=target.close_timeout_s,
        answers=target.answers,
    )


async def _connect(target: Target, connection: RecordingConnection, client: int) -> None:
    sock = await reach.connect(target)
    options: dict[str, Any] = {}
    if target.secure:
        options = {"ssl": target.trust.context(), "server_hostname": target.server_name}
    try:
        await asyncio.get_running_loop().create_connection(lambda: connection, sock=sock, **options)
    except BaseException:
        sock.close()
        raise
    await connection.handshake(target.fields(client), user_agent_header=None)


def _failed(error: Exception, connection: RecordingConnection, target: Target) -> OpeningResult:
    match error:
        case InvalidStatus(response=response):
            asked_s = retry_after_s(dict(response.headers.raw_items()))
            return OpeningResult(None, "rejected", response.status_code, asked_s, _rejection(response))
        case ConnectionRefusedError() if target.unix_socket is not None:
            stale = f"nobody listens at {target.unix_socket}: the socket is stale; restart the server"
            return OpeningResult(None, "refused", None, None, f"{type(error).__name__}: {stale}")
        case ConnectionRefusedError():
            return OpeningResult(None, "refused", None, None, in_words(error))
        case TimeoutError():
            return OpeningResult(None, "timeout", None, None, _late(connection, target))
        case reach.ProxyError():
            return OpeningResult(None, "failed", None, None, in_words(error))
        case ssl.SSLError():
            return OpeningResult(None, "failed", None, None, not_trusted(error))
        case ConnectionError() | EOFError():
            return OpeningResult(None, "reset", None, None, in_words(error))
    if (other := _no_http(connection.first_bytes)) is not None:
        return OpeningResult(None, "failed", None, None, f"{type(error).__name__}: {other}")
    # The library wraps an end of TCP during the handshake in its own exception.
    cut = isinstance(error.__cause__, EOFError | ConnectionError)
    why = f": {in_words(error.__cause__)}" if error.__cause__ else ""
    return OpeningResult(None, "reset" if cut else "failed", None, None, f"{in_words(error)}{why}")


def _rejection(response: Response) -> str:
    said = f"HTTP {response.status_code} {response.reason_phrase}".rstrip()
    location = response.headers.get("Location")
    if 300 <= response.status_code < 400 and location is not None:
        return f"{said}: it redirects to {masked_url(location)}, which is not followed; give that URL if it is right"
    fields = [f"{name}: {response.headers[name]}" for name in ("Upgrade", "Sec-WebSocket-Version", "Retry-After")
              if len(response.headers.get_all(name)) == 1]  # fmt: skip
    words = [_ADVICE.get(response.status_code, ""), *fields, _quoted(response.body)]
    return ": ".join([said, "; ".join(filter(None, words))]) if any(words) else said


def _quoted(body: bytes | bytearray | None) -> str:
    text = " ".join(bytes(body or b"")[:QUOTED_BYTES].decode(errors="replace").split())
    return f"it says “{printable(text)}”" if text else ""


def _late(connection: RecordingConnection, target: Target) -> str:
    if connection.is_connected:
        came = f", of which {connection.received_wire_bytes:,} bytes came" if connection.received_wire_bytes else ""
        what = f"no answer to the opening handshake{came}"
    else:
        what = f"no TCP{' and TLS' if target.secure else ''} connection"
    return (
        f"TimeoutError: {what} within {target.open_timeout_s:g} s; for a slow server, raise open_timeout_s "
        "(--open-timeout)"
    )


def _no_http(first_bytes: bytes) -> str | None:
    """Name what a server speaks instead of HTTP/1.1, from its first bytes."""
    if not first_bytes:
        return None
    try:
        read_response(first_bytes)
    except HeadError as error:
        hint = "; write wss:// for TLS" if first_bytes[:2] in (b"\x15\x03", b"\x16\x03") else ""
        return f"the server there speaks {in_words(error, named=False)}{hint}"
    return None
