"""One client of a run: it opens, sends, is closed, comes back, and emits a record of each.

No exception of the library or the network leaves this module: each is an outcome in a record. A bad argument is
different; it raises at the call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, cast

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.protocol import State
from websockets.typing import Subprotocol

from wslab.core.arguments import check_choice, check_number, check_url, check_whole
from wslab.core.errors import in_words
from wslab.core.records import Attempt, AttemptOutcome, Closure, Send, closed_by
from wslab.net.client.connection import RecordingConnection
from wslab.net.client.exchange import Confirmation, Exchange, cut, encoded
from wslab.net.heads import retry_after_s
from wslab.net.recording import Recorder


class Client:
    """One client, with at most one connection at a time.

    Args:
        url: ws:// or wss://.
        client: its number within the run.
        max_message_bytes: the client's own limit for what it receives. None: no limit.
        compression: whether it offers permessage-deflate.
        open_timeout_s: for TCP connection and opening handshake together.
        close_timeout_s: for the closing handshake, after which it ends TCP itself.
        ping_interval_s: seconds between its keepalive pings. None: no pings.

    Raises:
        TypeError, ValueError: an argument out of its bounds, or a URL that is not a WebSocket's.
    """

    def __init__(
        self,
        url: str,
        recorder: Recorder,
        *,
        client: int = 0,
        max_message_bytes: int | None = None,
        compression: bool = False,
        open_timeout_s: float = 10.0,
        close_timeout_s: float = 5.0,
        ping_interval_s: float | None = None,
        subprotocols: Sequence[str] = (),
    ) -> None:
        check_url(url)
        check_whole("max_message_bytes", max_message_bytes, low=1, unit="bytes", optional=True)
        check_number("open_timeout_s", open_timeout_s, low=0.01, high=600, unit="seconds")
        check_number("close_timeout_s", close_timeout_s, low=0.01, high=600, unit="seconds")
        check_number("ping_interval_s", ping_interval_s, low=0.01, high=3600, unit="seconds", optional=True)
        self.url = url
        self.client = client
        self.recorder = recorder
        self._options: dict[str, Any] = {
            "max_size": max_message_bytes,
            "compression": "deflate" if compression else None,
            "open_timeout": open_timeout_s,
            "close_timeout": close_timeout_s,
            "ping_interval": ping_interval_s,
            "subprotocols": [Subprotocol(name) for name in subprotocols] or None,
            "proxy": None,  # what a proxy does to a closure is an experiment of its own, never an accident
        }
        self.connection_class = RecordingConnection
        """What a connection is made of; one that sees more may stand in for it."""
        self.on_open: Callable[[RecordingConnection], None] | None = None
        self._connection: RecordingConnection | None = None
        self._opened_at_s = 0.0
        self._sent = 0
        self._closed: asyncio.Future[Closure]

    @property
    def connection(self) -> RecordingConnection | None:
        """The present connection, or the last one; None before the first."""
        return self._connection

    @property
    def is_open(self) -> bool:
        return self._connection is not None and self._connection.state is State.OPEN

    async def open(
        self, *, outage: int = 0, number: int = 1, delay_s: float = 0.0, due_at_s: float | None = None
    ) -> Attempt:
        """Make one attempt to connect, and emit it; whatever comes of it is its outcome."""
        started_at_s = self.recorder.now()
        error: Exception | None = None
        self._connection = None
        try:
            connection = await connect(self.url, create_connection=self.connection_class, **self._options)
            self._adopt(cast(RecordingConnection, connection))
        except Exception as failure:  # the library and the system raise some thirty kinds; each is an outcome
            error = failure
        outcome, http_status, wait_s = _reading(error)
        attempt = Attempt(
            client=self.client,
            outage=outage,
            number=number,
            delay_s=delay_s,
            due_at_s=started_at_s if due_at_s is None else due_at_s,
            started_at_s=started_at_s,
            ended_at_s=self.recorder.now(),
            outcome=outcome,
            http_status=http_status,
            retry_after_s=wait_s,
            connection_id=self._connection.connection_id if self._connection else None,
            error=None if error is None else in_words(error),
        )
        self.recorder.emit(attempt)
        return attempt

    async def send_message(
        self,
        payload: str | bytes,
        *,
        kind: str | None = None,
        fragment_bytes: int | None = None,
        confirm: Confirmation = "reply",
        timeout_s: float = 10.0,
    ) -> Send:
        """Send one message, wait for what confirms it, and emit what came of it.

        Args:
            kind: what the record calls the payload. None: "text" or "binary".
            fragment_bytes: cut the message into frames of at most so many bytes. None: one frame.
            confirm: "reply" waits for the server's next message; "ping" for the pong to a ping sent behind the
                message, which comes only after the message was read; "none" for nothing.
            timeout_s: for sending and confirmation together.
        """
        check_choice("confirm", confirm, ["reply", "ping", "none"])
        check_whole("fragment_bytes", fragment_bytes, low=1, unit="bytes", optional=True)
        check_number("timeout_s", timeout_s, low=0.001, high=3600, unit="seconds")
        self._sent += 1
        started_at_s = self.recorder.now()
        exchange = Exchange(self.recorder)
        try:
            if self._connection is not None:
                await exchange.conduct(self._connection, payload, fragment_bytes, confirm, timeout_s)
        finally:  # a message that is on its way when the run is interrupted is a row too
            send = self._record(payload, kind, started_at_s, exchange)
            self.recorder.emit(send)
        return send

    def _record(self, payload: str | bytes, kind: str | None, started_at_s: float, exchange: Exchange) -> Send:
        closure = self._closed.result() if exchange.outcome == "closed" and self._closed.done() else None
        return Send(
            client=self.client,
            number=self._sent,
            connection_id=self._connection.connection_id if self._connection else None,
            started_at_s=started_at_s,
            payload_kind=kind or ("text" if isinstance(payload, str) else "binary"),
            payload_bytes=len(encoded(payload)),
            payload_characters=len(payload) if isinstance(payload, str) else None,
            fragment_count=exchange.fragment_count,
            wire_bytes=exchange.wire_bytes,
            outcome=exchange.outcome,
            send_s=None if exchange.sent_at_s is None else exchange.sent_at_s - started_at_s,
            round_trip_s=None if exchange.confirmed_at_s is None else exchange.confirmed_at_s - started_at_s,
            reply_bytes=exchange.reply_bytes,
            close_code=closure.close_code if closure else None,
            close_reason=closure.close_reason if closure else None,
            error=exchange.error,
            compression=bool(self._connection and self._connection.protocol.extensions),
        )

    async def begin_message(
        self, payload: str | bytes, fragment_bytes: int = 65_536, *, timeout_s: float = 10.0
    ) -> int | None:
        """Send a message but for its end, wait until the server has read that much, and emit nothing.

        Return the bytes that it took on the wire; None where the connection ended or time ran out before.
        """
        if self._connection is None:
            return None
        wire_before = self._connection.sent_wire_bytes
        chunks = cut(payload, fragment_bytes)
        try:
            async with asyncio.timeout(timeout_s):
                await self._connection.send_fragments(chunks, text=isinstance(payload, str), finish=False)
                wire_bytes = self._connection.sent_wire_bytes - wire_before
                # Empty, since websockets counts what a ping carries to the message that it interrupts.
                await (await self._connection.ping(b""))
        except Exception:  # as in a message that is sent whole; how the connection ended is its closure's to say
            return None
        return wire_bytes

    async def closed(self) -> Closure:
        """Wait, reading and dropping what comes, until the connection has ended; return how."""
        assert self._connection is not None, "wait for a closure only after an attempt that opened"
        try:
            while True:
                await self._connection.recv(decode=False)
        except ConnectionClosed:
            return await asyncio.shield(self._closed)

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection, if there is one, and wait until it has ended."""
        if self._connection is None:
            return
        if self.is_open:
            await self._connection.close(code, reason)
        # Not the library's close() where the other side was first: it would abort a transport that has ended, and
        # asyncio's then raises AttributeError if its last bytes had been sent just before.
        await self._connection.wait_closed()

    def _adopt(self, connection: RecordingConnection) -> None:
        self._connection = connection
        self._opened_at_s = self.recorder.now()
        self._closed = asyncio.get_running_loop().create_future()
        if self.on_open is not None:
            self.on_open(connection)
        connection.on_lost = lambda: self._note_closure(connection)
        if connection.closed_at is not None:  # it ended between its handshake and this line
            self._note_closure(connection)

    def _note_closure(self, connection: RecordingConnection) -> None:
        received, sent = connection.received_close, connection.sent_close
        origin = self.recorder.origin
        closed_at = cast(float, connection.closed_at)
        closure = Closure(
            client=self.client,
            connection_id=connection.connection_id,
            opened_at_s=self._opened_at_s,
            close_started_at_s=(connection.close_started_at or closed_at) - origin,
            closed_at_s=closed_at - origin,
            close_code=received.code if received else 1006,  # RFC 6455 §7.1.5
            close_reason=received.reason if received else "",
            clean=received is not None and sent is not None and connection.tcp_end == "fin",
            closed_by=closed_by(received, sent, sent_first=connection.sent_close_first, here="client"),
            received=received,
            sent=sent,
            recovered=connection.recovered,
            send_error=connection.send_error,
            tcp_end=connection.tcp_end,
            sent_wire_bytes=connection.sent_wire_bytes,
            received_wire_bytes=connection.received_wire_bytes,
            received_messages=connection.received_messages,
        )
        self._closed.set_result(closure)
        self.recorder.emit(closure)


def _reading(error: Exception | None) -> tuple[AttemptOutcome, int | None, float | None]:
    """Return an attempt's outcome, HTTP status and Retry-After in seconds."""
    match error:
        case None:
            return "opened", 101, None
        case InvalidStatus(response=response):
            return "rejected", response.status_code, retry_after_s(response.headers)
        case ConnectionRefusedError():
            return "refused", None, None
        case TimeoutError():
            return "timeout", None, None
        case ConnectionError() | EOFError():
            return "reset", None, None
    # The library wraps an end of TCP in the middle of the handshake in an error of its own.
    if isinstance(error.__cause__, (EOFError, ConnectionError)):
        return "reset", None, None
    return "failed", None, None
