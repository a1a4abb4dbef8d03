"""One connection of a lab server, in its child process: it keeps to the knobs, counts, and accounts for its end."""

from __future__ import annotations

import time
from typing import Any, Protocol

from websockets.asyncio.server import Server, ServerConnection
from websockets.exceptions import PayloadTooBig
from websockets.frames import DATA_OPCODES, Frame
from websockets.server import ServerProtocol

from wslab.core.errors import in_words
from wslab.core.knobs import Knobs
from wslab.core.records import Account, closed_by
from wslab.net.metering import MeteredConnection

HOLD_S = 60.0
"""A connection held open after a refusal is ended after this long, so that nothing is held for ever."""


class Lab(Protocol):
    """What a connection needs of the program that serves it."""

    knobs: Knobs
    start: int

    def next_connection_id(self) -> str: ...

    def report(self, account: Account) -> None: ...


class LabConnection(MeteredConnection, ServerConnection):
    """One connection of the lab server, under the knobs that were set when it opened."""

    def __init__(self, lab: Lab, protocol: ServerProtocol, server: Server, **options: Any) -> None:
        super().__init__(protocol, server, **options)
        self.lab = lab
        self.knobs = lab.knobs
        self.connection_id = lab.next_connection_id()
        self.opened_at: float | None = None
        self.received_frames = 0
        self.received_messages = 0
        self.received_payload_bytes = 0
        self.apply_limits(lab.knobs)

    def apply_limits(self, knobs: Knobs) -> None:
        """Take over `knobs`, also while open: limits count from the next message on."""
        self.knobs = knobs
        self.protocol.max_message_size = knobs.max_message_bytes
        self.protocol.max_fragment_size = knobs.max_frame_bytes

    def process_event(self, event: Any) -> None:
        if isinstance(event, Frame) and event.opcode in DATA_OPCODES:
            self.received_frames += 1
            self.received_messages += event.fin
            self.received_payload_bytes += len(event.data)
        super().process_event(event)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._has_refused() and self.knobs.after_refusal == "reset":
            self.transport.close()  # what is unread in the kernel's buffer makes it answer with RST

    def _end_stream(self) -> None:
        if self._has_refused() and self.knobs.after_refusal == "hold":
            self.transport.pause_reading()
            self.loop.call_later(HOLD_S, self.transport.abort)
        else:
            super()._end_stream()

    def _has_refused(self) -> bool:
        return isinstance(self.protocol.parser_exc, PayloadTooBig)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if self.opened_at is not None:
            self.lab.report(self.account(closed_at=time.monotonic(), error=exc or self.protocol.parser_exc))

    def part(self, code: int, reason: str) -> None:
        """Begin to close with `code`: 1005 as an empty close frame, 1006 with none (RFC 6455 §7.1.5)."""
        if code == 1006:
            self.transport.close()
            return
        if code == 1005:
            self.protocol.send_close()
        else:
            self.protocol.send_close(code, reason)
        self.send_data()

    def account(self, closed_at: float | None = None, error: Exception | None = None) -> Account:
        ended = closed_at is not None
        received, sent = self.received_close, self.sent_close
        return Account(
            connection_id=self.connection_id,
            start=self.lab.start,
            peer_port=self.remote_address[1] if self.remote_address else 0,
            opened_at_s=self.opened_at or 0.0,
            closed_at_s=closed_at,
            received_frames=self.received_frames,
            received_messages=self.received_messages,
            received_payload_bytes=self.received_payload_bytes,
            received_wire_bytes=self.received_wire_bytes,
            sent_wire_bytes=self.sent_wire_bytes,
            closed_by=closed_by(received, sent, sent_first=self.sent_close_first, here="server") if ended else None,
            received=received,
            sent=sent,
            error=None if error is None else in_words(error),
        )
