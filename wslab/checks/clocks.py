"""The server's cases about its clocks, from one watch with control groups: what it closes after, and how it says so."""

from __future__ import annotations

from wslab.checks.bench import ServerBench
from wslab.checks.case import Case
from wslab.core.checks import CaseOutcome, Evidence
from wslab.core.codes.registry import lookup
from wslab.core.codes.sources import LESSON_09, RFC_CODES
from wslab.core.findings import Finding, find
from wslab.core.records import Closure


def _tells_idle_clients_why(bench: ServerBench) -> CaseOutcome:
    return _told(bench, "idle_timeout")


def _tells_old_clients_why(bench: ServerBench) -> CaseOutcome:
    return _told(bench, "max_age")


def _told(bench: ServerBench, rule: str) -> CaseOutcome:
    """Judge what clients are told that one clock closes."""
    run = bench.watched
    findings = find(run)
    finding = next((each for each in findings if each.rule == rule), None)
    if finding is None:
        other = f" Something else closed connections: {findings[0].what}" if findings and findings[0].evidence else ""
        return CaseOutcome(judgement="not applicable", seen=f"No such clock ran out within {bench.clock_s:g} s.{other}")
    closures = [record for place in finding.evidence if isinstance(record := run.records[place], Closure)]
    codes = sorted({closure.close_code for closure in closures if closure.closed_by != "client"})
    evidence = (Evidence(finding.why), *(Evidence(lookup(code).label) for code in codes))
    seen = f"{finding.what} Clients are told {', '.join(lookup(code).label for code in codes) or 'nothing'}."
    if not codes or set(codes) & {1005, 1006}:
        return CaseOutcome(judgement="surprises clients", seen=seen, advice=_advice(finding), evidence=evidence)
    return CaseOutcome(judgement="passes", seen=seen, evidence=evidence)


def _advice(finding: Finding) -> str:
    return f"Close with a code and a reason: without one it looks like a crash. {finding.advice}"


CLOCK_CASES = (
    Case(
        "tells_idle_clients_why",
        "Leaves connections without traffic, beside others that ping or talk.",
        "If the server closes them, a close frame says so.",
        LESSON_09,
        _tells_idle_clients_why,
        waits=True,
    ),
    Case(
        "tells_old_clients_why",
        "Keeps connections open and busy.",
        "If the server closes them at an age, a close frame says so.",
        RFC_CODES,
        _tells_old_clients_why,
        waits=True,
    ),
)
