"""A client under check, and what its cases share: waiting for its first connection, and for its return."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec

from wslab.checks.guest import Guest
from wslab.checks.stage import Stage
from wslab.checks.under_test import ClientProgram, Running
from wslab.core.checks import CaseOutcome
from wslab.core.policies.estimate import PolicyEstimate, estimate

RETURNS_WITHIN_S = 35.0
"""The definition of 1012 asks clients to wait 5 to 30 s."""

SETTLED_S = 0.3
"""How long a connection stays open before a case ends it."""

End = Callable[[Guest], Awaitable[None]]


class ObservedOutage(NamedTuple):
    """What several copies of a client did in an outage.

    Fields:
        delays_s: the delay before each attempt, for each copy that came back.
        copies: the number of copies.
        late_s: by how much the machine was late, at worst.
        quiet_s: how long at least the check waited after a copy's last attempt; infinite if the copy had exited.
    """

    delays_s: list[list[float]]
    copies: int
    late_s: float
    quiet_s: float

    def before(self, attempt: int) -> list[float]:
        """Return the delays before attempt number `attempt`, from 1, shortest first."""
        return sorted(series[attempt - 1] for series in self.delays_s if len(series) >= attempt)


@dataclass
class ClientBench:
    """The client under check, and what its cases share with each other and with the estimate of its policy.

    Fields:
        attempts: how many attempts of an outage its cases look at.
        lags_s: by how much the event loop was late, sampled while the check runs.
        outage: running or finished; see `wslab.checks.outage`. min_uptime_s: see `PolicyEstimate`.
    """

    program: ClientProgram
    attempts: int
    final_codes: frozenset[int] = frozenset()
    lags_s: list[float] = field(default_factory=list)
    outage: asyncio.Task[ObservedOutage | CaseOutcome] | None = None
    min_uptime_s: tuple[float | None, float | None] | None = None

    def estimate(self) -> PolicyEstimate | None:
        """Return the estimate of its policy; None if too few delays were seen."""
        if self.outage is None or not self.outage.done() or self.outage.cancelled() or self.outage.exception():
            return None
        seen = self.outage.result()
        if isinstance(seen, CaseOutcome):
            return None
        found = estimate(seen.delays_s, late_s=seen.late_s)
        return found and msgspec.structs.replace(found, min_uptime_s=self.min_uptime_s)


class Return(NamedTuple):
    """A client that came back, and how long after the end of its connection."""

    delay_s: float
    guest: Guest


def now_s() -> float:
    """Return the time on the clock of a guest's `at_s`."""
    return asyncio.get_running_loop().time()


def closing(code: int, reason: str = "wslab check") -> End:
    """Return a way to end a connection: with this close frame."""

    async def close(guest: Guest) -> None:
        await guest.close(code, reason)

    return close


async def first_guest(stage: Stage, running: Running, bench: ClientBench) -> Guest | CaseOutcome:
    """Accept the client's first connection and return it; if none comes, return the outcome of the case."""
    guest = await stage.guest(bench.program.first_within_s)
    if guest is None:
        within = "" if stage.is_deserted else f" within {bench.program.first_within_s:g} s"
        seen = f"No connection came{within}: {await running.last_words()}."
        advice = "" if stage.is_deserted else "If it starts slowly, wait longer for it (`--first-within`)."
        return CaseOutcome(judgement="not run", seen=seen, advice=advice)
    await guest.accept()
    return guest


async def come_back(stage: Stage, running: Running, bench: ClientBench, end: End) -> Return | CaseOutcome | None:
    """Let the client connect, end its connection, and wait for its return; None if it does not come back."""
    guest = await first_guest(stage, running, bench)
    if isinstance(guest, CaseOutcome):
        return guest
    await asyncio.sleep(SETTLED_S)
    ended_at_s = now_s()
    await end(guest)
    return await next_return(stage, ended_at_s)


async def next_return(stage: Stage, ended_at_s: float, within_s: float = RETURNS_WITHIN_S) -> Return | None:
    """Wait for the client's next attempt after this time; None if it does not come back."""
    back = await stage.guest(within_s, since_s=ended_at_s)
    return None if back is None else Return(back.at_s - ended_at_s, back)
