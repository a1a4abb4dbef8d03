"""A client under check, and what its cases share: its first connection, and its way back after an end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from wslab.checks.stage import Guest, Stage
from wslab.checks.under_test import ClientProgram, Running
from wslab.core.checks import CaseOutcome
from wslab.core.policies.estimate import PolicyEstimate, estimate

RETURNS_WITHIN_S = 35.0
"""The definition of 1012 asks for 5 to 30 s."""

SETTLED_S = 0.3
"""How long a connection is left open before a case ends it."""

End = Callable[[Guest], Awaitable[None]]


@dataclass
class ClientBench:
    """One client under check, and what its cases leave for an estimate of its policy."""

    program: ClientProgram
    final_codes: frozenset[int] = frozenset()
    delays_s: list[float] = field(default_factory=list)
    first_delays_s: list[float] = field(default_factory=list)

    def estimate(self) -> PolicyEstimate | None:
        """Return what its delays say of its policy; None where too few were seen."""
        return estimate(self.delays_s, self.first_delays_s)


class Return(NamedTuple):
    """A client that came back so long after its connection's end."""

    delay_s: float
    guest: Guest


def now_s() -> float:
    """Return the time by the clock that a guest's `at_s` is read from."""
    return asyncio.get_running_loop().time()


def closing(code: int, reason: str = "wslab check") -> End:
    """Return the end of a connection by this close frame."""

    async def close(guest: Guest) -> None:
        await guest.close(code, reason)

    return close


async def first_guest(stage: Stage, running: Running, bench: ClientBench) -> Guest | CaseOutcome:
    """Return the client's first connection, accepted; or, where none comes, what a case then says."""
    guest = await stage.guest(bench.program.first_within_s)
    if guest is None:
        seen = f"No connection came within {bench.program.first_within_s:g} s: {await running.last_words()}."
        return CaseOutcome(judgement="not run", seen=seen)
    await guest.accept()
    return guest


async def come_back(stage: Stage, running: Running, bench: ClientBench, end: End) -> Return | CaseOutcome | None:
    """Let the client connect, end its connection, and wait for it; None where it does not come back."""
    guest = await first_guest(stage, running, bench)
    if isinstance(guest, CaseOutcome):
        return guest
    await asyncio.sleep(SETTLED_S)
    ended_at_s = now_s()
    await end(guest)
    back = await stage.guest(RETURNS_WITHIN_S)
    return None if back is None else Return(back.at_s - ended_at_s, back)
