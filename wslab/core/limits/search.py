"""The limit search without any I/O: a generator that yields what to try next and receives what was seen.

How it gets by with a few hundred bytes, and why the answer is no guess:

1. A small message shows how this server behaves when it accepts (`wslab.core.limits.calibration`).
2. Sizes are offered in the cheapest form that this server is seen to refuse: announced in a header without
   payload, else after a first fragment of one byte, else compressed, else as they are.
3. A size that the caller or a close reason names skips the rest of 2.
4. Whatever 2 or 3 suggests is confirmed: a real message that passes, and a real one a byte longer that does
   not. Where they contradict, the search goes on with more patience, then in a more expensive form. So a refusal
   that came late, a header check that is not the limit, or a misleading reason cost time, never the answer.
5. No refusal counts without its control (`wslab.core.limits.controls`). Where one fails, the search finds out what the
   server closes on instead (`wslab.core.limits.causes`) and starts over in a manner that avoids it.
6. Answers, fragments, text, compression and what follows a refusal come after that, each by the message in which the
   possible answers differ.
"""

from __future__ import annotations

from collections.abc import Iterable

from msgspec.structs import replace

from wslab.core.limits.aftermath import examine_aftermath
from wslab.core.limits.answering import find_other_answers
from wslab.core.limits.calibration import calibrate
from wslab.core.limits.causes import diagnose
from wslab.core.limits.corroboration import corroborate, still_so
from wslab.core.limits.counting import count_compression, count_fragments, count_text, try_binary
from wslab.core.limits.doubts import Doubt, explained, stopped_by
from wslab.core.limits.evidence import LimitEvidence
from wslab.core.limits.guesses import growing, next_size
from wslab.core.limits.inquiry import PATIENT, Inquiry, Reconsidered, Steps, Stopped
from wslab.core.limits.manner import Terms
from wslab.core.limits.offering import confirm, offer, passes
from wslab.core.limits.proofs import refusal_of
from wslab.core.limits.regaining import attended
from wslab.core.limits.trials import Content, Form, Trial
from wslab.core.limits.verdicts import Failure, Takes

MIB = 2**20
DEFAULT_CAP_BYTES = 64 * MIB
MAX_MANNERS = 8
"""How often a search starts over."""


_TAKES: dict[Content, Takes] = {"json_text": "json", "binary": "binary"}

_NO_MORE = (
    "So no message of more than {:,} bytes passes even alone, and whether messages have a limit of their own cannot be "
    "told."
)


def search_limit(evidence: LimitEvidence, terms: Terms | None = None) -> Steps[None]:
    """Find one server's limit: yield trials, receive sightings, and leave in `evidence` what they establish.

    `evidence` is complete for a verdict at any moment, so the caller may stop at any of them.

    >>> evidence = LimitEvidence(cap_bytes=2**20)
    >>> steps = search_limit(evidence)
    >>> next(steps).payload_bytes
    1
    """
    inquiry = Inquiry(evidence, terms)
    try:
        yield from attended(inquiry, _search_in_any_manner(inquiry))
    except Stopped as stopped:
        evidence.failure = stopped.failure
        if stopped.failure.status == "went_away" and not evidence.is_settled:
            _withdraw_refusal(evidence)
        if stopped.failure.status.startswith("closes_"):
            evidence.withdraw_refusal()
        if stopped.failure.status == "out_of_bounds" and evidence.refused_bytes is None:
            _keep_bracket(inquiry)
    if inquiry.terms.is_filler and evidence.accepted_bytes:
        evidence.takes = _TAKES.get(inquiry.baseline.content, "text")


def _keep_bracket(inquiry: Inquiry) -> None:
    """Keep what a search that found no limit in time has seen pass, and be closed."""
    evidence = inquiry.evidence
    closed = min(inquiry.closed, default=None)
    if inquiry.baseline.replies != "none" and (closed is None or inquiry.passed_bytes < closed):
        evidence.accepted_bytes = max(evidence.accepted_bytes, inquiry.passed_bytes)
    if closed is not None and closed > evidence.accepted_bytes:
        evidence.refused_bytes, evidence.awaits_control = closed, True
        evidence.refusal = refusal_of(Trial(form="frame", payload_bytes=closed), inquiry.closed[closed])


def _search_in_any_manner(inquiry: Inquiry) -> Steps[None]:
    for _ in range(MAX_MANNERS):
        try:
            yield from calibrate(inquiry)
            yield from _find_limit(inquiry)
            yield from corroborate(inquiry)
            yield from examine_aftermath(inquiry)
            yield from find_other_answers(inquiry)
            yield from count_fragments(inquiry)
            yield from count_text(inquiry)
            yield from try_binary(inquiry)
            yield from count_compression(inquiry)
            yield from still_so(inquiry)
        except Reconsidered:
            inquiry.forget()
        else:
            _answers_nothing(inquiry)
            _counts_bytes(inquiry)
            return
    raise Stopped(_inconsistent(inquiry))


def _find_limit(inquiry: Inquiry) -> Steps[None]:
    evidence = inquiry.evidence
    configured = evidence.configured_bytes
    if configured is not None and configured >= inquiry.small_bytes and (yield from confirm(inquiry, configured)):
        return
    for form in ("announced", "announced_in_fragments", "deflated", "frame"):
        if not (yield from _is_possible(inquiry, form)):
            continue
        for patience in (1, PATIENT):
            if not (yield from _search(inquiry, form, patience)):
                break
            if evidence.is_settled:
                return
    if evidence.refused_bytes is None and (yield from offer(inquiry, evidence.cap_bytes)):
        return
    if not evidence.is_settled and inquiry.refused_by is not None:
        trial, observation = inquiry.refused_by
        yield from diagnose(inquiry, Doubt.of(trial.payload_bytes, observation))
    if not evidence.is_settled:
        raise Stopped(_inconsistent(inquiry))


def _inconsistent(inquiry: Inquiry) -> Failure:
    tried = f"{inquiry.asked} messages" if inquiry.asked else "trials"
    return Failure(status="inconsistent", explanation=f"In {tried}, repeated trials of one size contradict each other.")


def _answers_nothing(inquiry: Inquiry) -> None:
    """An orderly closure after every message is no acceptance, and neither is an answer that says no to all."""
    evidence, ends = inquiry.evidence, inquiry.baseline.ends
    if inquiry.always_says_no and not evidence.is_settled:
        evidence.failure = Failure(
            status="cannot_tell",
            explanation=(
                f"The server answers messages of every size up to {evidence.accepted_bytes:,} bytes with "
                f"“{inquiry.baseline.answer}”, which is no acceptance, so nothing is known of its limit."
            ),
        )
        evidence.accepted_bytes = 0
    if ends is None or inquiry.baseline.replies != "none" or evidence.is_settled:
        return
    evidence.failure = Failure(
        status="cannot_tell",
        explanation=(
            f"The server closes with {ends} after every message and answers none, of {inquiry.small_bytes:,} as of "
            f"{evidence.accepted_bytes:,} bytes: an orderly closure is no acceptance, so nothing is known of its limit."
        ),
    )
    evidence.accepted_bytes = 0


def _counts_bytes(inquiry: Inquiry) -> None:
    """Where bytes are counted, over a connection or a time, one message cannot have more, whatever else is limited."""
    evidence = inquiry.evidence
    if not evidence.is_settled:
        return
    count, rate = inquiry.cause("count"), inquiry.cause("rate")
    if count is not None and count.unit == "bytes" and evidence.accepted_bytes > 0.9 * (count.number or 0):
        number = max(evidence.accepted_bytes, count.number or 0)
        said = f"each connection takes {number:,} bytes in all"
        said = explained("count", said, count.close_code, count.close_reason or "")
        told = replace(count, number=number, explanation=said)
        evidence.causes[evidence.causes.index(count)] = told
        evidence.failure = stopped_by(told, _NO_MORE.format(evidence.accepted_bytes)).failure
    elif rate is not None and inquiry.at_once_bytes and evidence.accepted_bytes > 0.9 * inquiry.at_once_bytes:
        evidence.failure = stopped_by(rate, _NO_MORE.format(evidence.accepted_bytes)).failure


def _withdraw_refusal(evidence: LimitEvidence) -> None:
    """A connection that ended as the server went away was no refusal."""
    if evidence.refusal is not None and evidence.refusal.over_limit == "no_close_frame":
        evidence.withdraw_refusal()


def _is_possible(inquiry: Inquiry, form: Form) -> Steps[bool]:
    if form == "announced_in_fragments":
        return inquiry.takes_fragments
    if form == "deflated":
        return inquiry.terms.is_filler and inquiry.baseline.content == "text" and (yield from inquiry.deflates())
    return True


def _search(inquiry: Inquiry, form: Form, patience: int) -> Steps[bool]:
    """Narrow the limit down in one form and confirm it; return False where no size is refused in this form."""
    evidence = inquiry.evidence
    low, high = evidence.accepted_bytes, None
    for size in _sizes(evidence, form):
        if not (yield from passes(inquiry, form, size, patience)):
            high = size
            break
        low = size
    if high is None:
        return False
    low = max(low, inquiry.passed_below(form, high))  # of a first search, where this is the second
    while not (yield from _confirm_named(inquiry)) and high - low > 1:
        size = next_size(low, high)
        if (yield from passes(inquiry, form, size, patience)):
            low = size
        else:
            high = size
        low = max(low, evidence.accepted_bytes)
        high = min(high, evidence.refused_bytes or high)
    if not evidence.is_settled:
        yield from confirm(inquiry, low)
    return True


def _sizes(evidence: LimitEvidence, form: Form) -> Iterable[int]:
    """What to try until one is refused; where a real message was refused already, its size."""
    if evidence.refused_bytes is not None:
        return [evidence.refused_bytes]
    if form.startswith("announced"):
        return [evidence.cap_bytes + 1]
    return growing(evidence.accepted_bytes, evidence.cap_bytes)


def _confirm_named(inquiry: Inquiry) -> Steps[bool]:
    """Confirm what a close reason named as the limit, if that may still be it."""
    evidence = inquiry.evidence
    highest = evidence.refused_bytes or evidence.cap_bytes
    for size in sorted(evidence.named_bytes - inquiry.dismissed):
        inquiry.dismissed.add(size)
        if evidence.accepted_bytes <= size <= highest and (yield from confirm(inquiry, size)):
            break
    return evidence.is_settled
