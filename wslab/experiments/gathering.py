"""What a handful of clients in this process and thousands in workers have in common: they are waited for."""

from __future__ import annotations

import abc
import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, NamedTuple

from wslab.net.recording import Recorder


class Whereabouts(NamedTuple):
    """Where clients are: `attempted`, have made their first attempt; `held`, are connected; `away`, have lost their
    connection and are to come back; `returned` counts outages that are over, one way or the other.
    """

    attempted: int
    held: int
    away: int
    returned: int


class Gathering(abc.ABC):
    """Clients that connect and come back by themselves, and can be waited for.

    Args:
        recorder: is told how many of them are where they are waited for.
        timeout_s: how long they are waited for, each time.
    """

    def __init__(self, recorder: Recorder, clients: int, timeout_s: float) -> None:
        self._recorder = recorder
        self._size = clients
        self._timeout_s = timeout_s

    @abc.abstractmethod
    def tally(self) -> Whereabouts:
        """Return where the clients are."""

    @abc.abstractmethod
    async def changed(self) -> None:
        """Wait until that has changed, or has since this was last awaited."""

    async def connected(self) -> None:
        """Wait until each client has made its first attempt."""
        await self._wait(self._until(lambda now: now.attempted, self._size, "connected"))

    async def lost(self) -> None:
        """Wait until the first of them has lost its connection."""
        before = self.tally()
        await self._wait(self._until(lambda now: min(1, now.away + now.returned - before.returned), 1, "lost"))

    @contextlib.asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        """Wait, after the block has ended their connections, until each of those connected before it is back or away
        for good; after the timeout go on, and leave it to their outages to say who was not back.
        """
        before = self.tally()

        def back(now: Whereabouts) -> int:
            # A client that is closed again, by a server that flaps, is away again.
            over = min(before.held, now.returned - before.returned)
            return min(over, before.held - 1) if now.away else over

        telling = asyncio.create_task(self._until(back, before.held, "back"))
        try:
            yield
        finally:
            telling.cancel()
            await asyncio.wait([telling])
        if not telling.cancelled():
            telling.result()  # who listens to progress may have raised
        await self._wait(self._until(back, before.held, "back"))

    async def _wait(self, reached: Coroutine[Any, Any, None]) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reached, self._timeout_s)

    async def _until(self, done: Callable[[Whereabouts], int], total: int, doing: str) -> None:
        while (count := done(self.tally())) < total:
            self._recorder.step(count, total, doing)
            await self.changed()
        self._recorder.step(total, total, doing)
