"""Records of other witnesses: captures, texts, a relay, clients under observation, and pages."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from wslab.core.knobs import AfterRefusal
from wslab.core.records.ground import ClosedBy, Code, Record, Side

TraceProtocol = Literal["websocket", "http", "http2", "tls", "other", "none"]
NoticeEvent = Literal["open", "message", "error", "close", "thrown", "silence"]
FrameFate = Literal["passed", "dropped", "rewritten", "inserted", "cut", "unfinished"]
BROWSER = "browser"
"""The subject of a page's `Notice` and `Sighting` records."""


class Trace(Record, frozen=True, kw_only=True, tag="trace"):
    """One connection in a capture: its TCP packets, or what a browser or a proxy logged.

    Fields:
        client_address, server_address: "host:port"; None if not logged. url: as requested, without query.
        protocol: what it carried; "tls" is not decrypted, "none" carried nothing.
        opening_seen, ending_seen: its beginning, its end is in the capture.
        guessed: there is no handshake in the capture; frames were read from where they seemed to begin.
        ended_by: who ended TCP first, and `end` how; None if nobody did.
        last_client_at_s, last_server_at_s: the last byte from each; TCP's own keepalives do not count.
        silence_s: how long neither side had sent anything before the end, not counting the last second (a close frame,
            a TLS alert); None if the end is not in the capture.
        client_bytes, server_bytes: TCP payload. client_missing_bytes, server_missing_bytes: not captured, of these.
        client_retransmissions, server_retransmissions: segments sent again. client_unacknowledged_bytes,
            server_unacknowledged_bytes: sent but never acknowledged by the other side.
        client_zero_windows, server_zero_windows: segments by which the sender announced that it accepts no more.
        client_unanswered_probes, server_unanswered_probes: TCP's last keepalive probes, if none was answered.
        server_told_code: the close code that the server's application must have seen; None if it saw no end. For the
            client's, see its `Closure`.
        after_close_bytes: bytes that the client sent after the server's close frame.
        unfinished_bytes, announced_bytes: of a client's last message that was cut off: the bytes that came, and the
            bytes that its headers announced; None if no message was cut off.
        omitted: there were more messages, pings or pongs than records; the earlier ones are missing.
        violation: who broke which rule of the protocol; nothing after it was read.
        remarks: anything else to know, and what the capture cannot show.
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
    silence_s: float | None = None
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
    """What a product's exception or log line says about a connection.

    Fields:
        subject: the product that prints this text; None if unknown.
        words: the line itself, shortened. at: the time in it, as written.
        close_code, close_reason: named in it. told_by: "received" and "sent": the speaker's frames on the wire;
            "assumed": the speaker made the code up (1006, 1005), or does not say.
        closed_by: as stated in the text; None if it is not.
        limit_bytes, payload_bytes: numbers in it with this meaning. http_status: named in it.
        meaning: what these words mean in this product. leaves_open: what they do not tell.
        source: where the product prints them.
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
    """One frame that passed through a relay, or that the relay inserted.

    Fields:
        number: of the frame in its direction. at_s: when its first byte came.
        opcode: a name, or a number if it has no meaning. rsv1: its message is compressed, if that was agreed.
        payload_bytes: announced by its header, masked and compressed as on the wire. passed_bytes: that came of it.
        preview: the beginning of its payload, inflated, as text or hexadecimal digits.
        close_code, close_reason: of a close frame as it came, or as the relay rewrote it.
        fate: "cut": the relay ended the connection inside it; "unfinished": one of the sides did.
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
    """A relay's fault, switched on or off while the relay ran.

    Fields:
        label: the name by which it is switched off. settings: of its kind, see `wslab.core.relay.faults`.
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
        overshoot_bytes: payload_bytes minus the limit.
        close_code: 1006 if the application learned of the end but not of a code; None if it was told nothing.
        error: the library's message, if it raised.
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
    """One notice to an application about its connection: an event of a page's WebSocket, or an exception.

    Fields:
        subject: the application; "browser" is a page, "wslab" the lab's own client.
        connection_id: None if there was no connection, or if it is unknown which.
        elapsed_s: by the subject's own clock, since it began to connect.
        event: "open", "message", "error" and "close" as in a page; "thrown" by the call `call`; "silence": nothing
            happened within the time allowed.
        message_bytes: payload of a message. close_code, close_reason, clean: of a close event (its wasClean).
        words: the exception's message; an error event in a page has none.
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
