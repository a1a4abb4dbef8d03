"""What a client does in an outage: several copies are disconnected together, and every attempt is answered 503.

Each copy has its own stage, so that its attempts form a series. Most cases about the policy judge this outage or
compare with it. Meanwhile the lateness of the machine is measured: that of the loop that stamps the attempts, and how
far apart the copies answered a close frame that was sent to all at once.
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
"""Two rounds of this many delays fail to tell jitter from none in one check out of thousands."""

OUTAGE_S, LONGEST_OUTAGE_S = 30.0, 75.0
"""The longer one if fewer than `ENOUGH` attempts came by then."""

CLOSES_WITHIN_S = 2.0

ENOUGH, MOST_ATTEMPTS = 3, 10

Answer = Callable[[Guest], Awaitable[None]]


class Sent(NamedTuple):
    """A copy that was disconnected: the delays of its attempts, the time since the last one, and how long its close
    frame took, if it sent one.
    """

    delays_s: list[float]
    quiet_s: float
    answered_s: float | None


async def reject(guest: Guest) -> None:
    """Answer the handshake with 503."""
    await guest.reject(503)


def begin(bench: ClientBench) -> asyncio.Task[ObservedOutage | CaseOutcome]:
    """Start the outage in the background, unless it has started."""
    if bench.outage is None:
        bench.outage = asyncio.create_task(sent_away(bench, bench.attempts))
    return bench.outage


async def outage_of(bench: ClientBench) -> ObservedOutage | CaseOutcome:
    """Return what the client does in an outage, which the first case to ask starts."""
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
    """Close with 1012, answer each attempt like this, and return the delays before them."""
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
    if delays_s and guest.closed_at_s is None:  # it ignored the close frame, so it waited for the end of TCP
        delays_s[0] -= min(delays_s[0], CLOSES_WITHIN_S)
    return Sent(delays_s, quiet_s, None if guest.closed_at_s is None else guest.closed_at_s - began_s)
