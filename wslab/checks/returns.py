"""The client's cases about coming back: after which ends it does, and whether no sooner than it is asked to.

A delay counts from the moment that the connection's end was sent.
"""

from __future__ import annotations

import asyncio
import email.utils
import math
import time
from functools import partial

from wslab.checks.case import Case
from wslab.checks.client_bench import (
    RETURNS_WITHIN_S,
    SETTLED_S,
    ClientBench,
    End,
    closing,
    come_back,
    first_guest,
    now_s,
)
from wslab.checks.stage import Guest, Stage
from wslab.core.checks import CaseOutcome, Evidence, Judgement
from wslab.core.codes.registry import lookup
from wslab.core.codes.sources import HYBI_RESTART, LESSON_05, RFC_BACKOFF, RFC_CODES, Source

RFC_RETRY_AFTER = Source("RFC 9110 §10.2.3", "https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3")

RETRY_AFTER_S = 3


async def _cut(guest: Guest) -> None:
    guest.abort()


async def _comes_back(bench: ClientBench, *, end: End, after: str, wanted: Judgement = "fails") -> CaseOutcome:
    async with Stage() as stage, bench.program.brought_to(stage) as running:
        back = await come_back(stage, running, bench, end)
    if isinstance(back, CaseOutcome):
        return back
    if back is None:
        seen = f"It did not come back within {RETURNS_WITHIN_S:g} s after {after}."
        return CaseOutcome(judgement=wanted, seen=seen, advice="Reconnect after it, with a random delay.")
    evidence = (Evidence("next handshake", round(back.delay_s, 3)),)
    return CaseOutcome(judgement="passes", seen=f"It came back {back.delay_s:.2f} s after {after}.", evidence=evidence)


async def _comes_back_after_downtime(bench: ClientBench) -> CaseOutcome:
    down_s = 2.0
    async with Stage() as stage, bench.program.brought_to(stage) as running:
        guest = await first_guest(stage, running, bench)
        if isinstance(guest, CaseOutcome):
            return guest
        await asyncio.sleep(SETTLED_S)
        await stage.shut()
        ended_at_s = now_s()
        await guest.close(1012, "wslab check")
        await asyncio.sleep(down_s)
        await stage.open()
        back = await stage.guest(RETURNS_WITHIN_S)
    if back is None:
        seen = f"After {down_s:g} s of refused connections it did not come back within {RETURNS_WITHIN_S:g} s."
        return CaseOutcome(
            judgement="fails", seen=seen, advice="Go on trying after a refused connection: a restart looks so."
        )
    after_s = back.at_s - ended_at_s
    evidence = (Evidence("next handshake", round(after_s, 3)),)
    seen = f"The server was down for {down_s:g} s; it was back {after_s:.2f} s after the closure."
    return CaseOutcome(judgement="passes", seen=seen, evidence=evidence)


async def _honours_retry_after(bench: ClientBench, *, as_date: bool) -> CaseOutcome:
    async with Stage() as stage, bench.program.brought_to(stage) as running:
        back = await come_back(stage, running, bench, closing(1012))
        if back is None or isinstance(back, CaseOutcome):
            return back or CaseOutcome(judgement="not applicable", seen="It does not come back after 1012.")
        asked_at_s, now = now_s(), time.time()
        until = math.ceil(now + RETRY_AFTER_S)
        value = email.utils.formatdate(until, usegmt=True) if as_date else f"{RETRY_AFTER_S}"
        await back.guest.reject(503, {"Retry-After": value})
        again = await stage.guest(RETURNS_WITHIN_S)
    if again is None:
        seen = f"After a 503 with Retry-After it did not come back within {RETURNS_WITHIN_S:g} s."
        return CaseOutcome(judgement="fails", seen=seen, advice="A 503 is no end: it says when to ask again.")
    waited_s, asked_s = again.at_s - asked_at_s, (until - now) if as_date else RETRY_AFTER_S
    evidence = (Evidence(f"Retry-After: {value}"), Evidence("next handshake", round(waited_s, 3)))
    if waited_s >= asked_s - 0.05:
        seen = f"Asked to wait {asked_s:.1f} s, it came back after {waited_s:.2f} s."
        judgement: Judgement = "passes" if waited_s < 3 * asked_s + 5 else "informational"
        return CaseOutcome(judgement=judgement, seen=seen, evidence=evidence)
    seen = f"Asked to wait {asked_s:.1f} s, it came back after {waited_s:.2f} s."
    advice = "Read Retry-After where the library shows it (a page cannot), and add your own delay to it."
    return CaseOutcome(judgement="surprises clients", seen=seen, advice=advice, evidence=evidence)


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
        "Closes with 1012, and refuses connections for two seconds.",
        "It tries until it is let in.",
        LESSON_05,
        _comes_back_after_downtime,
    ),
    Case(
        "honours_retry_after_seconds",
        f"Answers 503 with Retry-After: {RETRY_AFTER_S}.",
        "No attempt before that.",
        RFC_RETRY_AFTER,
        partial(_honours_retry_after, as_date=False),
    ),
    Case(
        "honours_retry_after_date",
        "Answers 503 with a date in Retry-After.",
        "No attempt before that.",
        RFC_RETRY_AFTER,
        partial(_honours_retry_after, as_date=True),
    ),
)

STAYING_CASES = (
    Case("after_1000", "Closes with 1000.", "What the application wants.", RFC_CODES, partial(_stays_away, code=1000)),
    Case("after_1008", "Closes with 1008.", "What the application wants.", RFC_CODES, partial(_stays_away, code=1008)),
    Case("after_4000", "Closes with 4000.", "What the application wants.", RFC_CODES, partial(_stays_away, code=4000)),
)
