"""Sizes offered to a server, and what is kept of the outcome: as real messages, or announced by a header alone."""

from __future__ import annotations

from typing import NoReturn

from msgspec.structs import replace

from wslab.core.limits.controls import kind_of_refusal, small_passes, tried, weigh
from wslab.core.limits.inquiry import LONG_S, PATIENT, Inquiry, Steps
from wslab.core.limits.proofs import refusal_of
from wslab.core.limits.trials import Form, Observation, Reading, Trial


def offer(inquiry: Inquiry, payload_bytes: int) -> Steps[bool]:
    """Send a real message in one frame, unless its fate is known, and keep what it proves."""
    evidence = inquiry.evidence
    if payload_bytes <= evidence.accepted_bytes:
        return True
    if evidence.refused_bytes is not None and payload_bytes >= evidence.refused_bytes:
        return False
    observation, reading = yield from weigh(inquiry, "frame", payload_bytes, purpose="evidence", patience=PATIENT)
    if reading in ("silent_drop", "held_open") and observation.echoed_bytes:
        yield from _echo_is_cut(inquiry, payload_bytes, observation.echoed_bytes)
    if reading in ("silent_drop", "held_open"):
        reading = yield from _look_again(inquiry, observation)
    if reading == "accepted":
        evidence.accepted_bytes = payload_bytes
        return True
    if reading == "silent_drop" and observation.replies:
        evidence.remarks.append(f"In place of an answer came “{observation.replies[0]}”.")
    trial = Trial(form="frame", payload_bytes=payload_bytes, baseline=inquiry.baseline)
    evidence.refused_bytes, evidence.awaits_control = payload_bytes, True
    evidence.refusal = refusal_of(trial, observation, reading)
    inquiry.refused_by = trial, observation
    return False


def _echo_is_cut(inquiry: Inquiry, payload_bytes: int, echoed_bytes: int) -> Steps[NoReturn]:
    """An echo that is not whole is an answer, and no silence: from now on any answer will do.

    Raises:
        Reconsidered: always.
    """
    evidence, whole = inquiry.evidence, True
    for size in (echoed_bytes, echoed_bytes + 1):
        seen, _ = yield from inquiry.ask("frame", size, purpose="control", patience=PATIENT)
        whole = whole and seen.echoed_bytes == echoed_bytes
    if whole:
        evidence.echo_cut_bytes, evidence.answer_changes_at_bytes = echoed_bytes, echoed_bytes + 1
    else:
        evidence.remarks.append(f"Its echo is cut: of {payload_bytes:,} bytes {echoed_bytes:,} come back.")
    inquiry.baseline = replace(inquiry.baseline, replies="own")
    inquiry.adopt("Any answer counts as acceptance from here on.")


def _look_again(inquiry: Inquiry, silent: Observation) -> Steps[Reading]:
    """After silence: tell a dropped message from a dead connection, and both from a server that never answers."""
    observation, reading = yield from inquiry.ask("again", inquiry.small_bytes, patience=PATIENT)
    if reading == "accepted":
        return "accepted" if inquiry.baseline.replies == "none" else "silent_drop"
    if inquiry.baseline.replies == "own" and observation.pong and not inquiry.baseline.answer:
        return "silent_drop"
    return "held_open" if not silent.pong or observation.close_code is None else "silent_drop"


def confirm(inquiry: Inquiry, payload_bytes: int) -> Steps[bool]:
    """Settle by real messages whether this is the largest size that passes, or one more than that."""
    if (yield from offer(inquiry, payload_bytes)):
        yield from offer(inquiry, payload_bytes + 1)
    elif payload_bytes > inquiry.small_bytes:
        yield from offer(inquiry, payload_bytes - 1)
    return inquiry.evidence.is_settled


def passes(inquiry: Inquiry, form: Form, payload_bytes: int, patience: int = 1) -> Steps[bool]:
    """Whether this size is not refused in this form."""
    if form.startswith("announced"):
        return (yield from _announced(inquiry, form, payload_bytes, patience))
    _, reading = yield from weigh(inquiry, form, payload_bytes, patience=patience)
    if form == "frame" and reading == "accepted" and inquiry.baseline.replies == "echo":
        # An echo is proof; a pong may be overtaken by the close frame, so it counts with patience only.
        inquiry.evidence.accepted_bytes = max(inquiry.evidence.accepted_bytes, payload_bytes)
    return reading == "accepted"


def _is_suspect(inquiry: Inquiry, observation: Observation, reading: Reading) -> bool:
    """Whether a header was refused so late that it may be due to the time."""
    late = reading != "accepted" and observation.took_s > LONG_S
    return late and not inquiry.is_controlled(kind_of_refusal(observation, reading), observation.took_s)


def _announced(inquiry: Inquiry, form: Form, payload_bytes: int, patience: int) -> Steps[bool]:
    """Whether a size that is only announced is not refused. What was shown before is not asked again.

    Refusals of headers come at once, and among others that pass, so they need no control; one that is late does.
    """
    passed, waited = inquiry.announced.get((form, payload_bytes), (True, 0))
    if not passed or patience <= waited:
        return passed
    observation, reading = yield from tried(inquiry, form, payload_bytes, patience=patience)
    if _is_suspect(inquiry, observation, reading) and observation.nth > 1:
        observation, reading = yield from tried(inquiry, form, payload_bytes, patience=patience, fresh=True)
    if _is_suspect(inquiry, observation, reading):
        yield from small_passes(inquiry, payload_bytes, observation)
        inquiry.controlled[kind_of_refusal(observation, reading)] = observation.took_s
    inquiry.announced[form, payload_bytes] = reading == "accepted", patience
    return reading == "accepted"
