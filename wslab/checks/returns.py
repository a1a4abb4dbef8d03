"""The client's cases about coming back: after which ends it does, and whether no sooner than it is asked to.

A delay counts from the moment that the connection's end was sent.
"""

from __future__ import annotations

import asyncio
import email.utils
import math
import time
from functools import partial
from typing import NamedTuple

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
from wslab.checks.stage import Guest, Stage
from wslab.core.checks import CaseOutcome, Evidence, Judgement
from wslab.core.codes.registry import lookup
from wslab.core.codes.sources import HYBI_RESTART, LESSON_05, RFC_BACKOFF, RFC_CODES, Source

RFC_RETRY_AFTER = Source("RFC 9110 §10.2.3", "https://www.rfc-editor.org/rfc/rfc9110#section-10.2.3")

LONGEST_DOWNTIME_S = 20.0
LONGEST_WISH_S = 25.0
"""Beyond what the client waits of itself; so long a case goes on waiting."""


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
    """Stay down for longer than the client waits of itself, so that it meets refused connections."""
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
        back = await stage.guest(RETURNS_WITHIN_S)
    down = f"the server was down for {down_s:.1f} s, where the client had waited {before.delay_s:.2f} s before"
    if back is None:
        seen = f"It did not come back within {RETURNS_WITHIN_S:g} s: {down}."
        return CaseOutcome(
            judgement="fails", seen=seen, advice="Go on trying after a refused connection: a restart looks so."
        )
    after_s = back.at_s - ended_at_s
    evidence = (Evidence("next handshake", round(after_s, 3)),)
    return CaseOutcome(judgement="passes", seen=f"It was back after {after_s:.2f} s: {down}.", evidence=evidence)


async def _honours_retry_after(bench: ClientBench, *, as_date: bool) -> CaseOutcome:
    """Ask for waits far beyond what the client waits of itself, which two refusals without a wish show before."""
    async with Stage() as stage, bench.program.brought_to(stage) as running:
        back = await come_back(stage, running, bench, closing(1012))
        if back is None or isinstance(back, CaseOutcome):
            return back or CaseOutcome(judgement="not applicable", seen="It does not come back after 1012.")
        asked = [await _ask_again(stage, back.guest, None)]
        while asked[-1].again is not None and len(asked) < 4:
            wish_s = None if len(asked) < 2 else _beyond(asked)
            if wish_s is not None and wish_s > LONGEST_WISH_S:
                return _cannot_tell(asked)
            asked.append(await _ask_again(stage, asked[-1].again, wish_s, as_date=as_date))
    evidence = tuple(Evidence(each.told()) for each in asked)
    if asked[-1].again is None:
        seen = f"After a 503 {asked[-1].wish()} it did not come back within {RETURNS_WITHIN_S:g} s."
        return CaseOutcome(
            judgement="fails", seen=seen, advice="A 503 is no end: it says when to ask again.", evidence=evidence
        )
    seen = f"{'; '.join(each.told() for each in asked)}."
    if all(each.waited_s >= each.asked_s - 0.05 for each in asked):
        return CaseOutcome(judgement="passes", seen=seen, evidence=evidence)
    advice = "Read Retry-After where the library shows it (a page cannot), and add your own delay to it."
    return CaseOutcome(judgement="surprises clients", seen=seen, advice=advice, evidence=evidence)


class _Asked(NamedTuple):
    """A 503, how long it asked the client to wait, 0 where it did not, and how long that waited."""

    asked_s: float
    value: str | None
    waited_s: float
    again: Guest | None

    def wish(self) -> str:
        return "without Retry-After" if self.value is None else f"with Retry-After: {self.value}"

    def told(self) -> str:
        wished = f", {self.asked_s:.1f} s" if self.value is not None else ""
        return f"after a 503 {self.wish()}{wished}, it waited {self.waited_s:.2f} s"


async def _ask_again(stage: Stage, guest: Guest, wish_s: float | None, *, as_date: bool = False) -> _Asked:
    began_at_s, now = now_s(), time.time()
    value, asked_s = None, 0.0
    if wish_s is not None:
        until = math.ceil(now + wish_s)
        value = email.utils.formatdate(until, usegmt=True) if as_date else f"{math.ceil(wish_s)}"
        asked_s = until - now if as_date else float(math.ceil(wish_s))
    await guest.reject(503, {"Retry-After": value} if value else {})
    again = await stage.guest(RETURNS_WITHIN_S)
    return _Asked(asked_s, value, RETURNS_WITHIN_S if again is None else again.at_s - began_at_s, again)


def _beyond(asked: list[_Asked]) -> float:
    """Return a wait that a client which doubles its own delay would not come to, and that no wish had before."""
    own_s = max(each.waited_s for each in asked if each.value is None)
    return max(2.0 * own_s + 2, *(each.asked_s + 2 for each in asked))


def _cannot_tell(asked: list[_Asked]) -> CaseOutcome:
    seen = f"It waits too long of itself for a wish to be told from that: {'; '.join(each.told() for each in asked)}."
    return CaseOutcome(judgement="informational", seen=seen)


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
        "Closes with 1012, and refuses connections for longer than it had waited before.",
        "It tries until it is let in.",
        LESSON_05,
        _comes_back_after_downtime,
    ),
    Case(
        "honours_retry_after_seconds",
        "Answers 503 twice, then twice with seconds in Retry-After, more than it waited.",
        "No attempt before that.",
        RFC_RETRY_AFTER,
        partial(_honours_retry_after, as_date=False),
    ),
    Case(
        "honours_retry_after_date",
        "Answers 503 twice, then twice with a date in Retry-After, later than it waited.",
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
