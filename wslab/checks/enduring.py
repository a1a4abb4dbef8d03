"""Many connections in a row, refused or merely opened, beside a client that pings: who notices what."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import NamedTuple

from wslab.core.target import Target
from wslab.net.client.client import Client
from wslab.net.recording import Recorder

REFUSALS = 100
"""Connections that are refused one after the other, while a bystander pings."""

MAX_REFUSING_S = 10.0
"""Fewer are, where they take so long: a server may linger on each."""

PING_EVERY_S = 0.05
ANSWER_WITHIN_S = 5.0


class Endured(NamedTuple):
    """What came of many connections: how many were tried, opened and refused, and how the bystander fared."""

    tried: int
    opened: int
    refused: int
    pings: int
    answered: int
    is_open: bool
    elapsed_s: float

    @property
    def is_well(self) -> bool:
        return self.opened == self.tried and self.is_open and self.answered == self.pings

    @property
    def problem(self) -> str:
        """What went wrong, as a part of a sentence."""
        if self.opened < self.tried:
            return f"{self.tried - self.opened} of {self.tried} connections were not opened"
        if not self.is_open:
            return "another client lost its connection"
        return f"{self.pings - self.answered} of {self.pings} pings of another client got no answer"


async def endure(target: Target, count: int, meet: Callable[[Client], Awaitable[bool]]) -> Endured:
    """Open so many connections, one after the other, and `meet` each, while another client pings.

    Args:
        meet: does on an open connection what is to be endured, and returns whether it was refused.
    """
    async with opened(target) as bystander:
        pings: list[float | None] = []
        pinging = asyncio.create_task(_go_on_pinging(bystander, pings))
        began_s = bystander.recorder.now()
        tried = opened_count = refused = 0
        try:
            while tried < count and bystander.recorder.now() - began_s < MAX_REFUSING_S:
                tried += 1
                async with opened(target) as client:
                    if client.connection is not None:
                        opened_count += 1
                        refused += await meet(client)
        finally:
            pinging.cancel()
            await asyncio.gather(pinging, return_exceptions=True)
        answered = sum(ping_s is not None for ping_s in pings)
        elapsed_s = round(bystander.recorder.now() - began_s, 3)
        return Endured(tried, opened_count, refused, len(pings), answered, bystander.is_open, elapsed_s)


@contextlib.asynccontextmanager
async def opened(target: Target) -> AsyncIterator[Client]:
    """Open a client, and end its connection whatever state it is in."""
    client = Client(target, Recorder())
    try:
        await client.open()
        yield client
    finally:
        if client.connection is not None and client.is_open:
            client.connection.transport.abort()
            await client.connection.wait_closed()


async def ponged(client: Client, payload: bytes) -> float | None:
    """Ping; return the seconds until the pong, or None where none came in time."""
    assert client.connection is not None
    began_s = client.recorder.now()
    try:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            await (await client.connection.ping(payload))
    except Exception:  # the connection ended, or nothing came in time
        return None
    return client.recorder.now() - began_s


async def _go_on_pinging(client: Client, pings: list[float | None]) -> None:
    if client.connection is None:
        return
    for number in range(2**31):
        pings.append(await ponged(client, b"wslab %d" % number))
        await asyncio.sleep(PING_EVERY_S)
