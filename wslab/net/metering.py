"""Measurements that a `websockets` connection does not keep: bytes on the wire, and when closing began.

Shared by the lab's server and client; it extends the library's classes without changing their behaviour.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any, cast

from websockets import frames
from websockets.asyncio.connection import Connection
from websockets.protocol import Protocol

from wslab.core.records import Close

READ_BYTES = 65_536
"""Read from a socket at once. asyncio reads 262,144, which may hold 130,000 frames; the library parses them for a
second or more, during which no timeout can fire."""


class MeteredConnection(Connection):
    """A connection that counts its bytes and notes when closing began, on the machine's monotonic clock."""

    def __init__(self, protocol: Protocol, *args: Any, **options: Any) -> None:
        super().__init__(protocol, *args, **options)
        self.sent_wire_bytes = 0
        self.received_wire_bytes = 0
        self.close_started_at: float | None = None

    @property
    def received_close(self) -> Close | None:
        return _close(self.protocol.close_rcvd)

    @property
    def sent_close(self) -> Close | None:
        return _close(self.protocol.close_sent)

    @property
    def sent_close_first(self) -> bool:
        # The library leaves this None until both frames are there; a lone frame was the first.
        return self.protocol.close_rcvd_then_sent is not True and self.protocol.close_sent is not None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if hasattr(transport, "max_size"):  # asyncio's own, over TCP
            transport.max_size = READ_BYTES
        super().connection_made(cast("asyncio.Transport", transport))

    def data_received(self, data: bytes) -> None:
        self.received_wire_bytes += len(data)
        super().data_received(data)
        self._note_closing()

    def send_data(self) -> None:
        """Send like the library, and count."""
        for data in self.protocol.data_to_send():
            if data:
                self.sent_wire_bytes += len(data)
                self.transport.write(data)
            elif not self.transport.is_closing():
                self._end_stream()
        self._note_closing()

    def _end_stream(self) -> None:
        if not self.transport.can_write_eof():  # TLS cannot half-close
            self.transport.close()
            return
        with contextlib.suppress(OSError):  # TCP has ended already; connection_lost will say how
            self.transport.write_eof()

    def _note_closing(self) -> None:
        if self.close_started_at is None and (self.protocol.close_rcvd or self.protocol.close_sent):
            self.close_started_at = time.monotonic()


def _close(frame: frames.Close | None) -> Close | None:
    return None if frame is None else Close(code=frame.code, reason=frame.reason)
