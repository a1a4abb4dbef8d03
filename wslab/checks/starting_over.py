"""The client's case about its memory: how long a connection must last before the delays start over.

Several copies fail the same number of times, then each is let in for a different time. A delay longer than any first
delay shows that the client continued its backoff. With jitter, one shorter delay may be chance; several are not.
"""

from __future__ import annotations

import asyncio
import math
import statistics

from wslab.checks.case import Case
from wslab.checks.client_bench import ClientBench, ObservedOutage, closing, come_back, next_return, now_s
from wslab.checks.outage import MOST_ATTEMPTS, outage_of
from wslab.checks.stage import Stage
from wslab.core.checks import CaseOutcome, Evidence
from wslab.core.codes.sources import LESSON_05
from wslab.core.policies.estimate import PolicyEstimate, estimate
from wslab.core.policies.fitting import min_uptime

UPTIMES_S = (0.3, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 16.0)
"""How long the connection of each copy lasts."""

GROWN = 2.5
"""A delay this many times the longest first delay is not a first delay."""


async def _begins_anew(bench: ClientBench) -> CaseOutcome:
    """Fail some attempts, let each copy's connection last for a different time, and see if a first delay follows."""
    seen = await outage_of(bench)
    if isinstance(seen, CaseOutcome):
        return seen
    found = estimate(seen.delays_s, late_s=seen.late_s)
    grown = None if found is None else _first_grown(seen, found)
    if found is None or grown is None:
        return CaseOutcome(judgement="not applicable", seen="Its delays do not grow enough to see them start over.")
    if found.jitter == "unknown":
        told = "One client's irregular delays do not tell a first one from a later one."
        return CaseOutcome(judgement="not applicable", seen=told)
    longest_s = found.longest_first_s(seen.late_s)
    uptimes_s = UPTIMES_S if bench.program.command is not None else UPTIMES_S[5:6]
    after = await asyncio.gather(*(_after_lasting(bench, uptime_s, grown - 2) for uptime_s in uptimes_s))
    tried_s = {up_s: it for up_s, it in zip(uptimes_s, after, strict=True) if isinstance(it, float)}
    if not tried_s:
        given_up = CaseOutcome(judgement="not applicable", seen="It gave up before there was anything to compare.")
        return next((it for it in after if isinstance(it, CaseOutcome)), given_up)
    uptime_s = min_uptime(tried_s, longest_s, seen.before(grown))
    bench.min_uptime_s = None if uptime_s == (None, None) else uptime_s
    failed = "a failed attempt" if grown == 3 else f"{grown - 2} failed attempts"
    told = f"Its first delays took at most {seen.before(1)[-1]:.2f} s. After {failed}"
    return _judged(told, tried_s, *uptime_s)


def _first_grown(seen: ObservedOutage, found: PolicyEstimate) -> int | None:
    """Return the first attempt whose delays exceed all first delays; None if they do not grow that far."""
    longest_s = found.longest_first_s(seen.late_s)
    return next((n for n in range(3, MOST_ATTEMPTS) if _median(seen.before(n)) > GROWN * longest_s), None)


def _judged(told: str, tried_s: dict[float, float], not_after_s: float | None, after_s: float | None) -> CaseOutcome:
    evidence = tuple(Evidence(f"back after a connection of {up_s:g} s", round(it, 3)) for up_s, it in tried_s.items())
    if after_s is None and not_after_s is None:
        told += ", its delays are as short by chance: whether they start over cannot be told."
        return CaseOutcome(judgement="informational", seen=told, evidence=evidence)
    if after_s is None:
        told += f" and a connection of {not_after_s:g} s its delays had not started over."
        advice = "Start over with the first delay once a connection has lasted a while."
        return CaseOutcome(judgement="informational", seen=told, advice=advice, evidence=evidence)
    shorter = "" if not_after_s is None else f", but not after one of {not_after_s:g} s"
    told += f" its delays started over after a connection of {after_s:g} s{shorter}."
    return CaseOutcome(judgement="passes", seen=told, evidence=evidence)


async def _after_lasting(bench: ClientBench, uptime_s: float, failures: int) -> float | CaseOutcome | None:
    """Return the delay after so many failures and a connection that lasted so long; None if the client gave up."""
    async with Stage() as stage, bench.program.brought_to(stage) as running:
        back = await come_back(stage, running, bench, closing(1012))
        for _ in range(failures):
            if back is None or isinstance(back, CaseOutcome):
                return back
            await back.guest.reject(503)
            back = await next_return(stage, now_s())
        if back is None or isinstance(back, CaseOutcome):
            return back
        await back.guest.accept()
        await asyncio.sleep(uptime_s)
        ended_at_s = now_s()
        await back.guest.close(1012, "wslab check")
        last = await next_return(stage, ended_at_s)
    return None if last is None else last.delay_s


def _median(delays_s: list[float]) -> float:
    return statistics.median(delays_s) if delays_s else -math.inf


STARTING_OVER_CASES = (
    Case(
        "begins_anew_after_a_lasting_connection",
        f"Fails some attempts, accepts one for {UPTIMES_S[0]:g} to {UPTIMES_S[-1]:g} s, and closes it.",
        "The delay is that of a first attempt again.",
        LESSON_05,
        _begins_anew,
        attempts=MOST_ATTEMPTS,
    ),
)
