"""Answers that change with size: what a server says to its largest message is held against what it says to a small one.

A changed answer is a finding, with the size at which it changes, and no refusal: `{"ok": true, "kb": 1}` differs from
`{"ok": true, "b": 9}` too. One that says no has refused its message before (`other_answer` in
`wslab.core.limits.proofs`).
"""

from __future__ import annotations

from wslab.core.limits.guesses import next_size
from wslab.core.limits.inquiry import PATIENT, Inquiry, Steps
from wslab.core.limits.likeness import kind_of


def find_other_answers(inquiry: Inquiry) -> Steps[None]:
    """Find the smallest message that is answered in other words, confirmed one byte apart."""
    evidence, baseline = inquiry.evidence, inquiry.baseline
    if evidence.refusal is not None and evidence.refusal.over_limit == "other_answer":
        evidence.answer_changes_at_bytes = evidence.refused_bytes
        evidence.answer_above = evidence.refusal.answer
        evidence.answer_below = baseline.answer
        return
    if baseline.replies != "own" or baseline.answer is None or evidence.accepted_bytes <= inquiry.small_bytes:
        return
    usual = kind_of(baseline.answer, baseline.grain)
    low, high = inquiry.small_bytes, evidence.accepted_bytes
    below, above = baseline.answer, inquiry.heard.get(high) or (yield from _answer(inquiry, high))
    if above is None or kind_of(above, baseline.grain) == usual:
        return
    while high - low > 1:
        size = next_size(low, high)
        answer = yield from _answer(inquiry, size)
        if answer is None:
            return
        if kind_of(answer, baseline.grain) == usual:
            low, below = size, answer
        else:
            high, above = size, answer
    for size, is_usual in ((low, True), (high, False)):
        answer = yield from _answer(inquiry, size)
        if answer is None or (kind_of(answer, baseline.grain) == usual) is not is_usual:
            evidence.remarks.append("Its answers differ from one message to the next, and not with their size alone.")
            return
    evidence.answer_changes_at_bytes, evidence.answer_below, evidence.answer_above = high, below, above


def _answer(inquiry: Inquiry, payload_bytes: int) -> Steps[str | None]:
    observation, reading = yield from inquiry.ask("frame", payload_bytes, purpose="evidence", patience=PATIENT)
    return observation.replies[0] if reading == "accepted" and observation.replies else None
