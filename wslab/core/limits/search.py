"""The limit search without any I/O: a generator that yields what to try next and receives what was seen.

How it gets by with a few hundred bytes, and why the answer is no guess:

1. A message of one byte shows how this server behaves when it accepts (`wslab.core.limits.calibration`).
2. Sizes are offered in the cheapest form that this server is seen to refuse: announced in a header without
   payload, else compressed, else as they are. Announced after a first fragment of one byte rather than in one frame,
   because that tells at once a limit on messages (the largest total is the limit) from one on frames (one byte more).
3. A size that the caller or a close reason names skips the rest of 2.
4. Whatever 2 or 3 suggests is confirmed: a real message that passes, and a real one a byte longer that does
   not. Where they contradict, the search goes on with more patience, then in a more expensive form. So a refusal
   that came late, a header check that is not the limit, or a misleading reason cost time, never the answer.
5. Fragments, text and compression follow, each by the message in which the possible answers differ
   (`wslab.core.limits.counting`).
"""

from __future__ import annotations

from collections.abc import Iterable

from wslab.core.limits.calibration import calibrate
from wslab.core.limits.counting import count_compression, count_fragments, count_text
from wslab.core.limits.guesses import growing, next_size
from wslab.core.limits.inquiry import PATIENT, Inquiry, Steps, Stopped
from wslab.core.limits.trials import Form
from wslab.core.limits.verdicts import Evidence, Failure

MIB = 2**20
DEFAULT_CAP_BYTES = 64 * MIB


def search_limit(evidence: Evidence) -> Steps[None]:
    """Find one server's limit: yield trials, receive sightings, and leave in `evidence` what they establish.

    `evidence` is complete for a verdict at any moment, so whoever runs the trials may stop at any of them.

    >>> evidence = Evidence(cap_bytes=2**20)
    >>> steps = search_limit(evidence)
    >>> next(steps).payload_bytes
    1
    """
    inquiry = Inquiry(evidence)
    try:
        yield from calibrate(inquiry)
        yield from _find_limit(inquiry)
        yield from count_fragments(inquiry)
        yield from count_text(inquiry)
        yield from count_compression(inquiry)
    except Stopped as stopped:
        evidence.failure = stopped.failure
        if stopped.failure.status == "went_away" and not evidence.is_settled:
            _withdraw_refusal(evidence)


def _find_limit(inquiry: Inquiry) -> Steps[None]:
    evidence = inquiry.evidence
    if evidence.configured_bytes is not None and (yield from inquiry.confirm(evidence.configured_bytes)):
        return
    for form in ("announced_in_fragments", "announced", "deflated", "frame"):
        if not (yield from _is_possible(inquiry, form)):
            continue
        for patience in (1, PATIENT):
            if not (yield from _search(inquiry, form, patience)):
                break
            if evidence.is_settled:
                return
    if evidence.refused_bytes is None and (yield from inquiry.offer(evidence.cap_bytes)):
        return
    if not evidence.is_settled:
        raise Stopped(Failure(status="inconsistent", explanation="Repeated trials of one size contradict each other."))


def _withdraw_refusal(evidence: Evidence) -> None:
    """A connection that ended as the server went away was no refusal."""
    if evidence.refusal is not None and evidence.refusal.over_limit == "no_close_frame":
        evidence.refused_bytes = evidence.refusal = None


def _is_possible(inquiry: Inquiry, form: Form) -> Steps[bool]:
    if form == "announced_in_fragments":
        return inquiry.takes_fragments
    if form == "deflated":
        return (yield from inquiry.deflates())
    return True


def _search(inquiry: Inquiry, form: Form, patience: int) -> Steps[bool]:
    """Narrow the limit down in one form and confirm it; return False where no size is refused in this form."""
    evidence = inquiry.evidence
    low, high = evidence.accepted_bytes, None
    for size in _sizes(evidence, form):
        if not (yield from inquiry.passes(form, size, patience)):
            high = size
            break
        low = size
    if high is None:
        return False
    low = max(low, inquiry.passed_below(form, high))  # of a first search, where this is the second
    while not (yield from _confirm_named(inquiry)) and high - low > 1:
        size = next_size(low, high)
        if (yield from inquiry.passes(form, size, patience)):
            low = size
        else:
            high = size
        low = max(low, evidence.accepted_bytes)
        high = min(high, evidence.refused_bytes or high)
    if not evidence.is_settled:
        yield from inquiry.confirm(low)
    return True


def _sizes(evidence: Evidence, form: Form) -> Iterable[int]:
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
        if evidence.accepted_bytes <= size <= highest and (yield from inquiry.confirm(size)):
            break
    return evidence.is_settled
