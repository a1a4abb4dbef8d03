"""One connection of a lab server, in its child process: it obeys the knobs, counts, and accounts for its end."""

from __future__ import annotations

import asyncio
import struct
import time
from random import Random
from typing import Any, Protocol

from websockets import frames
from websockets.asyncio.server import Server, ServerConnection
from websockets.exceptions import PayloadTooBig
from websockets.frames import DATA_OPCODES, Frame, Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

from wslab.core.errors import in_words
from wslab.core.knobs import CloseFrame, Knobs
from wslab.core.records import Account, closed_by
from wslab.net.frames import encode_frame
from wslab.net.metering import MeteredConnection
from wslab.net.server.allowances import Allowances

HOLD_S = 60.0
"""A connection held open after a refusal is ended after this time, so that nothing is held forever."""

CLOSES_WITH = {
    "idle_timeout_s": "idle",
    "max_age_s": "age",
    "max_messages_per_s": "rate",
    "max_bytes_per_s": "rate",
    "max_connection_messages": "count",
    "max_connection_frames": "count",
    "max_connection_bytes": "count",
    "close_after_message": "message",
}
"""The knobs that close a connection → prefix of the knobs for code and reason."""


class Lab(Protocol):
    """What a connection needs from its program."""

    knobs: Knobs
    start: int

    def next_connection_id(self) -> str: ...

    def report(self, account: Account) -> None: ...


class LabConnection(MeteredConnection, ServerConnection):
    """One connection of the lab server, under the knobs that were set when it opened."""

    def __init__(self, lab: Lab, protocol: ServerProtocol, server: Server, **options: Any) -> None:
        super().__init__(protocol, server, **options)
        self.lab = lab
        self.connection_id = lab.next_connection_id()
        self.opened_at: float | None = None
        self.received_frames = 0
        self.received_messages = 0
        self.received_payload_bytes = 0
        self._cause: str | None = None
        self._alarms: dict[str, asyncio.TimerHandle] = {}
        self._traffic_at = 0.0
        self.apply_limits(lab.knobs)

    def begin(self) -> None:
        """Report that the connection is open, and start its clocks."""
        self.opened_at = self._traffic_at = time.monotonic()
        self.lab.report(self.account())
        self._set_alarms()

    def apply_limits(self, knobs: Knobs) -> None:
        """Apply `knobs`, even while open: limits and rates count from the next message, ages from the opening."""
        self.knobs = knobs
        self.protocol.max_message_size = knobs.max_message_bytes
        self.protocol.max_fragment_size = knobs.max_frame_bytes
        self._allowances = Allowances(knobs, time.monotonic())
        if self.opened_at is not None:
            self._set_alarms()

    # Traffic

    def process_event(self, event: Any) -> None:
        if isinstance(event, Frame):
            if event.opcode in DATA_OPCODES and not self._accept(event):
                return
            if event.opcode is Opcode.PING and self.knobs.idle_counts_pings:
                self._traffic_at = time.monotonic()
        super().process_event(event)

    def _accept(self, frame: Frame) -> bool:
        """Count a data frame, or close the connection if it exceeds an allowance."""
        self._traffic_at = time.monotonic()
        knob = self._allowances.spend(
            len(frame.data), begins_message=frame.opcode is not Opcode.CONT, now=self._traffic_at
        )
        if knob is not None:
            self.close_because(knob)
            return False
        self.received_frames += 1
        self.received_messages += frame.fin
        self.received_payload_bytes += len(frame.data)
        return True

    async def send(self, *args: Any, **options: Any) -> None:
        await super().send(*args, **options)
        self._traffic_at = time.monotonic()

    # Clocks: the loop's time is the machine's monotonic clock

    def _set_alarms(self) -> None:
        assert self.opened_at is not None
        self._still_alarms()
        if self.knobs.max_age_s is not None:
            jitter_s = Random(self.connection_id).uniform(0, self.knobs.max_age_jitter_s)
            due_at = self.opened_at + self.knobs.max_age_s + jitter_s
            self._alarms["age"] = self.loop.call_at(due_at, self.close_because, "max_age_s")
        if self.knobs.idle_timeout_s is not None:
            self._look_for_traffic(self.knobs.idle_timeout_s)

    def _look_for_traffic(self, idle_timeout_s: float) -> None:
        due_at = self._traffic_at + idle_timeout_s
        if due_at <= self.loop.time():
            self.close_because("idle_timeout_s")
        else:
            self._alarms["idle"] = self.loop.call_at(due_at, self._look_for_traffic, idle_timeout_s)

    def _still_alarms(self) -> None:
        for alarm in self._alarms.values():
            alarm.cancel()

    # The end

    def close_because(self, knob: str) -> None:
        """Begin to close with the code and reason for `knob`, and keep the knob for the account."""
        prefix = CLOSES_WITH[knob]
        self.part(
            getattr(self.knobs, f"{prefix}_close_code"), getattr(self.knobs, f"{prefix}_close_reason"), because=knob
        )

    def part(self, code: int, reason: str, *, because: str) -> None:
        """Begin to close with `code`: 1005 as an empty close frame, 1006 without one (RFC 6455 §7.1.5)."""
        if self.protocol.state is not State.OPEN or self._cause is not None:
            return
        self._cause = because
        self.loop.call_later(self.knobs.close_timeout_s, self.transport.abort)
        if code == 1006:
            self.transport.close()
            return
        if self.knobs.close_frame == "valid":
            self.protocol.send_close(*(() if code == 1005 else (code, reason)))
        else:
            payload = invalid_payload(self.knobs.close_frame, code)
            self.protocol.writes.append(encode_frame(Opcode.CLOSE, payload, sender="server"))
            self.protocol.close_sent = frames.Close(code, reason)
            self.protocol.state = State.CLOSING
        self.send_data()

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._refused_because() and self.knobs.after_refusal == "reset":
            self.transport.close()  # unread data in its buffer makes the kernel answer with RST

    def _end_stream(self) -> None:
        if self._refused_because() and self.knobs.after_refusal == "hold":
            self.transport.pause_reading()
            self.loop.call_later(HOLD_S, self.transport.abort)
        else:
            super()._end_stream()

    def _refused_because(self) -> str | None:
        """Return the knob whose limit a message exceeded; None if none did."""
        error = self.protocol.parser_exc
        if not isinstance(error, PayloadTooBig):
            return None
        message_bytes, frame_bytes = self.knobs.max_message_bytes, self.knobs.max_frame_bytes
        left_bytes = None if message_bytes is None else message_bytes - (error.current_size or 0)
        is_frame = frame_bytes is not None and (left_bytes is None or frame_bytes < left_bytes)
        return "max_frame_bytes" if is_frame else "max_message_bytes"

    def _closed_because(self) -> str | None:
        keepalive = frames.CloseCode.INTERNAL_ERROR, "keepalive ping timeout"
        sent = self.protocol.close_sent
        if self._cause is None and sent is not None and (sent.code, sent.reason) == keepalive:
            return "ping_timeout_s"
        return self._cause or self._refused_because()

    def connection_lost(self, exc: Exception | None) -> None:
        self._still_alarms()
        super().connection_lost(exc)
        if self.opened_at is not None:
            self.lab.report(self.account(closed_at=time.monotonic(), error=exc or self.protocol.parser_exc))

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
            because=self._closed_because() if ended else None,
        )


def invalid_payload(kind: CloseFrame, code: int) -> bytes:
    """Return the payload of a close frame that breaks one rule (RFC 6455 §5.5, §5.5.1, §7.4.1)."""
    valid = struct.pack("!H", code)
    return {
        "one_byte": valid[:1],
        "invalid_code": struct.pack("!H", 1005),
        "invalid_utf8": valid + b"\xff",
        "too_long": valid + bytes(124),
    }[kind]
