"""One client of a run: it opens, sends, is closed, and emits a record of each step.

No exception of the library or the network leaves this module: each becomes an outcome in a record. Bad arguments still
raise at the call.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from websockets.exceptions import ConnectionClosed
from websockets.protocol import State

from wslab.core.arguments import check_choice, check_flag, check_number, check_whole
from wslab.core.payloads import SAFETY_CAP_BYTES
from wslab.core.records import Attempt, Closure, Send
from wslab.core.target import Target, as_target
from wslab.net.client.connection import RecordingConnection
from wslab.net.client.exchange import Confirmation, Exchange, Outgoing
from wslab.net.client.hearing import Hearing
from wslab.net.client.opening import open_connection
from wslab.net.recording import Recorder

KEEPALIVE_S = 20.0
"""The ping interval of a client that stays connected, unless its target gives one."""


class Client:
    """One client, with at most one connection at a time.

    Args:
        target: a URL, or a `Target`.
        client: its number within the run.
        max_message_bytes: the largest message that the client accepts; it closes with 1009 above that. None: no limit.
        compression: whether it offers permessage-deflate.
        keepalive: whether it pings every `KEEPALIVE_S`, unless the target says otherwise; nothing else notices a peer
            that vanishes.
        listens_first: whether it waits, before its first message, for what the server sends unprompted.
        keep_replies: whether records hold the beginning of what the server sent.
        notes_unasked: whether unprompted messages become `Receipt` records; otherwise the caller records them.

    Raises:
        BadTypeError, BadValueError: an argument is out of bounds, or the URL is not a WebSocket's.
    """

    def __init__(
        self,
        target: Target | str,
        recorder: Recorder,
        *,
        client: int = 0,
        max_message_bytes: int | None = SAFETY_CAP_BYTES,
        compression: bool = False,
        keepalive: bool = False,
        listens_first: bool = True,
        keep_replies: bool = True,
        notes_unasked: bool = True,
    ) -> None:
        target = as_target(target)
        check_whole("max_message_bytes", max_message_bytes, low=1, unit="bytes", optional=True)
        check_flag("compression", compression)
        self.target = target
        self.client = client
        self.recorder = recorder
        self.connection_class = RecordingConnection
        """The class of connections; may be replaced with a subclass that sees more."""
        self.on_open: Callable[[RecordingConnection], None] | None = None
        self._max_message_bytes = max_message_bytes
        self._compression = compression
        wanted_s = target.ping_interval_s
        self._ping_interval_s = (KEEPALIVE_S if keepalive else None) if wanted_s is None else wanted_s or None
        self._hearing = Hearing(target, recorder, client, listens_first=listens_first, keeps_words=keep_replies)
        self._hearing.emits = notes_unasked
        self._connection: RecordingConnection | None = None
        self._opened_at_s = 0.0
        self._sent = 0
        self._closed: asyncio.Future[Closure]

    @property
    def connection(self) -> RecordingConnection | None:
        """The current connection, or the last one; None before the first."""
        return self._connection

    @property
    def is_open(self) -> bool:
        return self._connection is not None and self._connection.state is State.OPEN

    async def open(
        self, *, outage: int = 0, number: int = 1, delay_s: float = 0.0, due_at_s: float | None = None
    ) -> Attempt:
        """Make one attempt to connect, and emit it; any failure is its outcome. If it opens, greet the server."""
        started_at_s = self.recorder.now()
        self._connection = None
        opened = await open_connection(
            self.target,
            self.connection_class,
            client=self.client,
            compression=self._compression,
            max_message_bytes=self._max_message_bytes,
            ping_interval_s=self._ping_interval_s,
        )
        if opened.connection is not None:
            self._adopt(opened.connection)
        attempt = opened.attempt(
            client=self.client,
            outage=outage,
            number=number,
            delay_s=delay_s,
            due_at_s=started_at_s if due_at_s is None else due_at_s,
            started_at_s=started_at_s,
            ended_at_s=self.recorder.now(),
        )
        self.recorder.emit(attempt)
        if self._connection is not None:
            await self._hearing.greet()
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
        """Send one message, wait for its confirmation, and emit the outcome.

        Args:
            kind: the record's `payload_kind`. None: "text" or "binary".
            fragment_bytes: the largest payload of a frame. None: one frame.
            confirm: "reply" waits for the server's answer, not just any message; "ping" for the pong to a ping sent
                after the message, which comes only once the message was read; "none" does not wait.
            timeout_s: for sending and confirmation together.
        """
        check_choice("confirm", confirm, ["reply", "ping", "none"])
        check_whole("fragment_bytes", fragment_bytes, low=1, unit="bytes", optional=True)
        check_number("timeout_s", timeout_s, low=0.001, high=3600, unit="seconds")
        if self._connection is not None and confirm == "reply":
            await self._hearing.listen()
        self._sent += 1
        message = Outgoing.of(payload)
        started_at_s = self.recorder.now()
        exchange = Exchange(self.recorder, self._hearing.known, self._hearing.note)
        exchange.error = self._hearing.not_ready
        try:
            if self._connection is not None and self._hearing.not_ready is None:
                await exchange.conduct(self._connection, message, fragment_bytes, confirm, timeout_s)
        finally:  # a message that is in flight when the run is interrupted is a row too
            send = self._record(message, kind, started_at_s, exchange)
            self.recorder.emit(send)
        return send

    def _record(self, message: Outgoing, kind: str | None, started_at_s: float, exchange: Exchange) -> Send:
        closure = self._closed.result() if exchange.outcome == "closed" and self._closed.done() else None
        return Send(
            client=self.client,
            number=self._sent,
            connection_id=self._connection.connection_id if self._connection else None,
            started_at_s=started_at_s,
            payload_kind=kind or ("text" if message.is_text else "binary"),
            payload_bytes=len(message.content),
            payload_characters=message.characters,
            fragment_count=exchange.fragment_count,
            wire_bytes=exchange.wire_bytes,
            outcome=exchange.outcome,
            send_s=None if exchange.sent_at_s is None else exchange.sent_at_s - started_at_s,
            round_trip_s=None if exchange.confirmed_at_s is None else exchange.confirmed_at_s - started_at_s,
            reply_bytes=None if exchange.reply is None else len(exchange.reply),
            reply=self._hearing.words(exchange.reply),
            unasked_messages=exchange.unasked_messages,
            close_code=closure.close_code if closure else None,
            close_reason=closure.close_reason if closure else None,
            error=exchange.error,
            compression=bool(self._connection and self._connection.protocol.extensions),
        )

    async def begin_message(
        self, payload: str | bytes, fragment_bytes: int = 65_536, *, timeout_s: float = 10.0
    ) -> int | None:
        """Send a message except for its end, and wait until the server has read that much; emit nothing.

        Returns the bytes on the wire; None if the connection ended or time ran out first.
        """
        if self._connection is None:
            return None
        wire_before = self._connection.sent_wire_bytes
        message = Outgoing.of(payload)
        try:
            async with asyncio.timeout(timeout_s):
                await self._connection.send_fragments(message.cut(fragment_bytes), text=message.is_text, finish=False)
                wire_bytes = self._connection.sent_wire_bytes - wire_before
                # Empty, since websockets adds a ping's payload to the size of the message that it interrupts.
                await (await self._connection.ping(b""))
        except Exception:  # as in send_message; the closure says how the connection ended
            return None
        return wire_bytes

    async def closed(self) -> Closure:
        """Read and discard messages until the connection ends; return its closure."""
        assert self._connection is not None, "wait for a closure only after an attempt that opened"
        try:
            while True:
                await self._connection.receive()
        except ConnectionClosed:
            return await asyncio.shield(self._closed)

    async def part(self, within_s: float) -> None:
        """Close with 1000 and wait until the connection ends; after `within_s`, end TCP."""
        try:
            async with asyncio.timeout(within_s):
                await self.close()
        except TimeoutError:
            assert self._connection is not None, "without a connection there is nothing to wait for"
            self._connection.abort()
            await self._connection.wait_closed()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Close the connection, if there is one, and wait until it ends."""
        if self._connection is None:
            return
        if self.is_open:
            await self._connection.close(code, reason)
        # Not the library's close() if the other side was first: it would abort a transport that has ended, and asyncio
        # then raises AttributeError if the last bytes had been sent just before.
        await self._connection.wait_closed()

    def _adopt(self, connection: RecordingConnection) -> None:
        self._connection = connection
        self._opened_at_s = self.recorder.now()
        self._closed = asyncio.get_running_loop().create_future()
        self._hearing.begin(connection)
        if self.on_open is not None:
            self.on_open(connection)
        connection.on_lost = lambda: self._note_closure(connection)
        if connection.closed_at is not None:  # it ended between its handshake and this line
            self._note_closure(connection)

    def _note_closure(self, connection: RecordingConnection) -> None:
        try:
            closure = connection.closure(self.client, self._opened_at_s, self.recorder.origin)
        except BaseException as error:  # otherwise callers of closed() would wait forever
            self._closed.set_exception(error)
            raise
        self._closed.set_result(closure)
        self.recorder.emit(closure)
