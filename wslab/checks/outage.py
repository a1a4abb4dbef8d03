"""What a client does in an outage: several copies of it are sent away together, and every attempt is answered 503.

Each copy has a stage to itself, so that its attempts are a series. Most of the policy's cases judge what this shows, or
compare with it. How late the machine was meanwhile is measured beside it: by the loop that stamps the attempts, and by
how far apart the copies answered a close frame that was sent to all at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from wslab.checks.client_bench import SETTLED_S, ClientBench, ObservedOutage, first_guest, now_s
from wslab.checks.guest import Guest
from wslab.checks.stage import Stage
from wslab.core.checks import CaseOutcome

COPIES = 8
"""Twice as many delays as these tell a client with jitter from one without but in one check of thousands."""

OUTAGE_S, LONGEST_OUTAGE_S = 30.0, 75.0
"""The longer one where fewer attempts than `ENOUGH` came by then."""

CLOSES_WITHIN_S = 2.0

ENOUGH, MOST_ATTEMPTS = 3, 10

Answer = Callable[[Guest], Awaitable[None]]


class Sent(NamedTuple):
    """One copy that was sent away: its attempts' delays, the time since the last of them, and how long its close frame
    took, where it sent one.
    """

    delays_s: list[float]
    quiet_s: float
    answered_s: float | None


async def reject(guest: Guest) -> None:
    """Answer the handshake with 503."""
    await guest.reject(503)


def begin(bench: ClientBench) -> asyncio.Task[ObservedOutage | CaseOutcome]:
    """Bring the outage about in the background, if nobody has."""
    if bench.outage is None:
        bench.outage = asyncio.create_task(sent_away(bench, bench.attempts))
    return bench.outage


async def outage_of(bench: ClientBench) -> ObservedOutage | CaseOutcome:
    """Return what the client does in an outage; the first case that asks brings it about."""
    return await asyncio.shield(begin(bench))


async def sent_away(bench: ClientBench, most_attempts: int) -> ObservedOutage | CaseOutcome:
    """Start the copies, close all with 1012 at the same instant, and answer so many attempts of each with 503."""
    copies = COPIES if bench.program.command is not None else 1
    async with contextlib.AsyncExitStack() as stack:
        stages = [await stack.enter_async_context(Stage()) for _ in range(copies)]
        programs = [await stack.enter_async_context(bench.program.brought_to(stage)) for stage in stages]
        firsts = await asyncio.gather(*(first_guest(*each, bench) for each in zip(stages, programs, strict=True)))
        guests = [guest for guest in firsts if isinstance(guest, Guest)]
        if len(guests) < copies:
            return next(first for first in firsts if isinstance(first, CaseOutcome))
        await asyncio.sleep(SETTLED_S)
        measured = len(bench.lags_s)
        sent = await asyncio.gather(
            *(send_away(*each, reject, most_attempts) for each in zip(stages, guests, strict=True))
        )
    answered_s = [each.answered_s for each in sent if each.answered_s is not None]
    apart_s = max(answered_s) - min(answered_s) if answered_s else 0.0
    late_s = max(apart_s, *bench.lags_s[measured:], 0.0)
    quiet_s = min(each.quiet_s for each in sent)
    return ObservedOutage([each.delays_s for each in sent if each.delays_s], copies, late_s, quiet_s)


async def send_away(stage: Stage, guest: Guest, answer: Answer, most_attempts: int = MOST_ATTEMPTS) -> Sent:
    """Close with 1012, give each attempt this answer, and return the delays before them."""
    began_s = last_s = now_s()
    closing = asyncio.create_task(guest.close(1012, "wslab check", wait_s=CLOSES_WITHIN_S))
    delays_s: list[float] = []
    while len(delays_s) < most_attempts:
        lasts_s = OUTAGE_S if len(delays_s) >= ENOUGH else LONGEST_OUTAGE_S
        attempt = await stage.guest(began_s + lasts_s - now_s(), since_s=began_s)
        if attempt is None:
            break
        delays_s.append(max(0.0, attempt.at_s - last_s))
        await answer(attempt)
        last_s = now_s()
    quiet_s = math.inf if stage.is_deserted else now_s() - last_s
    await closing
    if delays_s and guest.closed_at_s is None:  # it did not react to the close frame, so it waited for the end of TCP
        delays_s[0] -= min(delays_s[0], CLOSES_WITHIN_S)
    return Sent(delays_s, quiet_s, None if guest.closed_at_s is None else guest.closed_at_s - began_s)
