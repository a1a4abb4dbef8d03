"""The results of a check: one per case, with the expectation, its source, the observation and the evidence.

A judgement is never surer than its evidence. "passes": the expectation was seen to hold. "informational": there is no
right or wrong, or the observation does not tell. "surprises clients": legal, but a common client will misread it.
"fails": the expectation was seen not to hold. "not applicable": there is nothing to expect. "not run": the check could
not try it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from wslab.core.codes.sources import Lesson, Source
from wslab.core.policies.estimate import PolicyEstimate

Judgement = Literal["passes", "informational", "surprises clients", "fails", "not applicable", "not run"]


class Evidence(msgspec.Struct, frozen=True):
    """One observation; `at_s` counts from the start of its case; None if the time does not matter."""

    what: str
    at_s: float | None = None


class CaseOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome of one case.

    Fields:
        judgement: see the module. seen: the observation in one sentence. advice: what to do about it; may be empty.
        evidence: what the judgement rests on.
    """

    judgement: Judgement
    seen: str
    advice: str = ""
    evidence: tuple[Evidence, ...] = ()


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One case and its outcome, as a report shows them."""

    case: str
    does: str
    expects: str
    why: Source | Lesson
    seen: CaseOutcome
    elapsed_s: float

    @property
    def judgement(self) -> Judgement:
        return self.seen.judgement


INTERRUPTED = "interrupted"
"""`Check.stopped` after Ctrl-C."""


class Check(msgspec.Struct, frozen=True, kw_only=True, tag_field="document", tag="check"):
    """A completed check: one result per case.

    Fields:
        subject: what was checked, without secrets. started_at: wall clock, ISO 8601, UTC.
        policy: of a client, its backoff policy as estimated from its delays.
        stopped: why cases are missing: the budget was used up, or the user interrupted; None: none is missing.
    """

    version: int = 1
    subject: str
    started_at: str
    elapsed_s: float
    results: tuple[Result, ...]
    stopped: str | None = None
    versions: dict[str, str] = {}
    policy: PolicyEstimate | None = None

    @property
    def failed(self) -> list[Result]:
        return [result for result in self.results if result.judgement == "fails"]

    @property
    def interrupted(self) -> bool:
        return self.stopped == INTERRUPTED

    @property
    def could_run(self) -> bool:
        """Whether at least one case could be tried."""
        return any(result.judgement != "not run" for result in self.results)

    def counts(self) -> dict[Judgement, int]:
        """Return the number of cases per judgement."""
        judgements = [result.judgement for result in self.results]
        return {judgement: judgements.count(judgement) for judgement in dict.fromkeys(judgements)}


def differences(before: Check, now: Check) -> list[str]:
    """Return the cases whose judgement differs from an earlier check, one line per case."""
    earlier = {result.case: result.judgement for result in before.results}
    later = {result.case: result.judgement for result in now.results}
    return [
        f"{case}: {earlier.get(case, 'not in the earlier check')} → {later.get(case, 'not in this check')}"
        for case in [*later, *(case for case in earlier if case not in later)]
        if earlier.get(case) != later.get(case)
    ]
