"""What the cases about size rest on: a proven limit. Without one, nothing about it is judged."""

from __future__ import annotations

import functools
from collections.abc import Callable

from wslab.checks.bench import ServerBench
from wslab.core.checks import CaseOutcome, Evidence
from wslab.core.limits.verdicts import Verdict


def proven(judge: Callable[[Verdict], CaseOutcome]) -> Callable[[ServerBench], CaseOutcome]:
    """Return a case's behaviour: to judge the verdict where that proves a limit, else to say that nothing is known."""

    @functools.wraps(judge)
    def judged(bench: ServerBench) -> CaseOutcome:
        return unproven(bench.verdict) or judge(bench.verdict)

    return judged


def unproven(verdict: Verdict) -> CaseOutcome | None:
    """Return what a case says where no limit was proven; None where one was. `has_a_limit` says why."""
    if verdict.status == "limit_found":
        return None
    if verdict.status == "no_limit_below_cap" and verdict.answer_changes_at_bytes is None:
        return CaseOutcome(judgement="not applicable", seen="No message was refused.")
    return CaseOutcome(judgement="not run", seen="The limit is not known: see has_a_limit.")


def sizes(verdict: Verdict) -> tuple[Evidence, ...]:
    """Return what passes, what does not, and how it is refused."""
    found = [f"{verdict.max_single_frame_bytes:,} bytes pass"] if verdict.max_single_frame_bytes is not None else []
    if verdict.smallest_refused_bytes is not None:
        found.append(f"{verdict.smallest_refused_bytes:,} bytes do not")
    if verdict.close_frame_hex:
        found.append(f"close frame {verdict.close_frame_hex}")
    return tuple(map(Evidence, [*found, *verdict.remarks]))
