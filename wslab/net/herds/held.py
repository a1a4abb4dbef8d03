"""One connection of a herd's client, held open at the least cost: it answers pings and closing handshakes."""

from __future__ import annotations

import contextlib
import ssl
from dataclasses import dataclass
from typing import Protocol

from websockets.frames import Opcode

from wslab.core.errors import in_words
from wslab.core.records import Close, Closure, TcpEnd, closed_by
from wslab.net.close_bodies import encode_close, read_close
from wslab.net.frames import FrameError, FrameHeader, control_frame, read_header
from wslab.net.herds.attempt import RECEIVE_BYTES, Opening
from wslab.net.herds.readiness import Deadlines, Readiness

MAX_HEARD_BYTES = 65_536
"""The largest data frame that is heard; larger ones are skipped."""


class HeldKeeper(Protocol):
    """The owner of a held connection."""

    loop: Readiness
    closings: Deadlines

    def closed(self, held: Held, closure: Closure) -> None:
        """Called when the connection has ended."""


@dataclass(slots=True)
class Closing:
    """The end of a held connection, from the first close frame on."""

    started_at_s: float
    received: Close | None = None
    sent: Close | None = None
    sent_first: bool = False
    send_error: str | None = None


class Held:
    """An open connection. There are thousands of them, so it has few slots. Data frames are skipped."""

    hears = False
    __slots__ = (
        "client",
        "closing",
        "connection_id",
        "keeper",
        "opened_at_s",
        "outages",
        "received_wire_bytes",
        "sent_wire_bytes",
        "skip_bytes",
        "sock",
        "unread",
    )

    def __init__(self, keeper: HeldKeeper, opening: Opening, outages: int) -> None:
        assert opening.sock is not None
        assert opening.answer is not None
        self.keeper = keeper
        self.sock = opening.sock
        self.client = opening.client
        self.outages = outages
        self.connection_id = opening.answer.connection_id
        self.opened_at_s = opening.ended_at_s
        self.sent_wire_bytes = opening.sent_wire_bytes
        self.received_wire_bytes = opening.received_wire_bytes
        self.unread = opening.answer.rest
        self.skip_bytes = 0
        self.closing: Closing | None = None

    def begin(self) -> None:
        """Take over the socket, and read the bytes that came with the answer to the opening handshake."""
        self.keeper.loop.hand_over(self.sock, self)
        if self.unread:
            self._read(b"")

    def ready(self) -> None:
        try:
            received = self.sock.recv(RECEIVE_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self._end("aborted" if isinstance(error, ssl.SSLError) else "reset", in_words(error))
            return
        if received:
            self.received_wire_bytes += len(received)
            self._read(received)
        else:
            self._end("fin")

    def expired(self) -> None:
        self._end("aborted")

    def _read(self, received: bytes) -> None:
        if self.closing is not None and self.closing.received is not None:
            return  # ignore everything after a close frame (RFC 6455 §5.5.1)
        try:
            self._read_frames(self.unread + received)
        except FrameError as error:
            if self.closing is None or self.closing.sent is None:
                self.close(Close(code=error.code, reason=str(error)[:100]))
            self._end("aborted")  # RFC 6455 §7.1.7

    def close(self, close: Close) -> None:
        """Send a close frame, or answer one; the server then ends TCP (RFC 6455 §7.1.1), or the deadline passes."""
        closing = self._begin_closing()
        closing.sent_first = closing.received is None
        try:
            self._send(control_frame(Opcode.CLOSE, encode_close(close)))
            closing.sent = close
        except OSError as error:
            closing.send_error = in_words(error)

    def _read_frames(self, unread: bytes) -> None:
        at = self.skip_bytes
        while (header := read_header(unread, at, sender="server")) is not None:
            begin = at + header.header_bytes
            end = begin + header.payload_bytes
            if header.is_control:
                if end > len(unread):
                    break
                self._obey(header.opcode, unread[begin:end])
                if header.opcode == Opcode.CLOSE:
                    return
            elif self.hears and header.payload_bytes <= MAX_HEARD_BYTES:
                if end > len(unread):
                    break
                self._hear(header, unread[begin:end])
            at = end
        self.unread = unread[at:]
        self.skip_bytes = max(0, at - len(unread))

    def _obey(self, opcode: int, payload: bytes) -> None:
        if opcode == Opcode.CLOSE:
            closing = self._begin_closing()
            body = read_close(payload)
            if body.error is not None:
                raise body.error
            closing.received = body.close
            if closing.sent is None:
                self.close(closing.received)
        elif opcode == Opcode.PING and self.closing is None:
            with contextlib.suppress(OSError):  # TCP has ended, as the next read will show
                self._send(control_frame(Opcode.PONG, payload))

    def _hear(self, header: FrameHeader, payload: bytes) -> None:
        """Take the payload of a data frame, if it `hears`."""

    def _begin_closing(self) -> Closing:
        if self.closing is None:
            now = self.keeper.loop.now()
            self.closing = Closing(now)
            self.keeper.closings.begin(self, now)
        return self.closing

    def _send(self, frame: bytes) -> None:
        self.sent_wire_bytes += self.sock.send(frame)

    def _end(self, tcp_end: TcpEnd, error: str | None = None) -> None:
        keeper = self.keeper
        keeper.closings.end(self)
        keeper.loop.close(self.sock)
        now = keeper.loop.now()
        closing = self.closing or Closing(now, send_error=error)
        received, sent = closing.received, closing.sent
        closure = Closure(
            client=self.client,
            connection_id=self.connection_id,
            opened_at_s=self.opened_at_s,
            close_started_at_s=closing.started_at_s,
            closed_at_s=now,
            close_code=received.code if received else 1006,  # RFC 6455 §7.1.5
            close_reason=received.reason if received else "",
            clean=received is not None and sent is not None and tcp_end == "fin",
            closed_by=closed_by(received, sent, sent_first=closing.sent_first, here="client"),
            received=received,
            sent=sent,
            recovered=False,  # it never sends enough to miss what it has received
            send_error=closing.send_error,
            tcp_end=tcp_end,
            sent_wire_bytes=self.sent_wire_bytes,
            received_wire_bytes=self.received_wire_bytes,
        )
        keeper.closed(self, closure)
