"""The knobs of a lab server: one frozen record, checked when it is made.

Nothing here starts or changes a server; see `wslab.net.server.lab_server`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from wslab.core.arguments import check_choice, check_type
from wslab.core.bounds import MAX_REASON_BYTES, Bound, Codes, Text, check_fields

MIB = 2**20
MAX_LIMIT_BYTES = 2**30
"""The highest limit that can be set: beyond it, a lab on a laptop tests the laptop's memory, not the limit."""

AfterRefusal = Literal["drain", "reset", "hold"]
WhileDown = Literal["refuse", "unavailable", "try_again_later", "flap", "hang"]
CloseFrame = Literal["valid", "one_byte", "invalid_code", "invalid_utf8", "too_long"]

LimitBytes = Annotated[int, Bound(1, MAX_LIMIT_BYTES, "bytes", none="no limit")]
Count = Annotated[int, Bound(1, 1_000_000_000, "per connection", none="no limit")]
AdmissionsPerS = Annotated[float, Bound(0.1, 1e6, "per second", none="no limit")]
PauseS = Annotated[float, Bound(0, 600, "seconds")]
TimeoutS = Annotated[float, Bound(0.01, 86_400, "seconds", none="never")]
CloseCode = Annotated[int, Codes((*range(1000, 1004), *range(1005, 1015)))]
CloseReason = Annotated[str, Text(MAX_REASON_BYTES, "a close reason has (RFC 6455 §5.5)")]
Words = Annotated[str, Text(65_536, "a greeting or a denial has", none="none is sent")]


class Knobs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters of a lab server. Use `msgspec.structs.replace(knobs, …)` for a changed copy.

    Limits are inclusive: exactly the limit passes. If the server closes a connection, its account names the knob that
    made it do so (`wslab.core.records.Account`).

    Args:
        max_message_bytes: the largest message accepted, after reassembly and inflation. None: no limit. The default is
            that of the `websockets` library, 1 MiB.
        max_frame_bytes: the largest payload of one frame. None: no separate limit.
        compression: whether permessage-deflate (RFC 7692) is offered.
        reply: "echo" sends each message back, "sink" sends nothing, "deny" sends `denial`, a number sends that many
            bytes, to reach the *client's* limit too.
        denial: the answer of "deny" to every message, which it does not accept.
        greeting: the server's first message on each connection. None: it waits for the client.
        close_after_message: whether each connection ends after one message and its reply, with `message_close_code`.
        after_refusal: what follows the close frame of a refused message. "drain" reads on and then ends the
            connection; "reset" closes TCP with unread data, which the kernel answers with RST; "hold" keeps
            TCP open without reading on.
        restart_code: the close code of a graceful restart. 1005 sends a close frame without a code, 1006 ends TCP
            without a close frame (RFC 6455 §7.1.5), every other code is sent as it is. The same holds for all codes
            below.
        restart_reason: the close frame's reason, at most 123 bytes of UTF-8 (RFC 6455 §5.5).
        drain_s: seconds over which a graceful restart spreads its closures. 0: all at once.
        drain_batch: connections closed together within `drain_s`. None: one at a time, evenly spread.
        downtime_s: seconds from listener closed to listening again.
        while_down: the response to an opening handshake during the downtime: "refuse" (nobody listens: TCP RST),
            "unavailable" (HTTP 503), "try_again_later" (opened, then closed with 1013), "flap" (opened, then closed
            with `restart_code`, as by a server that comes up only to go down again), "hang" (no answer).
        comes_back: False: a restart never ends; the server stays down, whatever `downtime_s` says.
        retry_after_s: the Retry-After header of a refused handshake, whole seconds. None: no such header.
        handshake_status: the HTTP status that refuses every opening handshake, such as 401. None: it is opened.
        max_admissions_per_s: opening handshakes answered per second; the others wait their turn. None: no limit.
        idle_timeout_s: seconds without traffic after which a connection is closed. Messages of either side are
            traffic; the server's own pings and their pongs are not.
        idle_counts_pings: whether the client's pings count as traffic too.
        max_age_s: seconds after which a connection is closed, whatever happens on it.
        max_age_jitter_s: up to this many seconds are added to `max_age_s`, drawn evenly for each connection.
        max_messages_per_s: messages that a client may send per second. It may send a second's worth at once (at least
            one); the allowance is refilled evenly.
        max_bytes_per_s: payload bytes, after inflation, that a client may send per second, refilled likewise.
        max_connection_messages: messages accepted on one connection.
        max_connection_frames: data frames accepted on one connection.
        max_connection_bytes: payload bytes, after inflation, accepted on one connection.
        idle_close_code, idle_close_reason: close code and reason for an idle connection.
        age_close_code, age_close_reason: for a connection that has reached its maximum age.
        rate_close_code, rate_close_reason: for a client that sends too fast.
        count_close_code, count_close_reason: for a client that has sent more than a connection may carry.
        message_close_code, message_close_reason: for `close_after_message`.
        close_frame: the form of the close frames of all these knobs, and of restarts: "valid", or, to see how clients
            react, invalid: a payload of one byte, a code that must not be sent (1005), a reason that is not UTF-8, or
            more bytes than a control frame may hold.
        ping_interval_s: seconds between the server's keepalive pings. None: no pings.
        ping_timeout_s: seconds to wait for the pong before the server closes with 1011. None: no limit.
        close_timeout_s: seconds that a closing handshake may take before TCP is ended.

    Raises:
        TypeError, ValueError: a knob has the wrong type or is out of bounds; the message says which.

    >>> Knobs(downtime_s=-1)
    Traceback (most recent call last):
    ...
    wslab.core.errors.BadValueError: downtime_s is -1, but must be between 0 and 600 seconds
    """

    max_message_bytes: LimitBytes | None = MIB
    max_frame_bytes: LimitBytes | None = None
    compression: bool = False
    reply: Literal["echo", "sink", "deny"] | Annotated[int, Bound(0, MAX_LIMIT_BYTES, "bytes")] = "echo"
    after_refusal: AfterRefusal = "drain"
    restart_code: CloseCode = 1012
    restart_reason: CloseReason = "service restart"
    drain_s: PauseS = 0.0
    drain_batch: Annotated[int, Bound(1, 100_000, "connections", none="one at a time")] | None = None
    downtime_s: PauseS = 0.5
    while_down: WhileDown = "refuse"
    comes_back: bool = True
    retry_after_s: Annotated[int, Bound(0, 3600, "seconds", none="no such header")] | None = None
    max_admissions_per_s: AdmissionsPerS | None = None
    ping_interval_s: TimeoutS | None = 20.0
    ping_timeout_s: TimeoutS | None = 20.0
    close_timeout_s: Annotated[float, Bound(0.01, 60, "seconds")] = 10.0
    denial: Words = '{"error": "not accepted"}'
    greeting: Words | None = None
    close_after_message: bool = False
    handshake_status: Annotated[int, Bound(400, 599, "(an HTTP status)", none="it is opened")] | None = None
    idle_timeout_s: TimeoutS | None = None
    idle_counts_pings: bool = True
    max_age_s: TimeoutS | None = None
    max_age_jitter_s: Annotated[float, Bound(0, 86_400, "seconds")] = 0.0
    max_messages_per_s: Annotated[float, Bound(0.01, 1e6, "messages per second", none="no limit")] | None = None
    max_bytes_per_s: Annotated[float, Bound(1, 1e12, "bytes per second", none="no limit")] | None = None
    max_connection_messages: Count | None = None
    max_connection_frames: Count | None = None
    max_connection_bytes: Annotated[int, Bound(1, 2**40, "bytes per connection", none="no limit")] | None = None
    idle_close_code: CloseCode = 1001
    idle_close_reason: CloseReason = "idle timeout"
    age_close_code: CloseCode = 1001
    age_close_reason: CloseReason = "maximum connection age"
    rate_close_code: CloseCode = 1008
    rate_close_reason: CloseReason = "rate limit exceeded"
    count_close_code: CloseCode = 1008
    count_close_reason: CloseReason = "connection limit exceeded"
    message_close_code: CloseCode = 1000
    message_close_reason: CloseReason = ""
    close_frame: CloseFrame = "valid"

    def __post_init__(self) -> None:
        check_fields(self)


def changed(knobs: Knobs, changes: dict[str, Any]) -> Knobs:
    """Return a copy of `knobs` with `changes`; for an unknown name, ValueError suggests the nearest ones."""
    check_type("knobs", knobs, Knobs, "Knobs; write single knobs by name, such as max_message_bytes=1024")
    for name in changes:
        check_choice("knob", name, Knobs.__struct_fields__)
    return msgspec.structs.replace(knobs, **changes)
