"""No refusal counts without its control.

A closure after a bigger message may have another reason than its size: the rate, the time, a count, the content,
chance, a restart. So a refusal is held against trials that differ from it in one thing only:

1. The same message, first on a connection of its own: where it passes, something before it was the reason.
2. A small message in the same circumstances, in the time that the refused one took: where it is closed too, size was
   not the reason.
3. The same size in other words, where the server had seen the words before it refused: where they pass, it was these.
4. Once it is found, the largest size that passes and the smallest that does not, one byte apart, again and in another
   order; and once more at the very end.

A kind of refusal that has passed 1 to 3 is not held against them again; 4 is never left out. Where a control fails,
`wslab.core.limits.causes` finds out what the reason was, and the search starts over in a manner that avoids it.
"""

from __future__ import annotations

import re
from typing import Any

from wslab.core.limits.causes import closes_on_content, diagnose
from wslab.core.limits.doubts import Doubt
from wslab.core.limits.inquiry import LONG_S, PATIENT, Inquiry, Steps
from wslab.core.limits.timeouts import while_sending, while_waiting, without_the_clock
from wslab.core.limits.trials import Content, Ending, Form, Observation, Reading, Trial

MAX_CONTROL_BYTES = 2**16

_DIGITS = re.compile(r"\d+")


def weigh(
    inquiry: Inquiry, form: Form, payload_bytes: int, *, fragment_bytes: int | None = None, **how: Any
) -> Steps[tuple[Observation, Reading]]:
    """Ask, and hold a refusal against its control before it counts.

    Raises:
        Reconsidered: it was not for the size; the search starts over.
    """
    how["fragment_bytes"] = fragment_bytes
    observation, reading = yield from tried(inquiry, form, payload_bytes, **how)
    observation, reading = yield from _without_ping(inquiry, form, payload_bytes, how, observation, reading)
    yield from _heed_endings(inquiry)
    if form == "frame" and how.get("content") is None:
        yield from _heed_contradiction(inquiry, payload_bytes, observation, reading)
    kind = kind_of_refusal(observation, reading)
    came_after_s = observation.took_s if observation.close_code is not None else 0.0  # silence lasts as we wait
    if reading == "accepted" or inquiry.is_controlled(kind, came_after_s):
        return observation, reading
    will_be_repeated = form == "frame" and how.get("purpose") == "evidence"  # by control 4
    if observation.nth > 1 and not will_be_repeated:
        suspect = observation
        observation, reading = yield from tried(inquiry, form, payload_bytes, **{**how, "fresh": True})
        if reading == "accepted":
            yield from diagnose(inquiry, Doubt.of(payload_bytes, suspect, passes=True))
        kind = kind_of_refusal(observation, reading)
    if not will_be_repeated or observation.took_s > LONG_S:
        yield from small_passes(inquiry, payload_bytes, observation)
    if form == "frame" and inquiry.terms.is_filler and not observation.header_only:
        yield from _other_words_do_not(inquiry, payload_bytes, observation)
    inquiry.controlled[kind] = came_after_s
    return observation, reading


def _without_ping(
    inquiry: Inquiry, form: Form, payload_bytes: int, how: dict[str, Any], observation: Observation, reading: Reading
) -> Steps[tuple[Observation, Reading]]:
    """A closure that came only once a ping was sent may be due to the ping: ask again without."""
    if reading == "accepted" or observation.close_code is None or not observation.pinged:
        return observation, reading
    return (yield from tried(inquiry, form, payload_bytes, **{**how, "fresh": True, "pings": False}))


def _heed_contradiction(inquiry: Inquiry, payload_bytes: int, seen: Observation, reading: Reading) -> Steps[None]:
    """A message that passes, where a smaller one was closed before, says that size was not why."""
    if reading != "accepted":
        if seen.close_code is not None:
            inquiry.closed.setdefault(payload_bytes, seen)
        return
    smaller = [size for size in inquiry.closed if size <= payload_bytes]
    if smaller:
        yield from diagnose(inquiry, Doubt.of(smaller[0], inquiry.closed[smaller[0]]))


def tried(inquiry: Inquiry, form: Form, payload_bytes: int, **how: Any) -> Steps[tuple[Observation, Reading]]:
    """Ask as often as it takes for chance to be no explanation."""
    for _ in range(inquiry.manner.tries):
        observation, reading = yield from inquiry.ask(form, payload_bytes, **how)
        reading = without_the_clock(inquiry, Trial(form=form), observation, reading)
        if reading == "accepted":
            break
    return observation, reading


def kind_of_refusal(observation: Observation, reading: Reading) -> tuple[object, ...]:
    """Return what refusals of one kind have in common: how they read, their code, their reason without its numbers."""
    return reading, observation.close_code, _DIGITS.sub("#", observation.close_reason)


def small_passes(inquiry: Inquiry, payload_bytes: int, refused: Observation) -> Steps[None]:
    """Control 2; `refused` was the first message of its connection.

    Raises:
        Reconsidered, Stopped: a small message is closed too.
    """
    inquiry.asked += 1
    takes_s = refused.took_s if refused.close_code is not None and refused.took_s > LONG_S else 0.0
    size = max(inquiry.small_bytes, min(inquiry.evidence.accepted_bytes, MAX_CONTROL_BYTES)) if takes_s else 0
    for circumstances in ({"takes_s": 1.1 * takes_s}, {"grace_s": 1.2 * takes_s}) if takes_s else ({},):
        if circumstances.get("takes_s") and size < 2:
            continue
        small = size if "takes_s" in circumstances else inquiry.small_bytes
        observation, reading = yield from tried(
            inquiry, "frame", small, fresh=True, patience=PATIENT, purpose="control", **circumstances
        )
        if reading == "accepted":
            continue
        if takes_s and observation.close_code is not None and observation.took_s > takes_s / 2:
            if "takes_s" in circumstances and (yield from _lives_idle(inquiry, observation)):
                while_sending(inquiry, observation)
            yield from while_waiting(inquiry, observation)
        yield from diagnose(inquiry, Doubt.of(payload_bytes, refused, also=observation))


def _lives_idle(inquiry: Inquiry, slow: Observation) -> Steps[bool]:
    """Whether a connection that carries a small message only lives longer than the slow one did."""
    _, reading = yield from tried(
        inquiry, "frame", inquiry.small_bytes, fresh=True, grace_s=1.2 * slow.age_s, purpose="control"
    )
    return reading == "accepted"


def _other_words_do_not(inquiry: Inquiry, payload_bytes: int, refused: Observation) -> Steps[None]:
    """Control 3; each message is waited for as long as the refusal took."""
    usual = inquiry.baseline.content
    # JSON costs a connection more, which is not needed where the code itself says that it was size.
    others: tuple[Content, ...] = ("varied_text",) if refused.close_code == 1009 else ("varied_text", "json_text")
    for other in others:
        if other == usual:
            continue
        passed: list[bool] = []
        for content in (
            other,
            usual,
            usual,
            other,
            other,
            usual,
        ):  # not by turns, as servers behind one address may come
            again, reading = yield from tried(
                inquiry,
                "frame",
                payload_bytes,
                content=content,
                fresh=True,
                purpose="control",
                grace_s=2 * refused.took_s + 0.02 if refused.close_code is not None else 0.0,
            )
            passed.append(reading == "accepted")
            if passed[-1] is (content == usual):  # the words make no difference
                break
        else:
            closes_on_content(inquiry, payload_bytes, again, other)
        if any(passed):
            yield from diagnose(inquiry, Doubt.of(payload_bytes, again, passes=True))


def _heed_endings(inquiry: Inquiry) -> Steps[None]:
    """A connection that ends once its message is answered is seen only by a trial that waits for it."""
    while inquiry.endings:
        ending = inquiry.endings.pop()
        kind = ("ended", ending.close_code, _DIGITS.sub("#", ending.close_reason))
        if kind in inquiry.controlled or inquiry.baseline.ends is not None or inquiry.manner.fresh:
            continue
        inquiry.controlled[kind] = ending.idle_s
        yield from _control_ending(inquiry, ending)


def _control_ending(inquiry: Inquiry, ending: Ending) -> Steps[None]:
    grace_s = max(0.1, 2 * ending.idle_s)
    again, reading = yield from tried(
        inquiry, "frame", ending.payload_bytes, fresh=True, grace_s=grace_s, purpose="control"
    )
    if reading != "accepted":
        small, reading = yield from tried(
            inquiry,
            "frame",
            inquiry.small_bytes,
            fresh=True,
            grace_s=1.2 * max(grace_s, again.took_s),
            purpose="control",
        )
        if reading == "accepted":  # it answers, and then closes, for the size's sake: wait for that from now on
            inquiry.evidence.accepted_bytes = inquiry.small_bytes
            inquiry.adopt(grace_s=grace_s)
        yield from while_waiting(inquiry, small)
    yield from diagnose(inquiry, Doubt.ended(ending))
