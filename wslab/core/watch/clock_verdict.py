"""The verdict of a clock search: the bracket of an idle timeout or a maximum age, or why there is none."""

from __future__ import annotations

from typing import Literal

import msgspec

from wslab.core.findings import Finding, find
from wslab.core.findings.finding import Sure
from wslab.core.findings.wording import seconds
from wslab.core.runs import Run

Question = Literal["idle_timeout", "max_age"]
ClockStatus = Literal["found", "none_within", "not_told_apart", "something_else", "unreachable", "cancelled"]

_NAMES: dict[Question, str] = {"idle_timeout": "idle timeout", "max_age": "maximum age"}


class ClockVerdict(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of `find_idle_timeout` and `find_max_age`. None: does not apply.

    Fields:
        status: "found"; "none_within": connections lived for `up_to_s`, so the clock is longer or there is none;
            "not_told_apart": there is a clock, but idle timeout and maximum age both explain it; "something_else":
            connections ended for another reason, see `explanation`; "unreachable"; "cancelled".
        low_s, high_s: the bracket. sure: as in `Finding`.
        counts: of an idle timeout, what restarts it: true, false, or null if that is not told apart.
        rules: of all findings, the surest first.
        longest_wait_s: as announced before the search. elapsed_s: as measured.
    """

    question: Question
    url: str | None
    status: ClockStatus
    explanation: str
    low_s: float | None
    high_s: float | None
    sure: Sure | None
    counts: dict[str, bool | None] | None
    rules: tuple[str, ...]
    up_to_s: float
    longest_wait_s: float
    elapsed_s: float


def conclude(question: Question, run: Run, *, up_to_s: float, longest_wait_s: float) -> ClockVerdict:
    """Draw the verdict from a watch."""
    findings = find(run)
    answer = next((finding for finding in findings if finding.rule == question), None)
    status = "found" if answer else _status(run, findings, up_to_s)
    return ClockVerdict(
        question=question,
        url=run.info.url,
        status=status,
        explanation=answer.what if answer else _explanation(question, status, findings, up_to_s),
        low_s=answer.facts["low_s"] if answer else None,
        high_s=answer.facts["high_s"] if answer else None,
        sure=answer.sure if answer else None,
        counts=answer.facts.get("counts") if answer else None,
        rules=tuple(dict.fromkeys(finding.rule for finding in findings)),
        up_to_s=up_to_s,
        longest_wait_s=longest_wait_s,
        elapsed_s=run.info.duration_s,
    )


def _status(run: Run, findings: tuple[Finding, ...], up_to_s: float) -> ClockStatus:
    rules = {finding.rule for finding in findings}
    if "unreachable" in rules:
        return "unreachable"
    if "idle_or_age" in rules:
        return "not_told_apart"
    if run.info.duration_s < up_to_s and run.info.partial:
        return "cancelled"
    return "something_else" if any(one.closed_by != "client" for one in run.closures) else "none_within"


def _explanation(question: Question, status: ClockStatus, findings: tuple[Finding, ...], up_to_s: float) -> str:
    if status == "none_within":
        return f"No {_NAMES[question]} within {seconds(up_to_s)}: connections lived that long."
    if status == "cancelled":
        return "The search was stopped before there was an answer."
    return findings[0].what if findings else "Nothing was found."
