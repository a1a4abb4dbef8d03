"""The `websockets` client connection with a longer memory.

Where sending fails because the server has ended TCP, most clients report 1006 although the server's close frame waits
in their own receive buffer. This one reads on, finds it, and says that it did.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Sequence
from typing import Any, cast

from websockets.asyncio.client import ClientConnection
from websockets.frames import DATA_OPCODES, Frame

from wslab.core.errors import in_words
from wslab.core.records import TcpEnd
from wslab.net.metering import MeteredConnection


class RecordingConnection(MeteredConnection, ClientConnection):
    """The library's client connection; it reads on after a failed send and knows how TCP ended."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.on_lost: Callable[[], None] | None = None
        self.recovered = False
        self.send_error: str | None = None
        self.tcp_end: TcpEnd = "aborted"
        self.closed_at: float | None = None
        self.received_messages = 0
        self._deadline: asyncio.TimerHandle | None = None

    @property
    def connection_id(self) -> str | None:
        """The lab server's name for this connection; None on a foreign server."""
        return None if self.response is None else self.response.headers.get("X-Wslab-Connection")

    def process_event(self, event: Any) -> None:
        if isinstance(event, Frame) and event.opcode in DATA_OPCODES:
            self.received_messages += event.fin
        super().process_event(event)

    def _note_closing(self) -> None:
        if self.close_started_at is not None:
            return
        super()._note_closing()
        if self.close_started_at is not None and self.close_timeout is not None:
            # A peer that neither reads on nor ends TCP would otherwise hold a send for ever.
            self._deadline = self.loop.call_later(self.close_timeout, self.transport.abort)

    def eof_received(self) -> None:
        self.tcp_end = "fin"
        super().eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        if exc is not None:
            self.tcp_end = "reset"
            self.send_error = in_words(exc)
            self._read_on()
        self.closed_at = time.monotonic()
        super().connection_lost(exc)
        if self.on_lost is not None:
            self.on_lost()

    def _read_on(self) -> None:
        # After a reset the kernel still hands out what had arrived before it, and asyncio closes the socket only when
        # this callback has returned. Under TLS these bytes are encrypted and of no use.
        if self.received_close is not None or self.transport.get_extra_info("ssl_object") is not None:
            return
        with (
            cast(socket.socket, self.transport.get_extra_info("socket")).dup() as duplicate,
            contextlib.suppress(OSError),  # the reset itself, once what came before it is read
        ):
            while data := duplicate.recv(65_536):
                self.data_received(data)
        self.recovered = self.received_close is not None

    async def send_fragments(self, chunks: Sequence[bytes], *, text: bool, finish: bool = True) -> None:
        """Send one message as exactly these fragments (the library's own way adds an empty one at the end).

        Unless `finish`, the last of them says that more will follow.
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
