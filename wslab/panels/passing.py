"""The latest rows of what passes a relay, told whole, so that a page never holds more than it shows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from wslab.core.records import Record
from wslab.core.relay.rows import row_of
from wslab.panels.live import Event, Live

ROWS = 200
TOLD_EVERY_S = 0.1
"""Rows are read, not watched like a mark that moves; a relay may pass thousands of frames within this."""


class LatestRows(Live):
    """Called with each record of a relay, on the background loop; `events` are the latest `ROWS`.

    Args:
        tell_all: called with all of them, at most every `TOLD_EVERY_S`.
    """

    def __init__(self, tell_all: Callable[[list[Event]], None]) -> None:
        super().__init__(tell_all)
        self._tell_all = tell_all

    def __call__(self, record: Record) -> None:
        if (row := row_of(record)) is None:
            return
        self.events.append(["passing", *row])
        del self.events[:-ROWS]
        if self._frame is None:
            self._frame = asyncio.get_running_loop().call_later(TOLD_EVERY_S, self.flush)

    def flush(self) -> None:
        """Tell them, from any thread."""
        self._frame = None
        self.tell_anew(self._tell_all)
