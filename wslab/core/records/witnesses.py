"""What others say: captures, texts, a relay, clients under observation, and pages."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from wslab.core.knobs import AfterRefusal
from wslab.core.records.ground import ClosedBy, Code, Record, Side

TraceProtocol = Literal["websocket", "http", "http2", "tls", "other", "none"]
NoticeEvent = Literal["open", "message", "error", "close", "thrown", "silence"]
FrameFate = Literal["passed", "dropped", "rewritten", "inserted", "cut", "unfinished"]
BROWSER = "browser"
"""The subject of what a page was told (`Notice`, `Sighting`)."""


class Trace(Record, frozen=True, kw_only=True, tag="trace"):
    """What a capture shows of one connection: of its TCP, or of what a browser or a proxy wrote down of it.

    Fields:
        client_address, server_address: "host:port"; None where they were not written down. url: that was asked for,
            without query.
        protocol: what it carried; "tls" is not looked into, "none" said nothing.
        opening_seen: its beginning is in the capture. ending_seen: so is its end.
        guessed: what is told of its frames was read where frames seemed to begin, without a handshake.
        ended_by: who ended TCP first; None where nobody did. end: how.
        last_client_at_s, last_server_at_s: the last byte of each; TCP's own keepalives do not count.
        client_bytes, server_bytes: TCP payload. client_missing_bytes, server_missing_bytes: of these, not captured.
        client_retransmissions, server_retransmissions: segments sent again. client_unacknowledged_bytes,
            server_unacknowledged_bytes: sent, and never confirmed by the other side.
        client_zero_windows, server_zero_windows: segments that said that their sender takes no more.
        client_unanswered_probes, server_unanswered_probes: the last keepalive probes of TCP, if none was answered.
        server_told_code: what the server's application must have been told; None while nothing told it of an end. What
            the client's was told, its `Closure` says.
        after_close_bytes: that the client sent after the server's close frame had gone out.
        unfinished_bytes, announced_bytes: what had come of the client's last message when all ended before its end, and
            what its headers claim; None where none was unfinished.
        omitted: it had more messages, pings or pongs than there are records of; those that are missing were earlier.
        violation: who broke which rule of the protocol; nothing behind it was read.
        remarks: what else is to be known, and what the capture cannot show.
    """

    client: int
    connection_id: str
    client_address: str | None
    server_address: str | None
    url: str | None
    protocol: TraceProtocol
    opening_seen: bool
    ending_seen: bool
    guessed: bool
    started_at_s: float
    ended_at_s: float
    ended_by: Side | None
    end: Literal["fin", "reset"] | None
    last_client_at_s: float | None
    last_server_at_s: float | None
    sent_messages: int
    received_messages: int
    client_bytes: int | None
    server_bytes: int | None
    client_missing_bytes: int = 0
    server_missing_bytes: int = 0
    client_retransmissions: int = 0
    server_retransmissions: int = 0
    client_unacknowledged_bytes: int = 0
    server_unacknowledged_bytes: int = 0
    client_zero_windows: int = 0
    server_zero_windows: int = 0
    client_unanswered_probes: int = 0
    server_unanswered_probes: int = 0
    server_told_code: int | None = None
    after_close_bytes: int = 0
    unfinished_bytes: int | None = None
    announced_bytes: int | None = None
    omitted: bool = False
    violation: str | None = None
    remarks: list[str] = msgspec.field(default_factory=list)


class Statement(Record, frozen=True, kw_only=True, tag="statement"):
    """What a product's text, an exception or a line of a log, says of a connection.

    Fields:
        subject: the product whose words they are; None where they are nobody's that is known.
        words: the line itself, shortened. at: the time in it, as it was written.
        close_code, close_reason: that it names. told_by: "received" and "sent" by the speaker on the wire; "assumed"
            where the speaker made the code up (1006, 1005), or does not say.
        closed_by: as the text says it; None where it does not.
        limit_bytes, payload_bytes: numbers in it, with that meaning. http_status: that it names.
        meaning: what these words say in this product. leaves_open: what they do not.
        source: where the product says them.
    """

    subject: str | None
    words: str
    at: str | None
    speaker: Literal["client", "server", "proxy"] | None
    close_code: Code | None
    close_reason: str | None
    told_by: Literal["received", "sent", "assumed"] | None
    closed_by: ClosedBy | None
    limit_bytes: int | None
    payload_bytes: int | None
    http_status: int | None
    meaning: str | None
    leaves_open: str | None
    source: str | None


class Frame(Record, frozen=True, kw_only=True, tag="frame"):
    """One frame that went through a relay, or that the relay put in.

    Fields:
        number: of the frame in its direction. at_s: when its first byte came.
        opcode: a text, or a number for one that means nothing. rsv1: its message is compressed, where that was agreed.
        payload_bytes: that its header announces, masked and compressed as on the wire. passed_bytes: that came of it.
        preview: the beginning of its payload as text, or as hexadecimal digits; of a compressed message, inflated.
        close_code, close_reason: of a close frame as it came; where the relay rewrote it, as it went on.
        fate: what became of it. "cut": the relay ended the connection within it. "unfinished": one of the sides did.
    """

    client: int
    connection_id: str | None
    number: int
    sent_by: Side
    at_s: float
    opcode: str
    final: bool
    rsv1: bool
    masked: bool
    payload_bytes: int
    passed_bytes: int
    preview: str
    close_code: Code | None
    close_reason: str | None
    fate: FrameFate


class Injection(Record, frozen=True, kw_only=True, tag="injection"):
    """A fault of a relay, switched on or off while it ran.

    Fields:
        label: by which it is switched off. settings: those of `wslab.core.relay.faults`, of its kind.
    """

    at_s: float
    label: str
    fault: str
    on: bool
    settings: dict[str, Any]


class Sighting(Record, frozen=True, kw_only=True, tag="sighting"):
    """One message over a server's limit, sent by a client under observation, and what its application was told.

    Fields:
        subject: the client, by its name in `wslab.fieldguide.clients`.
        after_refusal: the lab server's knob at that time; None on a foreign server.
        number: of the try, among those of the same subject, server behaviour and overshoot.
        connection_id: joins the server's `Account` of the same connection.
        overshoot_bytes: how far payload_bytes lies beyond the limit.
        close_code: 1006 where the application learned of the end but of no code; None where it was told nothing.
        error: the library's words, if it raised.
    """

    subject: str
    after_refusal: AfterRefusal | None
    number: int
    connection_id: str | None
    started_at_s: float
    ended_at_s: float
    payload_bytes: int
    overshoot_bytes: int
    close_code: Code | None
    close_reason: str | None
    error: str | None


class Notice(Record, frozen=True, kw_only=True, tag="notice"):
    """One thing that an application was told of its connection: an event of a page's WebSocket, or what a call threw.

    Fields:
        subject: who was told; "browser" is a page, "wslab" the lab's own client.
        connection_id: None where there was no connection, or where nobody could say which.
        elapsed_s: by the subject's own clock, since it began to connect.
        event: "open", "message", "error" and "close" as a page names them; "thrown", by the call `call`; "silence" is
            nothing at all within the time that it was waited for.
        message_bytes: payload of a message. close_code, close_reason, clean: of a close event (its wasClean).
        words: what the exception said; an error event in a page says nothing.
    """

    subject: str
    connection_id: str | None
    elapsed_s: float
    event: NoticeEvent
    call: str | None = None
    message_bytes: int | None = None
    close_code: Code | None = None
    close_reason: str | None = None
    clean: bool | None = None
    words: str | None = None
