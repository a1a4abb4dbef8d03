"""The server's cases about size: whether it limits messages, what is counted, and whether the limit is as documented.

They rest on one proven verdict of the limit search, whose refusals have their controls.
"""

from __future__ import annotations

from wslab.checks.bench import ServerBench
from wslab.checks.case import Case
from wslab.checks.proving import proven, sizes
from wslab.core.checks import CaseOutcome
from wslab.core.codes.sources import LESSON_01, LESSON_02, RFC_LIMITS, Source
from wslab.core.limits.verdicts import Verdict

RFC_7692 = Source("RFC 7692 §8", "https://www.rfc-editor.org/rfc/rfc7692#section-8")


def _has_a_limit(bench: ServerBench) -> CaseOutcome:
    verdict = bench.verdict
    if verdict.status == "no_limit_below_cap" and verdict.answer_changes_at_bytes is not None:
        return CaseOutcome(judgement="not run", seen=f"Cannot tell. {verdict.explanation}")
    if verdict.status == "no_limit_below_cap":
        return CaseOutcome(
            judgement="surprises clients",
            seen=f"A message of {verdict.cap_bytes:,} bytes passes.",
            advice="Set a limit on messages: otherwise any client decides how much memory the server needs.",
        )
    if verdict.status != "limit_found":
        return CaseOutcome(judgement="not run", seen=verdict.explanation)
    seen = f"A message of {verdict.max_single_frame_bytes:,} bytes passes, and one byte more is refused."
    return CaseOutcome(judgement="passes", seen=seen, evidence=sizes(verdict))


@proven
def _bounds_what_inflates(verdict: Verdict) -> CaseOutcome:
    match verdict.compression_counts:
        case "inflated" | "both":
            seen = "A small compressed message that would inflate beyond the limit is refused."
            return CaseOutcome(judgement="passes", seen=seen, evidence=sizes(verdict))
        case "wire":
            seen = "Only compressed bytes are counted: a few kilobytes may inflate to any size."
            advice = "Bound the size after inflation, while it inflates."
            return CaseOutcome(judgement="fails", seen=seen, advice=advice, evidence=sizes(verdict))
    return CaseOutcome(
        judgement="not applicable",
        seen="It does not compress, or compressed messages met no limit or could not be tried.",
    )


@proven
def _bounds_the_sum_of_fragments(verdict: Verdict) -> CaseOutcome:
    match verdict.counts:
        case "message" | "both":
            seen = "Fragments are added up: a message in many frames meets a limit too."
            return CaseOutcome(judgement="passes", seen=seen, evidence=sizes(verdict))
        case "frame":
            seen = "Only frames are limited. Whether it holds all fragments of a message is not seen from outside."
            advice = "If it does, bound their sum as well."
            return CaseOutcome(judgement="informational", seen=seen, advice=advice, evidence=sizes(verdict))
    return CaseOutcome(judgement="not applicable", seen="What the limit counts was not found out.")


def _limit_is_as_documented(bench: ServerBench) -> CaseOutcome:
    said = bench.configured_bytes
    if said is None:
        return CaseOutcome(judgement="not applicable", seen="No documented limit was given (--configured).")
    return _compared(bench)


@proven
def _compared(verdict: Verdict) -> CaseOutcome:
    said = verdict.configured_bytes or 0
    if verdict.inclusive is None:
        seen = f"The limit is {verdict.max_single_frame_bytes:,} bytes, and not the {said:,} that were said."
        return CaseOutcome(
            judgement="fails", seen=seen, advice="Correct the document or the setting.", evidence=sizes(verdict)
        )
    seen = f"A message of exactly {said:,} bytes {'passes' if verdict.inclusive else 'is refused'}."
    return CaseOutcome(
        judgement="passes" if verdict.inclusive else "surprises clients", seen=seen, evidence=sizes(verdict)
    )


LIMIT_CASES = (
    Case("has_a_limit", "Sends ever larger messages.", "One of them is refused.", RFC_LIMITS, _has_a_limit),
    Case(
        "bounds_what_inflates",
        "Sends a small compressed message that inflates beyond the limit.",
        "It is refused.",
        RFC_7692,
        _bounds_what_inflates,
    ),
    Case(
        "bounds_the_sum_of_fragments",
        "Sends a message that is too big in small frames.",
        "It is refused.",
        LESSON_02,
        _bounds_the_sum_of_fragments,
    ),
    Case(
        "limit_is_as_documented",
        "Sends a message of exactly the documented limit.",
        "It passes.",
        LESSON_01,
        _limit_is_as_documented,
    ),
)
