"""The client's cases about coming back: after which closures it does.

A delay counts from when the end of the connection was sent.
"""

from __future__ import annotations

import asyncio
from functools import partial

from wslab.checks.case import Case
from wslab.checks.client_bench import (
    RETURNS_WITHIN_S,
    SETTLED_S,
    ClientBench,
    End,
    closing,
    come_back,
    now_s,
)
from wslab.checks.guest import Guest
from wslab.checks.stage import Stage
from wslab.core.checks import CaseOutcome, Evidence, Judgement
from wslab.core.codes.registry import lookup
from wslab.core.codes.sources import HYBI_RESTART, LESSON_05, RFC_BACKOFF, RFC_CODES, Source

LONGEST_DOWNTIME_S = 20.0


async def _cut(guest: Guest) -> None:
    guest.abort()


async def _comes_back(bench: ClientBench, *, end: End, after: str, wanted: Judgement = "fails") -> CaseOutcome:
    async with Stage() as stage, bench.program.brought_to(stage) as running:
        back = await come_back(stage, running, bench, end)
        absence = await running.absence(RETURNS_WITHIN_S)
    if isinstance(back, CaseOutcome):
        return back
    if back is None:
        seen = f"{absence} after {after}."
        return CaseOutcome(judgement=wanted, seen=seen, advice="Reconnect after it, with a random delay.")
    evidence = (Evidence("next handshake", round(back.delay_s, 3)),)
    return CaseOutcome(judgement="passes", seen=f"It came back {back.delay_s:.2f} s after {after}.", evidence=evidence)


async def _comes_back_after_downtime(bench: ClientBench) -> CaseOutcome:
    """Stay down for longer than the client waits, so that its connections are refused."""
    async with Stage() as stage, bench.program.brought_to(stage) as running:
        before = await come_back(stage, running, bench, closing(1012))
        if before is None or isinstance(before, CaseOutcome):
            return before or CaseOutcome(judgement="not applicable", seen="It does not come back after 1012.")
        down_s = min(2 * before.delay_s + 1, LONGEST_DOWNTIME_S)
        await before.guest.accept()
        await asyncio.sleep(SETTLED_S)
        await stage.shut()
        ended_at_s = now_s()
        await before.guest.close(1012, "wslab check")
        await asyncio.sleep(down_s)
        await stage.open()
        back = await stage.guest(RETURNS_WITHIN_S, since_s=ended_at_s)
        absence = await running.absence(RETURNS_WITHIN_S)
    down = f"the server was down for {down_s:.1f} s, and the client had waited {before.delay_s:.2f} s before"
    if back is None:
        seen = f"{absence} after a downtime: {down}."
        return CaseOutcome(
            judgement="fails",
            seen=seen,
            advice="Keep trying after a refused connection: that is what a restart looks like.",
        )
    after_s = back.at_s - ended_at_s
    evidence = (Evidence("next handshake", round(after_s, 3)),)
    return CaseOutcome(judgement="passes", seen=f"It was back after {after_s:.2f} s: {down}.", evidence=evidence)


async def _stays_away(bench: ClientBench, *, code: int) -> CaseOutcome:
    async with Stage() as stage, bench.program.brought_to(stage) as running:
        back = await come_back(stage, running, bench, closing(code))
    if isinstance(back, CaseOutcome):
        return back
    label = lookup(code).label
    if back is None:
        return CaseOutcome(judgement="passes", seen=f"It stays away after {label}.")
    seen = f"It comes back {back.delay_s:.2f} s after {label}."
    evidence = (Evidence("next handshake", round(back.delay_s, 3)),)
    if code not in bench.final_codes:
        return CaseOutcome(judgement="informational", seen=seen, evidence=evidence)
    return CaseOutcome(judgement="fails", seen=seen, advice=f"Treat {code} as final.", evidence=evidence)


def _returning(name: str, does: str, end: End, after: str, why: Source, wanted: Judgement = "fails") -> Case:
    run = partial(_comes_back, end=end, after=after, wanted=wanted)
    return Case(name, does, f"A handshake within {RETURNS_WITHIN_S:g} s.", why, run)


RETURN_CASES = (
    _returning("comes_back_after_1012", "Closes with 1012.", closing(1012), "1012 Service Restart", HYBI_RESTART),
    _returning("comes_back_after_1001", "Closes with 1001.", closing(1001), "1001 Going Away", RFC_CODES),
    _returning("comes_back_after_1006", "Ends TCP without a close frame.", _cut, "a cut connection", RFC_BACKOFF),
    _returning(
        "comes_back_after_1013",
        "Closes with 1013.",
        closing(1013),
        "1013 Try Again Later",
        HYBI_RESTART,
        "informational",
    ),
    Case(
        "comes_back_after_downtime",
        "Closes with 1012, and refuses connections for longer than it waited before.",
        "It keeps trying until it is accepted.",
        LESSON_05,
        _comes_back_after_downtime,
    ),
)

STAYING_CASES = (
    Case("after_1000", "Closes with 1000.", "What the application wants.", RFC_CODES, partial(_stays_away, code=1000)),
    Case("after_1008", "Closes with 1008.", "What the application wants.", RFC_CODES, partial(_stays_away, code=1008)),
    Case("after_4000", "Closes with 4000.", "What the application wants.", RFC_CODES, partial(_stays_away, code=4000)),
)
