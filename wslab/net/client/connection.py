"""The `websockets` client connection, which also reads on after a failed send.

If sending fails because the server has ended TCP, most clients report 1006 although the server's close frame waits in
their own receive buffer. This one reads on, finds it, and says that it did. It also keeps invalid close frames as they
were, and bounds everything that a peer can make it hold.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from websockets.asyncio.client import ClientConnection
from websockets.client import ClientProtocol
from websockets.exceptions import ConnectionClosed
from websockets.frames import DATA_OPCODES, Frame, Opcode

from wslab.core.errors import in_words
from wslab.core.records import ClosedBy, Closure, TcpEnd, closed_by
from wslab.net.client.reading_on import left_unread
from wslab.net.metering import MeteredConnection

PROTESTS = (1002, 1007)
"""The codes with which this client closes after an invalid frame (RFC 6455 §7.4.1)."""

FIRST_BYTES = 4096
MAX_UNTAKEN_BYTES = 4 * 2**20
"""Bytes of pongs that a server provokes but does not read."""


class RecordingProtocol(ClientProtocol):
    """The library's protocol; it also keeps the body of a close frame, which the library drops if it is invalid."""

    received_close_body: bytes | None = None

    def recv_frame(self, frame: Frame) -> None:
        if frame.opcode is Opcode.CLOSE and self.received_close_body is None:
            self.received_close_body = bytes(frame.data)
        super().recv_frame(frame)


class RecordingConnection(MeteredConnection, ClientConnection):
    """The library's client connection; it reads on after a failed send and knows how TCP ended.

    Fields:
        first_bytes: the first bytes received, to name the protocol of a server that does not speak HTTP.
        received_kind: the kind of the last received message, "text" or "binary".
        bound: the client's own bound that ended the connection; None if none did.
    """

    def __init__(
        self, protocol: RecordingProtocol, *, answers: Mapping[str, str] | None = None, **options: Any
    ) -> None:
        super().__init__(protocol, **options)
        self.on_lost: Callable[[], None] | None = None
        self.first_bytes = b""
        self.bound: str | None = None
        self.recovered = False
        self.send_error: str | None = None
        self.tcp_end: TcpEnd = "aborted"
        self.closed_at: float | None = None
        self.received_messages = 0
        self.received_kind = "text"
        self._kinds: deque[str] = deque()
        self._receiving: asyncio.Future[bytes] | None = None
        self._answers = {heard.encode(): said for heard, said in (answers or {}).items()}
        self._answering: set[asyncio.Task[None]] = set()
        self._pong_bytes = 0
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def connection_id(self) -> str | None:
        """The lab server's id of this connection; None on a foreign server."""
        return None if self.response is None else self.response.headers.get("X-Wslab-Connection")

    @property
    def is_connected(self) -> bool:
        """Whether TCP, and TLS if wanted, was ever established."""
        return hasattr(self, "transport")

    @property
    def broken_close_body(self) -> bytes | None:
        """The body of an invalid close frame, which applications never see (RFC 6455 §7.1.7); None: there was none."""
        body = cast("RecordingProtocol", self.protocol).received_close_body
        return body if self.received_close is None else None

    @property
    def has_heard(self) -> bool:
        """Whether a message, or the beginning of one, has arrived that `receive` has not returned yet."""
        return bool(self._kinds)

    async def receive(self) -> bytes:
        """Return the next message's payload; `received_kind` then says whether it was text or binary.

        Cancelling this call loses nothing: the library's `recv`, if cancelled between two fragments, may lose those
        that it has and fail at the next. So it keeps running, and the next call returns its message.
        """
        receiving = self._receiving or asyncio.ensure_future(self.recv(decode=False))
        if self._receiving is None:
            # asyncio warns about exceptions that are never retrieved
            receiving.add_done_callback(lambda over: over.cancelled() or over.exception())
        self._receiving = receiving
        try:
            message = await asyncio.shield(receiving)
        finally:
            if receiving.done():
                self._receiving = None
        self.received_kind = self._kinds.popleft()
        return message

    @property
    def closed_by(self) -> ClosedBy:
        """Who sent the first close frame; an invalid one counts too, and our answer to it is a protest."""
        received, sent = self.received_close, self.sent_close
        if self.broken_close_body is not None and sent is not None and sent.code in PROTESTS:
            return "server"
        return closed_by(received, sent, sent_first=self.sent_close_first, here="client")

    def closure(self, client: int, opened_at_s: float, origin: float) -> Closure:
        """Return the closure, once it has ended; times count from `origin` on the machine's monotonic clock."""
        received, sent, broken = self.received_close, self.sent_close, self.broken_close_body
        closed_at = cast("float", self.closed_at)
        return Closure(
            client=client,
            connection_id=self.connection_id,
            opened_at_s=opened_at_s,
            close_started_at_s=(self.close_started_at or closed_at) - origin,
            closed_at_s=closed_at - origin,
            close_code=received.code if received else 1006,  # RFC 6455 §7.1.5
            close_reason=received.reason if received else "",
            clean=received is not None and sent is not None and self.tcp_end == "fin",
            closed_by=self.closed_by,
            received=received,
            sent=sent,
            recovered=self.recovered,
            send_error=self.send_error,
            tcp_end=self.tcp_end,
            sent_wire_bytes=self.sent_wire_bytes,
            received_wire_bytes=self.received_wire_bytes,
            received_messages=self.received_messages,
            broken_close_hex=None if broken is None else broken.hex(),
            bound=self.bound,
        )

    def is_answered(self, message: bytes) -> bool:
        """Whether this message is answered automatically, as an application's heartbeat is."""
        return message in self._answers

    def abort(self) -> None:
        """End TCP at once, if there is any."""
        if self.is_connected:
            self.transport.abort()

    def data_received(self, data: bytes) -> None:
        if len(self.first_bytes) < FIRST_BYTES:
            self.first_bytes += data[: FIRST_BYTES - len(self.first_bytes)]
        super().data_received(data)
        if self.response is None and self.protocol.handshake_exc is not None:
            self.transport.abort()  # the head is invalid or too long; the library would read on to its end

    def process_event(self, event: Any) -> None:
        if isinstance(event, Frame):
            if event.opcode in DATA_OPCODES:
                self.received_messages += event.fin
                if event.opcode is not Opcode.CONT:
                    self._kinds.append("text" if event.opcode is Opcode.TEXT else "binary")
                self._answer(event)
            elif event.opcode is Opcode.PING:
                self._bound_pongs(len(event.data))
        super().process_event(event)

    def _answer(self, frame: Frame) -> None:
        said = self._answers.get(bytes(frame.data)) if frame.fin and frame.opcode is Opcode.TEXT else None
        if said is not None:
            task = self.loop.create_task(self._say(said))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    async def _say(self, text: str) -> None:
        with contextlib.suppress(ConnectionClosed):
            await self.send(text)

    def _bound_pongs(self, payload_bytes: int) -> None:
        """End a connection whose server asks for pongs and does not read them: the library would keep them all."""
        untaken = self.transport.get_write_buffer_size()
        self._pong_bytes = self._pong_bytes + payload_bytes if untaken else 0
        if self._pong_bytes > MAX_UNTAKEN_BYTES:
            self.bound = f"the server asks for pongs but does not read them: {self._pong_bytes:,} bytes are waiting"
            self.transport.abort()

    def _note_closing(self) -> None:
        if self.close_started_at is not None:
            return
        super()._note_closing()
        if self.close_started_at is not None and self.close_timeout is not None:
            # Otherwise a peer that neither reads on nor ends TCP would block a send forever.
            self._deadline = self.loop.call_later(self.close_timeout, self.transport.abort)

    def eof_received(self) -> None:
        self.tcp_end = "fin"
        super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        try:
            if exc is not None:
                self.tcp_end = "reset"
                self.send_error = in_words(exc)
                self._read_on()
        except MemoryError as error:
            self.send_error = in_words(error)
        finally:  # whatever happens here, waiters learn of the end
            self.closed_at = time.monotonic()
            try:
                super().connection_lost(exc)
            finally:
                if self.on_lost is not None:
                    self.on_lost()

    def _read_on(self) -> None:
        if self.received_close is not None:
            return
        if self.transport.get_extra_info("ssl_object") is not None:
            self.send_error = f"{self.send_error}; under TLS, a close frame that had arrived can no longer be read"
            return
        for data in left_unread(self.transport):
            self.data_received(data)
        self.recovered = self.received_close is not None

    async def send_fragments(self, chunks: Sequence[bytes], *, text: bool, finish: bool = True) -> None:
        """Send one message as exactly these fragments; the library's own method adds an empty one at the end.

        Unless `finish`, the last one announces that more will follow.
        """
        for number, chunk in enumerate(chunks):
            final = finish and number == len(chunks) - 1
            async with self.send_context():
                if number:
                    self.protocol.send_continuation(chunk, final)
                elif text:
                    self.protocol.send_text(chunk, final)
                else:
                    self.protocol.send_binary(chunk, final)
