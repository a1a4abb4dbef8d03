"""Records of one connection: its messages and pings, its end, and the server's own account of it."""

from __future__ import annotations

from typing import Literal

from wslab.core.records.ground import Close, ClosedBy, Code, Record, Side

TcpEnd = Literal["fin", "reset", "aborted", "unseen"]
SendOutcome = Literal["accepted", "closed", "timeout", "unconfirmed", "unopened", "interrupted"]


class Send(Record, frozen=True, kw_only=True, tag="send"):
    """One message offered to a server, and its outcome.

    Fields:
        payload_bytes: after UTF-8 encoding, before compression. payload_characters: None for a binary message.
        fragment_count: number of frames; 1 for an unfragmented message.
        wire_bytes: bytes written, including frame headers, masks and compression; if sending failed, the kernel may
            have taken fewer.
        outcome: "accepted" (the awaited reply or pong came), "closed" (the connection ended first), "timeout"
            (neither came in time), "unconfirmed" (none was awaited), "unopened" (no connection), "interrupted" (the
            run was stopped first, which says nothing about the server).
        send_s: until the whole message was handed to the kernel. round_trip_s: until its reply or pong.
        reply_bytes: payload of the answer; None if a pong confirmed the message. reply: the beginning of the answer, if
            words are kept. unasked_messages: messages that came before the answer.
        close_code, close_reason: of the closure that ended the wait, if one did.
        error: the message of the library or the system, if any.
        compression: permessage-deflate was agreed on this connection.
    """

    client: int
    number: int
    connection_id: str | None
    started_at_s: float
    payload_kind: str
    payload_bytes: int
    payload_characters: int | None
    fragment_count: int
    wire_bytes: int | None
    outcome: SendOutcome
    send_s: float | None
    round_trip_s: float | None
    reply_bytes: int | None
    close_code: Code | None
    close_reason: str | None
    error: str | None
    compression: bool = False
    reply: str | None = None
    unasked_messages: int = 0

    @property
    def passed(self) -> bool:
        """Whether the message was confirmed, or sent without waiting for a confirmation."""
        return self.outcome in ("accepted", "unconfirmed")


class Closure(Record, frozen=True, kw_only=True, tag="closure"):
    """The end of one connection, as its client saw it, with the close frames received and sent.

    Fields:
        close_code, close_reason: as reported to an application: those of the received frame, 1005 for an empty frame,
            1006 for none (RFC 6455 §7.1.5, §7.1.6).
        clean: the closing handshake completed (the DOM's wasClean).
        closed_by: who sent the first close frame; "network" if nobody did.
        received, sent: the close frames on the wire.
        recovered: the received frame was found by reading on after a failed send or, in a capture, before a reset that
            hit a client while it was sending; a client that stops at the failed send reports 1006.
        send_error: the message of the failed send.
        tcp_end: how TCP ended: "fin" and "reset" by the other side, "aborted" by this one; "unseen": the capture ended
            before.
        close_started_at_s: first close frame sent or received; without one, the end of TCP.
        closed_at_s: the end of TCP.
        received_messages: complete data messages from the server; None if they were not counted.
        broken_close_hex: the body, as on the wire, of an invalid close frame from the server (RFC 6455 §5.5.1, §7.4).
            An application sees 1006 instead, and `sent` is the client's protest.
        bound: the client's own bound, or the relay's reason, that ended the connection, in words.
    """

    client: int
    connection_id: str | None
    opened_at_s: float
    close_started_at_s: float
    closed_at_s: float
    close_code: Code
    close_reason: str
    clean: bool
    closed_by: ClosedBy
    received: Close | None
    sent: Close | None
    recovered: bool
    send_error: str | None
    tcp_end: TcpEnd
    sent_wire_bytes: int
    received_wire_bytes: int
    received_messages: int | None = None
    broken_close_hex: str | None = None
    bound: str | None = None


class Receipt(Record, frozen=True, kw_only=True, tag="receipt"):
    """One message from the server, as received by a client; the counterpart of `Send`.

    Fields:
        payload_bytes: before compression; None if unknown. announced_bytes: the total of its frame headers, equal to
            payload_bytes without compression.
        wire_bytes: bytes received, including frame headers. complete: the last frame came.
        unasked: it does not answer a message of the client; None if unknown. words: the beginning of its text,
            printable.
    """

    client: int
    number: int
    connection_id: str | None
    started_at_s: float
    ended_at_s: float
    payload_kind: str
    payload_bytes: int | None
    announced_bytes: int
    fragment_count: int
    wire_bytes: int | None
    complete: bool
    compression: bool = False
    unasked: bool | None = None
    words: str | None = None


class Ping(Record, frozen=True, kw_only=True, tag="ping"):
    """One ping frame, and its pong (RFC 6455 §5.5.2).

    Fields:
        answered_at_s: when a pong with its payload was seen; None if none was.
    """

    client: int
    connection_id: str | None
    sent_by: Side
    sent_at_s: float
    payload_bytes: int
    answered_at_s: float | None


class Pong(Record, frozen=True, kw_only=True, tag="pong"):
    """One unsolicited pong: a one-way heartbeat (RFC 6455 §5.5.3)."""

    client: int
    connection_id: str | None
    sent_by: Side
    sent_at_s: float


class Pause(Record, frozen=True, kw_only=True, tag="pause"):
    """A time in which the observer itself did not run: its process was stopped, or the machine slept.

    Nothing was observed from `began_at_s` to `ended_at_s`; a record stamped right afterwards may have happened at any
    time in between. `asleep_s`: seconds in which even the monotonic clock stood still (the machine slept); they are
    missing from all times in the run.
    """

    began_at_s: float
    ended_at_s: float
    asleep_s: float


class Account(Record, frozen=True, kw_only=True, tag="account"):
    """The server's own account of one connection; joins `Closure` by `connection_id`.

    Fields:
        start: the start of the server that admitted it, counted from 1.
        peer_port: the client's TCP port, to find the connection in a capture.
        received_frames, received_messages: data frames and complete messages; a refused message counts in neither.
        closed_at_s, closed_by: None while it is open, and if the server crashed.
        because: the name of the knob that made the server close it, or "restart" or "stop"; None: not the server.
    """

    connection_id: str
    start: int
    peer_port: int
    opened_at_s: float
    closed_at_s: float | None
    received_frames: int
    received_messages: int
    received_payload_bytes: int
    received_wire_bytes: int
    sent_wire_bytes: int
    closed_by: ClosedBy | None
    received: Close | None
    sent: Close | None
    error: str | None
    because: str | None = None
