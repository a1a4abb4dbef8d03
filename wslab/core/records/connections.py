"""What happened on one connection: what was sent and what came, how it ended, and the server's own account of it."""

from __future__ import annotations

from typing import Literal

from wslab.core.records.ground import Close, ClosedBy, Code, Record, Side

TcpEnd = Literal["fin", "reset", "aborted", "unseen"]
SendOutcome = Literal["accepted", "closed", "timeout", "unconfirmed", "unopened", "interrupted"]


class Send(Record, frozen=True, kw_only=True, tag="send"):
    """One message offered to a server, and what came of it.

    Fields:
        payload_bytes: after UTF-8 encoding, before compression. payload_characters: None for a binary message.
        fragment_count: frames that the message was cut into; 1 is an unfragmented message.
        wire_bytes: bytes written for it, frame headers, masks and compression included; where sending failed, the
            kernel may have taken fewer.
        outcome: "accepted" (the awaited reply or pong came), "closed" (the connection ended first), "timeout"
            (neither within the stated time), "unconfirmed" (none was awaited), "unopened" (no connection),
            "interrupted" (the run was stopped first, which says nothing of the server).
        send_s: until the whole message was handed to the kernel. round_trip_s: until its reply or pong.
        reply_bytes: payload of the answer; None where a pong was the confirmation. reply: its beginning, where words
            are kept. unasked_messages: that came while it was awaited and were no answer.
        close_code, close_reason: of the closure that it met, if it met one.
        error: the library's or the system's own words, if any.
        compression: the connection had agreed on permessage-deflate.
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
        """Whether the server took the message, as far as was asked: it was confirmed, or nothing was awaited."""
        return self.outcome in ("accepted", "unconfirmed")


class Closure(Record, frozen=True, kw_only=True, tag="closure"):
    """The end of one connection, as its client saw it. What was received and what was sent are kept apart.

    Fields:
        close_code, close_reason: what an application is told: the received frame's, 1005 for an empty one,
            1006 where none came (RFC 6455 §7.1.5, §7.1.6).
        clean: the closing handshake completed (the DOM's wasClean).
        closed_by: who sent the first close frame; "network" where nobody did.
        received, sent: the close frames on the wire.
        recovered: the received frame was found by reading on after sending had failed, or in a capture, in front of
            a reset that met a client which was sending; a client that stops at the failed send reports 1006 here.
        send_error: what the failed send said.
        tcp_end: how TCP ended: "fin" and "reset" by the other side, "aborted" by this one; "unseen" in a capture
            that ends before.
        close_started_at_s: first close frame sent or received, or the end of TCP where there was none.
        closed_at_s: the end of TCP.
        received_messages: complete data messages from the server; None where they were not counted.
        broken_close_hex: the body of a close frame from the server that breaks the rules (RFC 6455 §5.5.1, §7.4), as it
            was on the wire: an application is told 1006 of it, and what was sent is the client's protest.
        bound: the client's own bound that ended the connection, or the relay's reason for ending it, in words.
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
    """One message from the server, as it came to a client; the other direction of `Send`.

    Fields:
        payload_bytes: before compression; None where that is not known. announced_bytes: what the headers of its
            frames claim, which is payload_bytes where nothing is compressed.
        wire_bytes: that came, frame headers included. complete: its last frame came.
        unasked: no answer to a message of the client's; None: not known. words: the beginning of its text, printable.
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
        sent_by: whose ping it is. answered_at_s: when a pong with its payload was seen; None where none was.
    """

    client: int
    connection_id: str | None
    sent_by: Side
    sent_at_s: float
    payload_bytes: int
    answered_at_s: float | None


class Pong(Record, frozen=True, kw_only=True, tag="pong"):
    """One pong that no ping had asked for: a heartbeat in one direction (RFC 6455 §5.5.3)."""

    client: int
    connection_id: str | None
    sent_by: Side
    sent_at_s: float


class Pause(Record, frozen=True, kw_only=True, tag="pause"):
    """A while in which the observer itself did not run: its process was stopped, or the machine slept.

    Nobody looked from `began_at_s` to `ended_at_s`. What is stamped right after it may have happened at any time in it.
    `asleep_s`: seconds in which even the monotonic clock stood still (a sleeping machine), which are missing from
    every time in the run.
    """

    began_at_s: float
    ended_at_s: float
    asleep_s: float


class Account(Record, frozen=True, kw_only=True, tag="account"):
    """The server's own account of one connection; joins `Closure` by `connection_id`.

    Fields:
        start: which start of the server admitted it, counted from 1.
        peer_port: the client's TCP port, to find the connection in a capture.
        received_frames, received_messages: data frames and complete messages; a refused message counts in neither.
        closed_at_s: None while it was open, or where a crash left no time to say; likewise closed_by.
        because: the knob that made the server end it, by its name, or "restart" or "stop"; None where another did.
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
