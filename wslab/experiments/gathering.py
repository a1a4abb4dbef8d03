"""Waiting for clients to connect, to lose their connections and to come back: a few here, or thousands in workers."""

from __future__ import annotations

import abc
import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, NamedTuple

from wslab.net.recording import Recorder


class Whereabouts(NamedTuple):
    """How many clients made their first attempt (`attempted`), are connected (`held`), or lost their connection and
    have not returned (`away`); `returned` counts outages that are over, one way or the other.
    """

    attempted: int
    held: int
    away: int
    returned: int


class Gathering(abc.ABC):
    """Clients that connect and come back by themselves.

    Args:
        recorder: gets the progress of each wait.
        timeout_s: the longest that each wait may take.
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
        """Wait until the tally changes; return at once if it has changed since the last call."""

    async def connected(self) -> None:
        """Wait until each client has made its first attempt."""
        await self._wait(self._until(lambda now: now.attempted, self._size, "connected"))

    async def lost(self) -> None:
        """Wait until the first client has lost its connection."""
        before = self.tally()
        await self._wait(self._until(lambda now: min(1, now.away + now.returned - before.returned), 1, "lost"))

    @contextlib.asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        """After the block, which ends the connections, wait until each of them is restored or given up.

        After the timeout, go on; the outages of the clients say which were still away.
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
            telling.result()  # a progress callback may have raised
        await self._wait(self._until(back, before.held, "back"))

    async def _wait(self, reached: Coroutine[Any, Any, None]) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(reached, self._timeout_s)

    async def _until(self, done: Callable[[Whereabouts], int], total: int, doing: str) -> None:
        while (count := done(self.tally())) < total:
            self._recorder.step(count, total, doing)
            await self.changed()
        self._recorder.step(total, total, doing)
