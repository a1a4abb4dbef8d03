"""What was observed, one frozen record per fact; the vocabulary of every layer above.

Clients, servers, the herd and the simulation all emit these and nothing else, so that a run can be measured,
simulated, saved, loaded or drawn without anything above knowing which. `Kinds`, at the end, lists what a run keeps.
Rules:

- every field carries its unit in its name; `…_at_s` is seconds on the monotonic clock since the run began;
- `client` counts from 0 within a run; `number` counts from 1;
- a value that does not apply is None, never a magic number;
- `connection_id` is given by a lab server in its handshake response and joins the two sides of one
  connection; a foreign server gives none.
"""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, Self, TypeVar, overload

import msgspec

from wslab.core.knobs import AfterRefusal, Knobs

ClosedBy = Literal["server", "client", "network"]
TcpEnd = Literal["fin", "reset", "aborted", "unseen"]
Side = Literal["client", "server"]
SendOutcome = Literal["accepted", "closed", "timeout", "unconfirmed", "unopened", "interrupted"]
AttemptOutcome = Literal["opened", "refused", "reset", "timeout", "rejected", "failed"]
RestartKind = Literal["graceful", "crash", "reload", "rolling"]
TraceProtocol = Literal["websocket", "http", "http2", "tls", "other", "none"]
NoticeEvent = Literal["open", "message", "error", "close", "thrown", "silence"]

Code = Annotated[int, msgspec.Meta(ge=0, le=65535)]
"""A close code, as the two bytes of a close frame may say it; a file that says another is refused."""

FrameFate = Literal["passed", "dropped", "rewritten", "inserted", "cut"]

R = TypeVar("R", bound="Record")

BROWSER = "browser"
"""The subject of what a page was told (`Notice`, `Sighting`)."""

RUN_ENDED = "the run ended first"
"""Why an `Outage` has no reopening where nobody gave up: the run was over, or interrupted."""


class Record(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="record"):
    """The base of all records: immutable, keyword-only, tagged with its kind when written to a file."""


def tag_of(kind: type[Record]) -> str:
    """Return by which name a file calls records of this kind, under `record`."""
    return str(kind.__struct_config__.tag)


class Close(Record, frozen=True, kw_only=True, tag="close"):
    """A close frame as it was on the wire. `code` 1005 is a frame without a code (RFC 6455 §7.1.5)."""

    code: Code
    reason: str = ""


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
        bound: the client's own bound that ended the connection, in words.
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
    after_close_bytes: int = 0
    unfinished_bytes: int | None = None
    announced_bytes: int | None = None
    omitted: bool = False
    violation: str | None = None
    remarks: list[str] = []


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


class Frame(Record, frozen=True, kw_only=True, tag="frame"):
    """One frame that went through a relay, or that the relay put in.

    Fields:
        number: of the frame in its direction. at_s: when its first byte came.
        opcode: a text, or a number for one that means nothing. rsv1: its message is compressed, where that was agreed.
        payload_bytes: that its header announces, masked and compressed as on the wire. passed_bytes: that came of it.
        preview: the beginning of its payload as text, or as hexadecimal digits; of a compressed message, inflated.
        close_code, close_reason: of a close frame as it came; where the relay rewrote it, as it went on.
        fate: what became of it. "cut": the connection was ended within it.
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


class Attempt(Record, frozen=True, kw_only=True, tag="attempt"):
    """One try at a TCP connection plus opening handshake.

    Fields:
        outage: 0 for a client's first connection, else the number of the outage that it belongs to.
        delay_s: what the policy drew. due_at_s: when the attempt was due; started_at_s minus it is the
            instrument's own delay.
        outcome: "opened"; "refused" (RST to the SYN), "reset" (the connection was cut), "timeout", "rejected"
            (an HTTP status other than 101), "failed" (anything else; see error).
        retry_after_s: the Retry-After header's seconds.
    """

    client: int
    outage: int
    number: int
    delay_s: float
    due_at_s: float
    started_at_s: float
    ended_at_s: float
    outcome: AttemptOutcome
    http_status: int | None
    retry_after_s: float | None
    connection_id: str | None
    error: str | None


class Waiting(Record, frozen=True, kw_only=True, tag="waiting"):
    """A client that waits before its next attempt. Told, while it waits, to those who listen; no run keeps it, since
    the `Attempt` that follows says the same and more.

    Fields: as in `Attempt`.
    """

    client: int
    outage: int
    number: int
    delay_s: float
    due_at_s: float


class Outage(Record, frozen=True, kw_only=True, tag="outage"):
    """One client's closure, its attempts, and the reopening if there was one.

    Fields:
        attempts: how many were made. time_to_reconnect_s: closure seen to next handshake complete.
        gave_up: why no further attempt was made; None where the connection was reopened.
    """

    client: int
    number: int
    close_code: Code
    close_reason: str
    closed_at_s: float
    attempts: int
    reopened_at_s: float | None
    time_to_reconnect_s: float | None
    gave_up: str | None


class Restart(Record, frozen=True, kw_only=True, tag="restart"):
    """One restart of the server, as the lab carried it out.

    Fields:
        down_at_s: listener closed (for a crash: process killed); up_at_s: listening again. None: not reached.
        knobs_after: the knobs from then on, where the restart changed them.
    """

    number: int
    kind: RestartKind
    requested_at_s: float
    down_at_s: float | None
    up_at_s: float | None
    knobs_after: Knobs | None

    @property
    def downtime_s(self) -> float | None:
        """Seconds from listener closed to listening again, as measured."""
        if self.down_at_s is None or self.up_at_s is None:
            return None
        return self.up_at_s - self.down_at_s


class Footprint(Record, frozen=True, kw_only=True, tag="footprint"):
    """The memory of a server's process at one moment, and what its clients had sent until then.

    Fields:
        resident_bytes: of the process, in RAM. start: which start of the server it is, counted from 1.
        max_message_bytes: the limit of its connections. compression: they had agreed on permessage-deflate.
        half_sent: how many of the open connections had sent a message but for its end.
        sent_payload_bytes, sent_wire_bytes: of these messages together, inflated and on the wire.
    """

    at_s: float
    start: int
    resident_bytes: int
    max_message_bytes: int
    compression: bool
    connections: int
    half_sent: int
    sent_payload_bytes: int
    sent_wire_bytes: int


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


class Pause(Record, frozen=True, kw_only=True, tag="pause"):
    """A while in which the observer itself did not run: its process was stopped, or the machine slept.

    Nobody looked from `began_at_s` to `ended_at_s`. What is stamped right after it may have happened at any time in it.
    `asleep_s`: seconds in which even the monotonic clock stood still (a sleeping machine), which are missing from
    every time in the run.
    """

    began_at_s: float
    ended_at_s: float
    asleep_s: float


class RunInfo(Record, frozen=True, kw_only=True, tag="run"):
    """On what, with what and how well a run was measured.

    Fields:
        started_at: wall clock, ISO 8601, UTC. parameters: the experiment's arguments.
        partial: cancelled or interrupted, and the records are what was seen until then; or see `losses`.
        measured: what was measured of the instrument itself, units in the names, such as
            `client_bytes_per_connection`.
        losses: what of the run was lost, in words: which worker of a cluster, when, and with which clients.
        ended: False in a file that is written while the run is measured, as long as it is.
        warnings: what is to be known before the result is believed, such as that no certificate was checked.
        loop_lag_*_s: how late the measuring event loop woke during the run: its own error bar.
        clock_resolution_s: of the monotonic clock.
    """

    experiment: str
    started_at: str
    duration_s: float
    partial: bool
    seed: int | None
    url: str | None
    knobs: Knobs | None
    parameters: dict[str, Any]
    versions: dict[str, str]
    platform: str
    clock_resolution_s: float
    loop_lag_p50_s: float | None
    loop_lag_p99_s: float | None
    loop_lag_max_s: float | None
    measured: dict[str, float] = {}
    losses: list[str] = []
    ended: bool = True
    warnings: list[str] = []


def since(origin_s: float, record: R) -> R:
    """Return `record` with every time in it moved from the machine's monotonic clock to seconds since `origin_s`."""
    moved = {
        name: getattr(record, name) - origin_s
        for name in record.__struct_fields__
        if name.endswith("_at_s") and getattr(record, name) is not None
    }
    return msgspec.structs.replace(record, **moved)


def closed_by(received: Close | None, sent: Close | None, *, sent_first: bool, here: ClosedBy) -> ClosedBy:
    """Say who sent the first close frame, as seen from `here` ("client" or "server"); "network" if nobody did.

    >>> closed_by(Close(code=1009), Close(code=1009), sent_first=False, here="client")
    'server'
    """
    if received is None and sent is None:
        return "network"
    there: ClosedBy = "server" if here == "client" else "client"
    return here if received is None or (sent is not None and sent_first) else there


class Kind(Generic[R]):
    """One kind of record that a run keeps. On a run it reads as the records of that kind: `run.sends`.

    Args:
        record: its class, whose tag names the kind in a file.
        row: what one record is, to complete “one row per …”.
    """

    name: str
    """The kind's plural, by which it is a property of a run, a function of `tables` and a heading of a report."""

    def __init__(self, record: type[R], row: str) -> None:
        self.record = record
        self.row = row

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, run: None, owner: type) -> Self: ...
    @overload
    def __get__(self, run: Kinds, owner: type) -> tuple[R, ...]: ...
    def __get__(self, run: Kinds | None, owner: type) -> Self | tuple[R, ...]:
        if run is None:
            return self
        return tuple(record for record in run.records if isinstance(record, self.record))


class Kinds:
    """The one table of the kinds of records that a run keeps, in the order in which a report lists them.

    A new kind is its record, above or in the room that emits it, and a line here. From this line derive what a file may
    hold, the property of a `Run`, the function of `wslab.views.tables` with the columns that follow from the record's
    fields, its list in a report, and the tests that offer hostile and random records. A field may be a number, a text,
    a truth, a `Literal` of texts, a `Close`, a `Knobs`, a list or a dict of these; each may be None.
    """

    __slots__ = ()
    records: tuple[Record, ...]

    sends = Kind(Send, "message offered to a server")
    closures = Kind(Closure, "connection that ended, as its client saw it")
    receipts = Kind(Receipt, "message that came from a server")
    pings = Kind(Ping, "ping, with its pong if one came")
    pongs = Kind(Pong, "pong that no ping had asked for")
    traces = Kind(Trace, "connection in a capture")
    statements = Kind(Statement, "text of a product that speaks of a connection")
    attempts = Kind(Attempt, "try at a TCP connection plus opening handshake")
    outages = Kind(Outage, "outage of a client: its closure, its attempts, its reopening if there was one")
    restarts = Kind(Restart, "restart of the server")
    accounts = Kind(Account, "connection in the server's own account")
    frames = Kind(Frame, "frame that went through a relay")
    injections = Kind(Injection, "fault of a relay that was switched on or off")
    footprints = Kind(Footprint, "moment at which a server's memory was measured")
    sightings = Kind(Sighting, "message over the limit that a client under observation sent, and what it was told")
    pauses = Kind(Pause, "while in which the observer itself did not run")
    notices = Kind(Notice, "event of a page's WebSocket, or exception that a call threw, in the order told")


KINDS: tuple[Kind[Any], ...] = tuple(kind for kind in vars(Kinds).values() if isinstance(kind, Kind))
