"""One trial of a server's limit: what is sent, and what was seen. What that proves: `wslab.core.limits.proofs`."""

from __future__ import annotations

from typing import Literal

import msgspec

from wslab.core.limits.deflate import deflated, padded
from wslab.core.limits.likeness import Grain
from wslab.core.limits.verdicts import Failure, OverLimit
from wslab.core.records import Close

Form = Literal[
    "announced",
    "announced_in_fragments",
    "frame",
    "fragments",
    "deflated",
    "padded",
    "opening",
    "nothing",
    "again",
    "series",
    "overrun",
]
"""How a size is offered.

announced: a frame header that announces it, without payload. announced_in_fragments: a fragment of one byte, then the
header of the rest. frame: a message in one frame. fragments: a message in small fragments. deflated: a compressed
message of this size after inflation. padded: a compressed message of this size on the wire, one byte after inflation.
opening: a new connection, and nothing on it but a ping. nothing: a ping. again: a message on the connection of the
trial before, whatever its state. series: as many messages of this size as `count` says, one after another. overrun: the
message, and behind it `overrun_bytes` of further ones, no matter what the server says.
"""

Content = Literal["text", "wide_text", "varied_text", "json_text", "binary"]
"""text: one byte a character. wide_text: two bytes a character. varied_text: words instead of one character.
json_text: an object in JSON, where there is room for one, else a number.
"""

Reading = Literal["accepted"] | OverLimit


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """What a server does with a small message.

    Fields:
        content: the kind of message that it takes.
        replies: "echo", "own" (messages of its own), "none"; None: not known yet.
        greetings: messages that it sends at the opening, before it was sent any.
        pongs: it answers pings.
        ends: the close code that an application sees after each message; None: the connection goes on.
            ends_invalidly: by a close frame that nobody may send.
        answer: its answer to such a message, where it has one of its own.
        usual: what else it says, answer or not, in which words of refusal mean nothing.
        chatter: kinds (`likeness.kind_of`, by words) of what it says unasked, such as heartbeats: no answers.
        grain: how finely its answers are to be compared.
    """

    content: Content = "text"
    replies: Literal["echo", "own", "none"] | None = None
    greetings: int = 0
    pongs: bool = True
    ends: int | None = None
    ends_invalidly: bool = False
    answer: str | None = None
    usual: str = ""
    chatter: frozenset[str] = frozenset()
    grain: Grain = "words"

    def with_content(self, content: Content) -> Baseline:
        return msgspec.structs.replace(self, content=content)


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What to send next.

    Fields:
        payload_bytes: of each message, after UTF-8 encoding; see `Form` for compressed ones.
        fragment_bytes: the largest fragment, for the form "fragments"; in a series, 0 for whole frames.
        patience: factor on every wait for silence.
        purpose: its bytes count as searching, as evidence for the answer, or as control.
        fresh: on a connection of its own. pause_s: before it begins. source: the number of the loopback address to
            connect from; 0 leaves it to the system.
        grace_s: how long a closure is awaited after the answer. takes_s: over which the payload is spread.
        answer_within_s: how long an answer is awaited once a pong has come, or silence would mean something.
        pings: where nothing else tells, a ping may be sent behind the message.
        count, interval_s: of a series; after `rest_after` messages it rests for `rest_s`.
        overrun_bytes: of messages behind this one.
        notice: what the user should know before this trial, such as that the search slows down.
    """

    form: Form
    payload_bytes: int = 0
    content: Content = "text"
    baseline: Baseline = Baseline()
    fragment_bytes: int = 0
    patience: int = 1
    purpose: Literal["search", "evidence", "control"] = "search"
    fresh: bool = False
    pause_s: float = 0.0
    source: int = 0
    grace_s: float = 0.0
    takes_s: float = 0.0
    answer_within_s: float = 0.0
    pings: bool = True
    count: int = 1
    interval_s: float = 0.0
    rest_after: int = 0
    rest_s: float = 0.0
    overrun_bytes: int = 0
    notice: str | None = None

    @property
    def is_announcement(self) -> bool:
        return self.form.startswith("announced")

    @property
    def is_compressed(self) -> bool:
        return self.form in ("deflated", "padded")

    @property
    def echo_bytes(self) -> int:
        """How many bytes an echo of it holds."""
        return 1 if self.form == "padded" else self.payload_bytes

    def compressed_payload(self, fill: bytes) -> bytes:
        """The payload on the wire of a compressed message."""
        return (padded if self.form == "padded" else deflated)(self.payload_bytes, fill)


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a connection ended once a message on it had been answered: whatever was next is not the reason.

    Fields:
        payload_bytes, nth: of the last message on it. age_s: of the connection.
        sent_bytes: on the connection. idle_s: since the message was settled.
    """

    close_code: int
    close_reason: str = ""
    payload_bytes: int
    nth: int
    age_s: float
    sent_bytes: int
    idle_s: float = 0.0


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen from the trial's first byte until it was settled or the wait was over.

    Fields:
        echoed_bytes: payload of whole messages that repeat what was sent. own_messages: other data messages, and
            replies: what the first of them say.
        pong: the ping behind the message was answered. pinged: there was one, and the closure came later.
        close: the close frame received; close_frame_hex: its bytes, header included; close_fault: the rule that it
            breaks.
        tcp_ended: by the server, orderly or not.
        header_only: the refusal came when hardly more than the header had been sent.
        sending: in an overrun, what became of it: all was taken, sending failed, or it was blocked.
        passed: messages of a series that passed. fell_short: the next one did not: it was closed, refused in words, or
            got no answer.
        nth: which message of its connection the trial's last one was. age_s, sent_bytes: of the connection, then.
        took_s: from the first byte to what settled it. idle_s: since anything but its end had gone over the connection.
        at_s: when that was, since the search began.
        connections: opened since the search began.
        before: how the connection that the trial was to use had ended.
        deflate: the connection has permessage-deflate.
        failure: no such trial could be made.
    """

    echoed_bytes: int = 0
    own_messages: int = 0
    replies: tuple[str, ...] = ()
    pong: bool = False
    pinged: bool = False
    close: Close | None = None
    close_frame_hex: str | None = None
    close_fault: str | None = None
    tcp_ended: bool = False
    header_only: bool = False
    sending: Literal["taken", "failed", "blocked"] | None = None
    passed: int = 0
    fell_short: bool = False
    nth: int = 1
    age_s: float = 0.0
    sent_bytes: int = 0
    took_s: float = 0.0
    idle_s: float = 0.0
    at_s: float = 0.0
    connections: int = 0
    before: Ending | None = None
    deflate: bool = False
    failure: Failure | None = None

    @property
    def close_code(self) -> int | None:
        """What an application is told: 1005 for an empty close frame, 1006 for none or an invalid one; None: open."""
        if self.close is not None:
            return 1006 if self.close_fault else self.close.code
        return 1006 if self.tcp_ended else None

    @property
    def close_reason(self) -> str:
        return self.close.reason if self.close else ""
