"""How a server behaves towards a message that is surely not too big: the yardstick of the search."""

from __future__ import annotations

import re

from msgspec.structs import replace

from wslab.core.limits.inquiry import Inquiry, Steps, Stopped
from wslab.core.limits.trials import Baseline, Content, Observation, refusal_of
from wslab.core.limits.verdicts import Failure

UNHURRIED = 10
"""Patience with first answers: a late one costs the knowledge that the server answers at all."""

_ORDERLY_ENDS = (1000, 1005)
_UNWELCOME = (1002, 1003, 1007, 1008)
_SUBPROTOCOL_NOT_ACCEPTABLE = 4406  # enisdenjo/graphql-ws, PROTOCOL.md
_SUBPROTOCOL = re.compile(r"sub-?protocol", re.IGNORECASE)


def calibrate(inquiry: Inquiry) -> Steps[None]:
    """Learn which messages of one byte pass, what answers them, and whether fragments are taken at all.

    Raises:
        Stopped: no message of one byte passes.
    """
    content, observation = yield from _first_words(inquiry)
    echoes = observation.echoed_bytes > 0
    inquiry.baseline = Baseline(
        content=content, replies="echo" if echoes else "none", pongs=observation.pong, ends=observation.close_code
    )
    if not echoes and (observation.own_messages or inquiry.baseline.ends is not None):
        yield from _weigh_against_silence(inquiry)
    inquiry.evidence.accepted_bytes = 1
    inquiry.evidence.always_answers = inquiry.baseline.replies != "none"
    _, reading = yield from inquiry.ask("fragments", 1)
    inquiry.takes_fragments = reading == "accepted"


def _first_words(inquiry: Inquiry) -> Steps[tuple[Content, Observation]]:
    """Find a kind of message that passes; an orderly end after it is this server's manner, not a refusal."""
    contents: tuple[Content, ...] = ("text", "binary")
    for content in contents:
        observation, _ = yield from inquiry.ask("frame", 1, content=content, patience=UNHURRIED)
        if observation.close_code is None or observation.echoed_bytes or observation.close_code in _ORDERLY_ENDS:
            return content, observation
        if content == "text":
            refused = observation
    inquiry.evidence.refused_bytes = 1
    inquiry.evidence.refusal = refusal_of(refused)
    raise Stopped(_why_refused(refused))


def _weigh_against_silence(inquiry: Inquiry) -> Steps[None]:
    """Tell answers, and an end after a message, from what the server does on a connection left alone."""
    opening, _ = yield from inquiry.ask("opening", patience=UNHURRIED)
    if opening.close_code is not None:
        raise Stopped(_why_refused(opening, "before it was sent anything"))
    inquiry.baseline = replace(inquiry.baseline, greetings=opening.own_messages)
    answer, _ = yield from inquiry.ask("frame", 1, patience=UNHURRIED)
    unasked = 0
    if inquiry.baseline.ends is None:
        silence, _ = yield from inquiry.ask("nothing", patience=UNHURRIED)
        unasked = silence.own_messages
    if answer.own_messages and not unasked:
        inquiry.baseline = replace(inquiry.baseline, replies="own")


def _why_refused(observation: Observation, when: str = "on a message of one byte") -> Failure:
    code, reason = observation.close_code, observation.close.reason if observation.close else ""
    said = f"The server closes with {code}{f' “{reason}”' if reason else ''} {when}"
    if _SUBPROTOCOL.search(reason) or code == _SUBPROTOCOL_NOT_ACCEPTABLE:
        return Failure(status="needs_subprotocol", explanation=f"{said}: it wants another subprotocol.")
    if code in _UNWELCOME or (code is not None and 3000 <= code <= 4999):
        return Failure(
            status="needs_greeting",
            explanation=f"{said}, which is no statement about size: it may want a greeting, or other content, first.",
        )
    return Failure(status="refuses_everything", explanation=f"{said}: no message passes.")
