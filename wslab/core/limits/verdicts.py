"""What a probe found out about a server's limit, as records: refusals, causes, failures, costs, the verdict.

The verdict is a record with a published schema (`verdict_schema()`). Nothing here decides what to try
(`wslab.core.limits.search`) or puts it into words (`wslab.core.limits.conclusions`).
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from wslab.core.records import Record
from wslab.core.watch.clock_verdict import ClockVerdict

SCHEMA_VERSION = 2
"""Of a verdict as JSON. 2: `closes_on`, the answers, what clients are told, and what the controls cost."""

OverLimit = Literal[
    "close_frame",
    "empty_close_frame",
    "invalid_close_frame",
    "no_close_frame",
    "other_answer",
    "silent_drop",
    "held_open",
]
AfterRefusal = Literal["drain", "reset", "hold", "varies"]
Counts = Literal["message", "frame", "both"]
Takes = Literal["text", "json", "binary"]
TextUnit = Literal["bytes", "characters"]
CompressionCounts = Literal["inflated", "wire", "both"]
FailureStatus = Literal[
    "refuses_everything",
    "needs_greeting",
    "needs_subprotocol",
    "unauthorized",
    "redirected",
    "not_a_websocket_server",
    "unreachable",
    "tls_error",
    "no_answer",
    "breaks_protocol",
    "overloaded",
    "went_away",
    "closes_on_rate",
    "closes_on_time",
    "closes_on_count",
    "closes_on_content",
    "closes_at_random",
    "cannot_tell",
    "inconsistent",
    "out_of_bounds",
    "cancelled",
]
Status = Literal["limit_found", "no_limit_below_cap"] | FailureStatus


CauseKind = Literal["rate", "time", "count", "content", "chance"]

CauseUnit = Literal[
    "messages_per_s",
    "bytes_per_s",
    "connections_per_s",
    "messages",
    "bytes",
    "frames",
    "connections",
    "age_s",
    "idle_s",
    "sending_s",
    "late_s",
    "away_s",
    "share",
]


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """Something other than size on which a server was seen to close, found by a trial in which the explanations differ.

    Fields:
        kind: "rate", "time", "count", "content", "chance".
        unit: of `number`. None where no number belongs to it.
        number: where it was seen to begin. "share": closures for each message that was no reason for one.
        close_code, close_reason: of such a closure; as in `Verdict`.
        explanation: the observation that shows it.
    """

    kind: CauseKind
    unit: CauseUnit | None = None
    number: float | None = None
    close_code: int | None = None
    close_reason: str | None = None
    explanation: str


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a search could not go on. An observation, not an error; `Verdict.status` lists the kinds."""

    status: FailureStatus
    explanation: str
    http_status: int | None = None
    retry_after_s: float | None = None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """How a message over the limit was refused; the fields are those of `Verdict`.

    `fault` is the rule that an invalid close frame breaks. `answer` is what the server said instead of closing, or
    before it closed, in words that refuse; `took_s` how long it took from the message's first byte to its refusal.
    """

    over_limit: OverLimit
    close_code: int | None = None
    close_reason: str | None = None
    close_frame_hex: str | None = None
    fault: str | None = None
    answer: str | None = None
    took_s: float = 0.0


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What a search took; the fields are those of `Verdict`."""

    connections: int = 0
    messages: int = 0
    probe_wire_bytes: int = 0
    confirmation_wire_bytes: int = 0
    control_wire_bytes: int = 0
    elapsed_s: float = 0.0


class Verdict(Record, frozen=True, kw_only=True, tag="verdict"):
    """The answer of `find_limit`: how big, of what, counted how, refused with what. None: does not apply.

    Fields:
        url: what was probed.
        status: "limit_found": the two sizes below were both shown by real messages and are one byte apart.
            "no_limit_below_cap": a message of `cap_bytes` was accepted. Everything else says why there is no full
            answer; the fields then hold what was established until then. "refuses_everything": no message of one
            byte passes. "needs_greeting": it closes on a first message that it does not know. "needs_subprotocol":
            it wants another Sec-WebSocket-Protocol. "unauthorized": HTTP 401, 403 or 407. "redirected": HTTP 3xx,
            which is not followed. "not_a_websocket_server": any other answer to the opening handshake.
            "unreachable": no address or no TCP connection. "tls_error". "no_answer": TCP opens, the handshake is not
            answered. "breaks_protocol": it sent what is no WebSocket frame. "overloaded": HTTP 429 or 503,
            close code 1013, or ever slower handshakes. "went_away": it refused connections after having been
            open, or announced its restart. "closes_on_rate", "closes_on_time", "closes_on_count",
            "closes_on_content", "closes_at_random": that, and nothing is known of a limit on size; see `closes_on`.
            "cannot_tell": its behaviour says nothing of size, such as an orderly closure after every message and no
            answer. "inconsistent": repeated trials contradict each other. "out_of_bounds": one of the probe's own
            bounds was reached, on time, bytes, frames or connections. "cancelled": by the caller.
        explanation: the finding in sentences. advice: what to do next; None where that says it.
        remarks: what a reader should know beside it.
        cap_bytes: no larger message is tried than this plus one byte.
        takes: what messages the search was made with, as the server takes no others: rows of letters, objects in
            JSON, or binary ones. None: those of the caller's template, or no message passed.
        configured_bytes: the limit that the server is said to have; from the caller.
        max_single_frame_bytes: the largest message accepted as one frame. With "no_limit_below_cap" the cap:
            it accepts at least that.
        smallest_refused_bytes: the smallest message refused as one frame.
        closes_on: what else it closes on, each shown by a control: a trial that differs in one thing only.
        answer_changes_at_bytes: the smallest message that is answered in other words than smaller ones; None where
            none is, or where answers are echoes. answer_below: what a smaller one is answered, at most 200 characters,
            as sent. answer_above: what that one is. None where the caller did not want them kept.
        max_fragmented_bytes: the largest message accepted in small fragments; None where none was refused
            below `cap_bytes`. 0: refuses any fragment. Where `counts` is None, the largest until time was up.
        counts: "message": one limit, fragments do not help. "frame": only frames are limited. "both":
            frames and messages have a limit each.
        inclusive: whether a message of exactly the configured limit passes, where that limit is known, from
            the caller or from the close reason.
        text_unit: what the limit counts in text messages.
        compression_counts: what it counts in compressed messages: "inflated", "wire" (bytes of the compressed
            frame), "both". None: no permessage-deflate, or neither is limited.
        over_limit: what happens over it. "close_frame": with a code. "empty_close_frame": without one.
            "invalid_close_frame": with one that nobody may send. "no_close_frame": TCP ends without any.
            "other_answer": it is answered in words that refuse it, and the connection lives on.
            "silent_drop": the message is ignored, the connection lives on. "held_open": TCP stays open and nothing
            is answered any more.
        close_code: what an application is told: the close frame's code, 1005 for an empty one, 1006 for none
            (RFC 6455 §7.1.5) and for an invalid one. close_reason: the close frame's, as it was on the wire.
            close_frame_hex: the frame's bytes as received.
        after_refusal: what it does while a client is still sending. "drain": it reads on. "reset": it ends TCP, and
            sending fails. "hold": it neither reads on nor ends TCP within the probe's wait. "varies": not every time
            the same.
        reading_client_told: what a client is told that reads while it sends megabytes: how often which code.
            blocking_client_told: the same of one that reads only once all is sent; 1006 where sending fails.
        http_status: of the answer to the opening handshake, where it was not 101.
        connections: TCP connections tried.
        probe_wire_bytes: bytes of the frames sent to search: headers, masks, payloads, without opening handshakes.
        messages: data messages sent, complete or not.
        confirmation_wire_bytes: the same of the real messages whose fate is the evidence for the answer.
        control_wire_bytes: the same of the controls, and of the megabytes that show what follows a refusal.
        elapsed_s: seconds from first connection to verdict.
        clocks: idle timeout and maximum age, where they were asked for (`wslab probe --clock`).
        schema_version: of this document; it grows when a field or one of its values changes its meaning.
    """

    schema_version: int = SCHEMA_VERSION
    clocks: tuple[ClockVerdict, ...] = ()
    url: str
    status: Status
    explanation: str
    advice: str | None = None
    remarks: tuple[str, ...]
    cap_bytes: int
    takes: Takes | None = None
    configured_bytes: int | None
    max_single_frame_bytes: int | None
    smallest_refused_bytes: int | None
    max_fragmented_bytes: int | None
    counts: Counts | None
    inclusive: bool | None
    text_unit: TextUnit | None
    compression_counts: CompressionCounts | None
    over_limit: OverLimit | None
    close_code: int | None
    close_reason: str | None
    close_frame_hex: str | None
    after_refusal: AfterRefusal | None
    http_status: int | None
    closes_on: tuple[Cause, ...] = ()
    answer_changes_at_bytes: int | None = None
    answer_below: str | None = None
    answer_above: str | None = None
    reading_client_told: dict[int, int] | None = None
    blocking_client_told: dict[int, int] | None = None
    connections: int
    messages: int = 0
    probe_wire_bytes: int
    confirmation_wire_bytes: int
    control_wire_bytes: int = 0
    elapsed_s: float


def verdict_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a verdict, as `--json` prints it."""
    return msgspec.json.schema(Verdict)
