"""The client's cases about its policy: whether its delays begin late enough, spread, grow, and start over.

A delay counts from the moment that the connection's end was sent. One delay proves no policy: what spreads and what
grows is judged from several, and the estimate says from how many.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable
from functools import partial

from wslab.checks.case import Case
from wslab.checks.client_bench import (
    RETURNS_WITHIN_S,
    SETTLED_S,
    ClientBench,
    Return,
    closing,
    come_back,
    first_guest,
    now_s,
)
from wslab.checks.stage import Guest, Stage
from wslab.core.checks import CaseOutcome, Evidence, Judgement
from wslab.core.codes.sources import HYBI_RESTART, LESSON_05, LESSON_06, LESSON_07, RFC_BACKOFF
from wslab.core.policies.estimate import estimate, is_spread

AT_ONCE_S = 0.1
INSTANCES = 8
"""Twice as many delays as these tell a client with jitter from one without but in one check of thousands."""
OUTAGE_S = 30.0
MOST_ATTEMPTS = 10
LOOPS_PER_S = 5.0


async def _waits_before_coming_back(bench: ClientBench) -> CaseOutcome:
    async with Stage() as stage, bench.program.brought_to(stage) as running:
        back = await come_back(stage, running, bench, closing(1012))
    if back is None or isinstance(back, CaseOutcome):
        return back or CaseOutcome(judgement="not applicable", seen="It does not come back after 1012.")
    evidence = (Evidence("next handshake", round(back.delay_s, 3)),)
    if back.delay_s < AT_ONCE_S:
        seen = f"It comes back {1000 * back.delay_s:.0f} ms after 1012, while the server is likely still down."
        advice = "Wait a random time first; the definition of 1012 asks for 5 to 30 s."
        return CaseOutcome(judgement="surprises clients", seen=seen, advice=advice, evidence=evidence)
    judgement: Judgement = "passes" if back.delay_s >= 1 else "informational"
    return CaseOutcome(judgement=judgement, seen=f"It waits {back.delay_s:.2f} s after 1012.", evidence=evidence)


async def _spreads(bench: ClientBench) -> CaseOutcome:
    if bench.program.command is None:
        return CaseOutcome(judgement="not applicable", seen="Several clients at once need a command that starts them.")
    async with Stage() as stage, bench.program.brought_to(stage, INSTANCES) as running:
        guests = []
        for _ in range(INSTANCES):
            guest = await first_guest(stage, running, bench)
            if isinstance(guest, CaseOutcome):
                return guest
            guests.append(guest)
        rounds = [await _sent_away(stage, guests)]
        if 3 <= len(rounds[0]) == len(guests) and not is_spread(rounds[0]):  # which chance may explain, once
            rounds.append(await _sent_away(stage, guests))
    if len(rounds[0]) < 3:
        return CaseOutcome(
            judgement="not applicable", seen=f"{len(rounds[0])} of {INSTANCES} clients came back after 1012."
        )
    widest = next((delays_s for delays_s in rounds if len(delays_s) >= 3 and is_spread(delays_s)), None)
    bench.first_delays_s[:] = widest or rounds[0]
    evidence = tuple(Evidence("a client is back", round(delay_s, 3)) for delay_s in itertools.chain(*rounds))
    seen = " ".join(
        f"{len(delays_s)} clients, sent away together, came back {delays_s[0]:.2f} to {delays_s[-1]:.2f} s later."
        for delays_s in rounds
        if delays_s
    )
    if widest is None:
        advice = "Draw the first delay at random too: a restart sends all clients away at the same instant."
        return CaseOutcome(judgement="surprises clients", seen=seen, advice=advice, evidence=evidence)
    return CaseOutcome(judgement="passes", seen=seen, evidence=evidence)


async def _sent_away(stage: Stage, guests: list[Guest]) -> list[float]:
    """Close all of them with 1012, put those that come back in their place, and return their delays, shortest first."""
    await asyncio.sleep(SETTLED_S)
    ended_at_s = now_s()
    await asyncio.gather(*(guest.close(1012, "wslab check") for guest in guests))
    expected, guests[:] = len(guests), []
    while len(guests) < expected and (back := await stage.guest(RETURNS_WITHIN_S)) is not None:
        await back.accept()
        guests.append(back)
    return sorted(guest.at_s - ended_at_s for guest in guests)


async def _outage(bench: ClientBench, answer: Callable[[Guest], Awaitable[None]]) -> list[float] | CaseOutcome:
    """Send the client away and give each attempt this answer; return the delays before each."""
    async with Stage() as stage, bench.program.brought_to(stage) as running:
        guest = await first_guest(stage, running, bench)
        if isinstance(guest, CaseOutcome):
            return guest
        await asyncio.sleep(SETTLED_S)
        await guest.close(1012, "wslab check")
        began_s = last_s = now_s()
        delays_s: list[float] = []
        while len(delays_s) < MOST_ATTEMPTS and (left_s := OUTAGE_S - (now_s() - began_s)) > 0:
            attempt = await stage.guest(left_s)
            if attempt is None:
                break
            delays_s.append(attempt.at_s - last_s)
            last_s = attempt.at_s
            await answer(attempt)
        return delays_s


async def _backs_off(
    bench: ClientBench, *, answer: Callable[[Guest], Awaitable[None]], met: str, keep: bool
) -> CaseOutcome:
    delays_s = await _outage(bench, answer)
    if isinstance(delays_s, CaseOutcome):
        return delays_s
    if keep:
        bench.delays_s[:] = delays_s
    evidence = tuple(Evidence(f"delay before attempt {n}", round(each, 3)) for n, each in enumerate(delays_s, start=1))
    if len(delays_s) < 3:
        seen = f"It made {len(delays_s)} attempts in {OUTAGE_S:g} s, too few to see whether its delays grow."
        return CaseOutcome(judgement="informational", seen=seen, evidence=evidence)
    spent_s = sum(delays_s)
    if len(delays_s) / max(spent_s, 0.001) > LOOPS_PER_S:
        seen = f"It made {len(delays_s)} attempts in {spent_s:.2f} s while {met}: a loop."
        advice = "Wait longer after each failure, up to a cap; start over only after a connection that lasted."
        return CaseOutcome(judgement="fails", seen=seen, advice=advice, evidence=evidence)
    found = estimate(delays_s, bench.first_delays_s)
    assert found is not None, "there are three delays"
    early, late = sum(delays_s[:2]), sum(delays_s[-2:])
    if found.grows or late > 1.5 * early:
        return CaseOutcome(judgement="passes", seen=f"While {met}, its delays grow: {found.told()}.", evidence=evidence)
    seen = f"While {met}, it asks again every {spent_s / len(delays_s):.2f} s, and its delays do not grow."
    advice = "Back off: double the ceiling after each failure, up to a cap."
    return CaseOutcome(judgement="surprises clients", seen=seen, advice=advice, evidence=evidence)


async def _reject(guest: Guest) -> None:
    await guest.reject(503)


async def _accept_then_close(guest: Guest) -> None:
    await guest.accept()
    await guest.close(1011, "wslab check", wait_s=0.5)


async def _begins_anew(bench: ClientBench) -> CaseOutcome:
    """Fail some attempts, let a connection last, and compare the delay after it with the last one before."""
    async with Stage() as stage, bench.program.brought_to(stage) as running:
        back = await come_back(stage, running, bench, closing(1012))
        delays_s: list[float] = []
        while isinstance(back, Return):
            delays_s.append(back.delay_s)
            if len(delays_s) == 4:
                break
            failed_at_s = now_s()
            await back.guest.reject(503)
            guest = await stage.guest(RETURNS_WITHIN_S)
            back = None if guest is None else Return(guest.at_s - failed_at_s, guest)
        if not isinstance(back, Return):
            return back or CaseOutcome(
                judgement="not applicable", seen="It gave up before there was anything to compare."
            )
        await back.guest.accept()
        await asyncio.sleep(6)
        ended_at_s = now_s()
        await back.guest.close(1012, "wslab check")
        last = await stage.guest(RETURNS_WITHIN_S)
    evidence = tuple(Evidence(f"delay before attempt {n}", round(each, 3)) for n, each in enumerate(delays_s, start=1))
    if last is None:
        return CaseOutcome(
            judgement="informational", seen="After a connection of 6 s it did not come back.", evidence=evidence
        )
    after_s = last.at_s - ended_at_s
    seen = f"After a connection that lasted 6 s its delay was {after_s:.2f} s; before, they were {_listed(delays_s)} s."
    if delays_s[-1] < 1.5 * max(delays_s[0], 0.05):
        return CaseOutcome(judgement="not applicable", seen=f"Its delays do not grow. {seen}", evidence=evidence)
    if after_s < 0.75 * delays_s[-1]:
        return CaseOutcome(judgement="passes", seen=seen, evidence=evidence)
    advice = "Begin with the first delay again once a connection has lasted."
    return CaseOutcome(judgement="informational", seen=seen, advice=advice, evidence=evidence)


def _listed(values_s: list[float]) -> str:
    return ", ".join(f"{value_s:.2f}" for value_s in values_s)


POLICY_CASES = (
    Case(
        "waits_before_coming_back",
        "Closes with 1012.",
        "A delay before the first attempt.",
        HYBI_RESTART,
        _waits_before_coming_back,
    ),
    Case(
        "spreads",
        f"Starts {INSTANCES} clients and closes all with 1012 at once.",
        "They come back at different times.",
        LESSON_06,
        _spreads,
    ),
    Case(
        "backs_off_while_down",
        "Answers each attempt with 503.",
        "Longer delays after each.",
        RFC_BACKOFF,
        partial(_backs_off, answer=_reject, met="each attempt is answered 503", keep=True),
    ),
    Case(
        "backs_off_when_closed_at_once",
        "Accepts each handshake and closes with 1011.",
        "Longer delays after each, although every handshake succeeds.",
        LESSON_07,
        partial(_backs_off, answer=_accept_then_close, met="each connection is closed at once", keep=False),
    ),
    Case(
        "begins_anew_after_a_lasting_connection",
        "Fails some attempts, accepts one for six seconds, and closes it.",
        "The delay is that of a first attempt again.",
        LESSON_05,
        _begins_anew,
    ),
)
