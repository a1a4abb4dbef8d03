"""The load that a watch may put on a server, which is fixed, and the pace of its clients, which adapts."""

from __future__ import annotations

import asyncio
from collections import deque
from statistics import median

from wslab.core.records import Closure

WINDOW_S = 60.0


class Allowance:
    """The connections that all clients together may open, and the messages they may send, per minute; others wait."""

    def __init__(self, *, connections_per_min: int, messages_per_min: int) -> None:
        self._openings = _Window(connections_per_min)
        self._messages = _Window(messages_per_min)

    async def opening(self) -> None:
        await self._openings.turn()

    async def message(self) -> None:
        await self._messages.turn()


class _Window:
    def __init__(self, most: int) -> None:
        self._most = most
        self._taken: deque[float] = deque()

    async def turn(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            while self._taken and self._taken[0] <= loop.time() - WINDOW_S:
                self._taken.popleft()
            if len(self._taken) < self._most:
                self._taken.append(loop.time())
                return
            await asyncio.sleep(self._taken[0] + WINDOW_S - loop.time())


class Pace:
    """How often members act. A connection closed before its member acted shows nothing, so the pace follows their ages.

    Fields:
        interval_s: between two actions of a steady role: a third of the median age of closed connections, but at
            least `fastest_s`, to stay within the allowance. back_s: the shortest absence after a closure.
    """

    def __init__(self, interval_s: float, *, fastest_s: float, back_s: float) -> None:
        self.interval_s = interval_s
        self.fastest_s = fastest_s
        self.back_s = back_s
        self._ages_s: list[float] = []

    def note(self, closure: Closure) -> None:
        """Adapt to a connection that the other side or the network ended."""
        if closure.closed_by == "client":
            return
        self._ages_s.append(closure.close_started_at_s - closure.opened_at_s)
        if len(self._ages_s) > 2:
            self.interval_s = max(self.fastest_s, min(self.interval_s, median(self._ages_s) / 3))
