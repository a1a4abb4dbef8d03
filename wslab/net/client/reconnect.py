"""The reconnect loop: one client, kept connected by a policy, with a record for every attempt.

The lab has its own loop, since those of the libraries decide silently: the iterator of `websockets`, for example, waits
only after a failed handshake, so it calls a server that accepts and closes thousands of times per second.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Iterator
from random import Random

from wslab.core.errors import PolicyError
from wslab.core.policies.policy import Backoff, Policy
from wslab.core.records import RUN_ENDED, Attempt, Closure, Outage, Waiting
from wslab.net.client.client import Client


async def stay_connected(client: Client, policy: Policy, rng: Random, *, max_outages: int | None = None) -> None:
    """Connect, and reconnect after every closure by `policy`, until it gives up or this call is cancelled.

    Emits an `Attempt` for each try, a `Closure` for each end and an `Outage` for each absence, even if a cancellation
    cuts it short.

    Args:
        rng: the random generator for the policy.
        max_outages: return, connected, after this many outages. None: go on.
    """
    backoff = Backoff(policy, rng)
    delays = itertools.chain([0.0], backoff.after(0.0))
    first = _attempts(client, policy, delays, outage=0, from_s=client.recorder.now())
    try:
        opened = any([attempt.outcome == "opened" async for attempt in first])
    except PolicyError:
        return  # the attempts so far are recorded; without a connection there was no outage
    for number in itertools.count(1):
        if not opened or (max_outages is not None and number > max_outages):
            return
        opened = await come_back(client, backoff, await client.closed(), number)


async def come_back(client: Client, backoff: Backoff, closure: Closure, number: int) -> bool:
    """Try to come back, emit the outage, and return whether the client is connected again."""
    policy = backoff.policy
    attempts = 0
    reopened_at_s = None
    gave_up: str | None = RUN_ENDED
    try:
        if policy.retries(closure.close_code):
            delays = backoff.after(closure.close_started_at_s - closure.opened_at_s)
            async for attempt in _attempts(client, policy, delays, outage=number, from_s=closure.closed_at_s):
                attempts = attempt.number
                if attempt.outcome == "opened":
                    reopened_at_s = attempt.ended_at_s
            gave_up = None if reopened_at_s is not None else f"{policy.name} ends after {attempts} attempts"
        else:
            gave_up = f"{policy.name} does not retry {closure.close_code}"
    except PolicyError as error:
        gave_up = str(error)
    finally:
        client.recorder.emit(Outage.after(closure, number, attempts, reopened_at_s, gave_up))
    return reopened_at_s is not None


async def _attempts(
    client: Client, policy: Policy, delays: Iterator[float], *, outage: int, from_s: float
) -> AsyncIterator[Attempt]:
    """Make attempts, each one delay after the end of the previous one, until one opens or the delays end."""
    retry_after_s = None
    for number, delay_s in enumerate(delays, start=1):
        due_at_s = from_s + policy.wait_s(delay_s, retry_after_s)
        client.recorder.tell(
            Waiting(client=client.client, outage=outage, number=number, delay_s=delay_s, due_at_s=due_at_s)
        )
        await asyncio.sleep(due_at_s - client.recorder.now())
        attempt = await client.open(outage=outage, number=number, delay_s=delay_s, due_at_s=due_at_s)
        yield attempt
        if attempt.outcome == "opened":
            return
        from_s, retry_after_s = attempt.ended_at_s, attempt.retry_after_s
