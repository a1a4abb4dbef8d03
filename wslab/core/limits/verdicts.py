"""What a probe found out about a server's limit: the evidence as it grows, and the verdict.

The verdict is a record with a published schema (`verdict_schema()`). Nothing here decides what to try
(`wslab.core.limits.search`) or puts it into words (`wslab.core.limits.conclusions`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from wslab.core.records import Record

OverLimit = Literal["close_frame", "empty_close_frame", "no_close_frame", "silent_drop", "held_open"]
AfterRefusal = Literal["drain", "reset", "hold"]
Counts = Literal["message", "frame", "both"]
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
    "inconsistent",
    "out_of_bounds",
    "cancelled",
]
Status = Literal["limit_found", "no_limit_below_cap"] | FailureStatus


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """Why a search could not go on. An observation, not an error; `Verdict.status` lists the kinds."""

    status: FailureStatus
    explanation: str
    http_status: int | None = None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """How a message over the limit was refused; the fields are those of `Verdict` and, with a remark, `Observation`."""

    over_limit: OverLimit
    close_code: int | None = None
    close_reason: str | None = None
    close_frame_hex: str | None = None
    after_refusal: AfterRefusal | None = None
    reads_on_briefly: bool = False


class Costs(msgspec.Struct, frozen=True, kw_only=True):
    """What a search took; the fields are those of `Verdict`."""

    connections: int = 0
    probe_wire_bytes: int = 0
    confirmation_wire_bytes: int = 0
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
            open, or announced its restart. "inconsistent": repeated trials contradict each other. "out_of_bounds":
            the probe's own bound on time, bytes or connections was reached. "cancelled": by the caller.
        explanation: the finding in sentences.
        remarks: what a reader should know beside it.
        cap_bytes: no larger message is tried than this plus one byte.
        configured_bytes: the limit that the server is said to have; from the caller.
        max_single_frame_bytes: the largest message accepted as one frame. With "no_limit_below_cap" the cap:
            it accepts at least that.
        smallest_refused_bytes: the smallest message refused as one frame.
        max_fragmented_bytes: the largest message accepted in small fragments; None where none was refused
            below `cap_bytes` or where `counts` is None. 0: refuses any fragment.
        counts: "message": one limit, fragments do not help. "frame": only frames are limited. "both":
            frames and messages have a limit each.
        inclusive: whether a message of exactly the configured limit passes, where that limit is known, from
            the caller or from the close reason.
        text_unit: what the limit counts in text messages.
        compression_counts: what it counts in compressed messages: "inflated", "wire" (bytes of the compressed
            frame), "both". None: no permessage-deflate, or neither is limited.
        over_limit: what happens over it. "close_frame": with a code. "empty_close_frame": without one.
            "no_close_frame": TCP ends without any. "silent_drop": the message is ignored, the connection lives on.
            "held_open": TCP stays open and nothing is answered any more.
        close_code: what an application is told: the close frame's code, 1005 for an empty one, 1006 for none
            (RFC 6455 §7.1.5). close_reason: the close frame's. close_frame_hex: the frame's bytes as received.
        after_refusal: "drain": the server goes on reading. "reset": it closes TCP with unread data, and who is
            still sending meets RST. "hold": it neither reads on nor ends TCP within the probe's wait.
        http_status: of the answer to the opening handshake, where it was not 101.
        connections: TCP connections tried.
        probe_wire_bytes: bytes of the frames sent to search: headers, masks, payloads, without opening handshakes.
        confirmation_wire_bytes: the same of the real messages whose fate is the evidence for the answer.
        elapsed_s: seconds from first connection to verdict.
    """

    url: str
    status: Status
    explanation: str
    remarks: tuple[str, ...]
    cap_bytes: int
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
    connections: int
    probe_wire_bytes: int
    confirmation_wire_bytes: int
    elapsed_s: float


def verdict_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a verdict, as `--json` prints it."""
    return msgspec.json.schema(Verdict)


@dataclass(slots=True)
class Evidence:
    """What a search has established so far; complete at any moment for a verdict.

    Fields as in `Verdict`, and:
        accepted_bytes: largest real message accepted as one frame. refused_bytes: smallest one refused.
        named_bytes: sizes that close reasons named, besides those sent.
        always_answers: the server replies to messages, so that a dropped one would be noticed.
    """

    cap_bytes: int
    configured_bytes: int | None = None
    accepted_bytes: int = 0
    refused_bytes: int | None = None
    refusal: Refusal | None = None
    named_bytes: set[int] = field(default_factory=set)
    always_answers: bool = True
    max_fragmented_bytes: int | None = None
    counts: Counts | None = None
    text_unit: TextUnit | None = None
    compression_counts: CompressionCounts | None = None
    failure: Failure | None = None
    remarks: list[str] = field(default_factory=list)

    @property
    def is_settled(self) -> bool:
        """The largest accepted and the smallest refused are one byte apart."""
        return 0 < self.accepted_bytes == (self.refused_bytes or 0) - 1

    @property
    def refused_in_silence(self) -> bool:
        """No closure tells of a refusal, so that only waiting does."""
        return self.refusal is not None and self.refusal.over_limit in ("silent_drop", "held_open")

    @property
    def status(self) -> Status:
        if self.is_settled:
            return "limit_found"
        if self.refused_bytes is None and self.accepted_bytes >= self.cap_bytes:
            return "no_limit_below_cap"
        return self.failure.status if self.failure else "inconsistent"

    @property
    def inclusive(self) -> bool | None:
        """Whether the known limit itself passes; None where no known number fits what was found."""
        if not self.is_settled:
            return None
        known = self.named_bytes if self.configured_bytes is None else {self.configured_bytes}
        if self.accepted_bytes in known:
            return True
        return False if self.refused_bytes in known else None
