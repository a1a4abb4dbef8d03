"""How a server behaves towards a message that is surely not too big: the yardstick of the search."""

from __future__ import annotations

import re
from typing import Any

from msgspec.structs import replace

from wslab.core.limits.controls import weigh
from wslab.core.limits.doubts import how_closed, keep, stopped_by
from wslab.core.limits.inquiry import LONG_S, Inquiry, Steps, Stopped
from wslab.core.limits.likeness import finest_grain, kind_of, says_no
from wslab.core.limits.proofs import refusal_of
from wslab.core.limits.trials import Content, Observation, Trial
from wslab.core.limits.verdicts import Failure

SLOW = 60
"""Patience with a server that gives neither pong nor answer: it may be busy with the message for seconds."""

LATE_ANSWER_S = 3.0
"""How long a first answer is waited for; a server that takes longer looks like one that never answers."""

JSON_BYTES = 16
"""Of a message that is an object in JSON."""

UNHURRIED = 10
"""Patience with first answers: a late one costs the knowledge that the server answers at all."""

_LISTENINGS = 3
"""How often a server that speaks unasked is listened to, to learn what it says."""

_ORDERLY_ENDS = (1000, 1005)
_UNWELCOME = (1002, 1003, 1007, 1008)
_SUBPROTOCOL_NOT_ACCEPTABLE = 4406  # enisdenjo/graphql-ws, PROTOCOL.md
_SUBPROTOCOL = re.compile(r"sub-?protocol", re.IGNORECASE)


def calibrate(inquiry: Inquiry) -> Steps[None]:
    """Learn which small messages pass, what answers them, and whether fragments are taken at all.

    Raises:
        Stopped: no small message passes.
    """
    evidence = inquiry.evidence
    if not evidence.accepted_bytes:
        yield from _meet(inquiry)
    _, reading = yield from weigh(inquiry, "fragments", inquiry.small_bytes)
    inquiry.takes_fragments = reading == "accepted"


def _meet(inquiry: Inquiry) -> Steps[None]:
    evidence = inquiry.evidence
    content, observation = yield from _first_words(inquiry)
    if observation.close_code is None and not (observation.echoed_bytes or observation.own_messages):
        observation = yield from _late_words(inquiry, content, observation)
    ends = observation.close_code
    if ends is not None and observation.age_s > LONG_S and (yield from _by_the_clock(inquiry, observation)):
        ends = None
    echoes = observation.echoed_bytes > 0
    inquiry.baseline = replace(
        inquiry.baseline,
        content=content,
        replies="echo" if echoes else "none",
        pongs=observation.pong,
        ends=ends,
        ends_invalidly=bool(observation.close_fault),
    )
    if ends is not None:
        how = how_closed(observation.close_code, observation.close_reason)
        if observation.close_fault:
            how = f"it closes with an invalid frame, {observation.close_frame_hex} ({observation.close_fault})"
        evidence.remarks.append(f"After each message {how}.")
    if not echoes and (observation.own_messages or inquiry.baseline.ends is not None):
        yield from _weigh_against_silence(inquiry)
    if inquiry.always_says_no and inquiry.terms.is_filler:
        yield from _try_json(inquiry)
    evidence.accepted_bytes = inquiry.small_bytes
    evidence.always_answers = inquiry.baseline.replies != "none"


def _first_words(inquiry: Inquiry) -> Steps[tuple[Content, Observation]]:
    """Find a kind of message that passes; an orderly end after it is this server's manner, not a refusal."""
    size = inquiry.small_bytes
    refused: list[Observation] = []
    for content in (*inquiry.terms.contents, inquiry.terms.contents[0]):  # the first again: once may be chance
        observation, _ = yield from inquiry.ask("frame", size, content=content, patience=UNHURRIED)
        orderly = observation.close_code in _ORDERLY_ENDS and not observation.close_fault
        if observation.close_code is None or observation.echoed_bytes or orderly:
            return content, observation
        refused.append(observation)
    if inquiry.terms.is_filler and refused[0].close_code in _UNWELCOME:
        observation, _ = yield from inquiry.ask("frame", JSON_BYTES, content="json_text", patience=UNHURRIED)
        if observation.close_code is None:
            _speak_json(inquiry, f"of another kind {how_closed(refused[0].close_code, refused[0].close_reason)}")
            return "json_text", observation
    opening, _ = yield from inquiry.ask("opening", patience=UNHURRIED)
    if opening.close_code == refused[0].close_code and min(opening.age_s, refused[0].age_s) > LONG_S / 2:
        return (yield from _hurried(inquiry, opening))
    inquiry.evidence.refused_bytes = size
    inquiry.evidence.refusal = refusal_of(Trial(form="frame", payload_bytes=size), refused[0])
    if opening.close_code is not None:
        raise Stopped(_unasked(inquiry, opening))
    raise Stopped(_why_refused(inquiry, refused[0]))


def _late_words(inquiry: Inquiry, content: Content, prompt: Observation) -> Steps[Observation]:
    """Wait for longer than a pong takes: a server may work for seconds on each message."""
    patience = UNHURRIED if prompt.pong else SLOW
    how: dict[str, Any] = {"content": content, "fresh": True, "patience": patience, "answer_within_s": LATE_ANSWER_S}
    slow, _ = yield from inquiry.ask("frame", inquiry.small_bytes, **how)
    if slow.close_code is not None:
        return prompt
    if slow.echoed_bytes or slow.own_messages:
        inquiry.late_s = min(LATE_ANSWER_S, 1.5 * slow.took_s)
    return slow


def _by_the_clock(inquiry: Inquiry, seen: Observation) -> Steps[bool]:
    """Whether a connection on which nothing is sent is closed as one was after a message, at that age."""
    opening, _ = yield from inquiry.ask("opening", fresh=True, patience=UNHURRIED, grace_s=1.2 * seen.age_s)
    if opening.close_code != seen.close_code:
        return False
    age_s = min(opening.age_s, seen.age_s)
    said = f"a connection on which nothing is sent is closed {age_s:.2f} s after it was opened."
    keep(inquiry, "time", "age_s", round(age_s, 2), said, opening)
    return True


def _hurried(inquiry: Inquiry, opening: Observation) -> Steps[tuple[Content, Observation]]:
    """The clock closes every connection before a message on it has been waited for: wait less."""
    said = f"a connection on which nothing is sent is closed {opening.age_s:.2f} s after it was opened."
    clock = keep(inquiry, "time", "age_s", round(opening.age_s, 2), said, opening)
    content = inquiry.baseline.content
    observation, _ = yield from inquiry.ask("frame", inquiry.small_bytes)
    if observation.close_code is not None:
        raise stopped_by(clock, "No message gets an answer before that.")
    return content, observation


def _weigh_against_silence(inquiry: Inquiry) -> Steps[None]:
    """Tell answers, and an end after a message, from what the server does on a connection left alone."""
    opening, _ = yield from inquiry.ask("opening", patience=UNHURRIED)
    if opening.close_code is not None:
        raise Stopped(_unasked(inquiry, opening))
    inquiry.baseline = replace(inquiry.baseline, greetings=opening.own_messages)
    answer, _ = yield from inquiry.ask("frame", inquiry.small_bytes, patience=UNHURRIED)
    unasked, speaks = [*opening.replies], False
    if inquiry.baseline.ends is None:
        for _ in range(_LISTENINGS):
            silence, _ = yield from inquiry.ask("nothing", patience=UNHURRIED)
            if not silence.own_messages:
                break
            speaks = True
            unasked += silence.replies
    inquiry.baseline = replace(inquiry.baseline, usual=" ".join([*answer.replies, *unasked]))
    if speaks:
        answer = yield from _answer_in_chatter(inquiry, unasked)
    if answer.own_messages:
        yield from _learn_answer(inquiry, answer)


def _answer_in_chatter(inquiry: Inquiry, unasked: list[str]) -> Steps[Observation]:
    """Ask again, with an ear for what the server does not say unasked: twice, for its chatter may vary."""
    inquiry.evidence.speaks_unasked = True
    inquiry.baseline = replace(
        inquiry.baseline, chatter=frozenset(kind_of(said, "words") for said in unasked), greetings=0
    )
    silence, _ = yield from inquiry.ask("nothing", patience=UNHURRIED)
    answer, _ = yield from inquiry.ask("frame", inquiry.small_bytes, patience=UNHURRIED)
    again, _ = yield from inquiry.ask("frame", inquiry.small_bytes, patience=UNHURRIED)
    is_answer = answer.own_messages and again.own_messages and not silence.own_messages
    if not is_answer:
        inquiry.baseline = replace(inquiry.baseline, chatter=frozenset())
        return replace(answer, own_messages=0, replies=())
    return answer


def _try_json(inquiry: Inquiry) -> Steps[None]:
    """It says no to a letter; where it does not to an object in JSON, that is what it is asked with from now on."""
    no = inquiry.baseline.answer or ""
    usual = replace(inquiry.baseline, usual="", answer=None)
    inquiry.baseline = replace(usual, content="json_text", replies=None)
    seen, _ = yield from inquiry.ask("frame", JSON_BYTES, patience=UNHURRIED)
    answers = bool(seen.replies) and not says_no(seen.replies[0], unlike=None)
    if seen.close_code is not None or not (answers or seen.echoed_bytes):
        inquiry.baseline = replace(usual, usual=no, answer=no)
        return
    inquiry.always_says_no = False
    inquiry.evidence.remarks.pop()  # which said that it rejects everything
    _speak_json(inquiry, f"it answers others with “{no}”")
    if seen.echoed_bytes:
        inquiry.baseline = replace(inquiry.baseline, replies="echo")
    else:
        yield from _learn_answer(inquiry, seen)


def _speak_json(inquiry: Inquiry, said: str) -> None:
    inquiry.small_bytes = JSON_BYTES
    inquiry.evidence.remarks.append(f"The messages are objects in JSON, since {said}.")


def _learn_answer(inquiry: Inquiry, answer: Observation) -> Steps[None]:
    """Learn how an answer looks, and how much of it is the same for the same message."""
    again = answer
    if inquiry.baseline.ends is None:
        again, _ = yield from inquiry.ask("frame", inquiry.small_bytes, patience=UNHURRIED)
    grain = finest_grain([answer.replies[:1], again.replies[:1]])
    text = answer.replies[0] if answer.replies else ""
    usual = f"{inquiry.baseline.usual} {' '.join(again.replies)}"
    inquiry.baseline = replace(inquiry.baseline, replies="own", answer=text, grain=grain, usual=usual)
    if says_no(text, unlike=None):
        inquiry.always_says_no = True
        inquiry.evidence.remarks.append(
            f"It answers even a message of {_bytes(inquiry.small_bytes)} with “{text}”: if that refuses its content, "
            "give the probe a message that the server takes; what is said of size holds for messages that it rejects."
        )


def _bytes(count: int) -> str:
    return "one byte" if count == 1 else f"{count:,} bytes"


def _unasked(inquiry: Inquiry, opening: Observation) -> Failure:
    return _why_refused(inquiry, opening, f"{opening.age_s:.2f} s after the opening, when it was sent nothing")


def _why_refused(inquiry: Inquiry, observation: Observation, when: str | None = None) -> Failure:
    size = inquiry.small_bytes
    when = when or f"on a message of {_bytes(size)}"
    code, reason = observation.close_code, observation.close_reason
    said = f"The server closes with {code}{f' “{reason}”' if reason else ''} {when.rstrip(',')}"
    if observation.close_fault:
        frame = f"{observation.close_frame_hex} ({observation.close_fault})"
        said = f"The server closes with an invalid frame, {frame}, {when.rstrip(',')}"
        return Failure(status="breaks_protocol", explanation=f"{said}: nothing was accepted.")
    if _SUBPROTOCOL.search(reason) or code == _SUBPROTOCOL_NOT_ACCEPTABLE:
        return Failure(status="needs_subprotocol", explanation=f"{said}: it wants another subprotocol.")
    if code in _UNWELCOME or (code is not None and 3000 <= code <= 4999):
        return Failure(
            status="needs_greeting",
            explanation=f"{said}, which is no statement about size: it may want a greeting, or other content, first.",
        )
    return Failure(status="refuses_everything", explanation=f"{said}: no message passes.")
