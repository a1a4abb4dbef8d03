"""One trial of a server's limit: what is sent, what was seen, and what that proves.

What "accepted" means is not on the wire, so it is inferred, by this table and by nothing else. The *baseline*
is what the server does with a message of one byte.

| seen after the message                          | baseline                | reading              |
|-------------------------------------------------|-------------------------|----------------------|
| its echo, whole                                 | echoes                  | `accepted`           |
| the connection ended with the baseline's code,  | ends after each message | `accepted`           |
| and was answered as the baseline was            |                         |                      |
| close frame with a code                         | any other               | `close_frame`        |
| close frame without one                         | any other               | `empty_close_frame`  |
| end of TCP without a close frame                | any other               | `no_close_frame`     |
| a message of the server's own                   | answers with its own    | `accepted`           |
| a pong, and no answer                           | never answers           | `accepted`           |
| a pong, and no answer                           | echoes or answers       | `silent_drop`        |
| neither, TCP open                               | answers or pongs        | `held_open`          |
| neither, TCP open                               | neither                 | `accepted`, see below|
| after a header alone: nothing                   | any                     | `accepted`, so far   |

An end of the connection is evidence at once. Silence is evidence only as far as the wait was long enough: the
search repeats it with more patience before it counts. A server that never answers cannot be told from one that drops
messages in silence, and one that does not pong either shows nothing but an open connection; the verdict
says so.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from wslab.core.limits.deflate import deflated, padded
from wslab.core.limits.verdicts import AfterRefusal, Failure, OverLimit, Refusal
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
]
"""How a size is offered.

announced: a frame header that announces it, without payload. announced_in_fragments: a fragment of one byte, then the
header of the rest. frame: a message in one frame. fragments: a message in small fragments. deflated: a compressed
message of this size after inflation. padded: a compressed message of this size on the wire, one byte after inflation.
opening: a new connection, and nothing on it but a ping. nothing: a ping. again: a message on the connection of the
trial before, whatever its state.
"""

Content = Literal["text", "wide_text", "binary"]
"""text: one byte a character. wide_text: two bytes a character."""

Reading = Literal["accepted"] | OverLimit


class Baseline(msgspec.Struct, frozen=True, kw_only=True):
    """What a server does with a message of one byte.

    Fields:
        content: the kind of message that it takes.
        replies: "echo", "own" (messages of its own), "none"; None: not known yet.
        greetings: messages that it sends at the opening, before it was sent any.
        pongs: it answers pings.
        ends: the close code that an application sees after each message; None: the connection goes on.
    """

    content: Content = "text"
    replies: Literal["echo", "own", "none"] | None = None
    greetings: int = 0
    pongs: bool = True
    ends: int | None = None


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What to send next.

    Fields:
        payload_bytes: of the message, after UTF-8 encoding; see `Form` for compressed ones.
        fragment_bytes: the largest fragment, for the form "fragments".
        patience: factor on every wait for silence.
        evidence: the message's fate is part of the answer: study what follows a refusal, and count its
            bytes apart from those of searching.
    """

    form: Form
    payload_bytes: int = 0
    content: Content = "text"
    baseline: Baseline = Baseline()
    fragment_bytes: int = 0
    patience: int = 1
    evidence: bool = False

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


class Observation(msgspec.Struct, frozen=True, kw_only=True):
    """What was seen from the trial's first byte until it was settled or the wait was over.

    Fields:
        echoed_bytes: payload received that repeats what was sent. own_messages: other data messages.
        pong: the ping behind the message was answered.
        close: the close frame received; close_frame_hex: its bytes, header included.
        tcp_ended: by the server, orderly or not.
        after_refusal: what followed, where the trial was evidence. reads_on_briefly: it drained for a moment, then
            closed TCP by itself.
        deflate: the connection has permessage-deflate.
        failure: no such trial could be made, and no further one can.
    """

    echoed_bytes: int = 0
    own_messages: int = 0
    pong: bool = False
    close: Close | None = None
    close_frame_hex: str | None = None
    tcp_ended: bool = False
    after_refusal: AfterRefusal | None = None
    reads_on_briefly: bool = False
    deflate: bool = False
    failure: Failure | None = None

    @property
    def close_code(self) -> int | None:
        """What an application is told: 1005 for an empty close frame, 1006 for none; None while open."""
        if self.close is not None:
            return self.close.code
        return 1006 if self.tcp_ended else None


def read(trial: Trial, observation: Observation) -> Reading:
    """Return what `observation` proves about `trial`, by the module's table.

    >>> trial = Trial(form="frame", payload_bytes=9, baseline=Baseline(replies="echo"))
    >>> read(trial, Observation(echoed_bytes=9)), read(trial, Observation(pong=True))
    ('accepted', 'silent_drop')
    """
    baseline = trial.baseline
    echoed = 0 < trial.echo_bytes <= observation.echoed_bytes
    if baseline.replies == "echo" and echoed and not trial.is_announcement:
        return "accepted"
    answered = baseline.replies in (None, "none") or (baseline.replies == "own" and observation.own_messages > 0)
    if observation.close_code is not None:
        as_ever = observation.close_code == baseline.ends and answered and not trial.is_announcement
        return "accepted" if as_ever else _how_it_ended(observation)
    if trial.is_announcement:
        return "accepted"
    if baseline.replies == "own" and answered:
        return "accepted"
    if baseline.ends is not None:
        return "held_open"
    return _read_silence(baseline, observation)


def refusal_of(observation: Observation, over_limit: OverLimit | None = None) -> Refusal:
    """Return how a trial was refused; `over_limit` where no end of the connection says it."""
    return Refusal(
        over_limit=over_limit or _how_it_ended(observation),
        close_code=observation.close_code,
        close_reason=observation.close.reason if observation.close else None,
        close_frame_hex=observation.close_frame_hex,
        after_refusal=observation.after_refusal,
        reads_on_briefly=observation.reads_on_briefly,
    )


def _how_it_ended(observation: Observation) -> OverLimit:
    if observation.close is None:
        return "no_close_frame"
    return "empty_close_frame" if observation.close.code == 1005 else "close_frame"  # RFC 6455 §7.1.5


def _read_silence(baseline: Baseline, observation: Observation) -> Reading:
    never_answers = baseline.replies in (None, "none")
    if observation.pong or not baseline.pongs:
        return "accepted" if never_answers else "silent_drop"
    return "held_open"
