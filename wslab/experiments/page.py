"""A page in a browser as a client of an experiment: its protocol, and its WebSocket in a drill.

How orders reach the page and events come back is not decided here; the panel in a notebook does it.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any, Protocol

from msgspec.structs import replace

from wslab.core.records import BROWSER, Notice, NoticeEvent
from wslab.experiments.servers_side import new_connection
from wslab.net.recording import Recorder
from wslab.net.server.lab_server import LabServer

CONNECT = "new WebSocket()"
"""The call that opens a connection. In a page on https it throws for a server without TLS."""


class PageSocket(Protocol):
    """A page's WebSocket: takes calls, and reports events."""

    async def told(self) -> Notice:
        """Wait for the next event, or for an exception that a call threw."""

    def send(self, payload_bytes: int) -> None:
        """Call `send()` with a text of this many bytes."""

    def close(self, close_code: int | None = None) -> None:
        """Call `close()`, with a code or without."""


class Page(Protocol):
    """A page in a browser that connects for us."""

    def missing(self) -> str | None:
        """Return why there is no page; None if there is one."""

    def connect(self, url: str) -> PageSocket:
        """Call `new WebSocket()` for a server on this machine, by a route that works from the page."""

    def describe(self) -> dict[str, Any]:
        """Return what the run records about it: the browser, and the route by which it connects."""


@dataclass
class Visitor:
    """A page's WebSocket in a drill; without a page, every step does nothing.

    Records may be made long after the event; their times are the page's own.
    """

    page: Page | None
    server: LabServer
    recorder: Recorder
    timeout_s: float
    has_ended: bool = False
    _socket: PageSocket | None = None
    _connection_id: str | None = None
    _accounts_before: int = 0

    def connect(self) -> None:
        self._accounts_before = len(self.server.accounts)
        if self.page is not None:
            self._socket = self.page.connect(self.server.url)

    def send(self, payload_bytes: int) -> None:
        if self._socket is not None and not self.has_ended:
            self._socket.send(payload_bytes)

    def close(self, close_code: int | None = None) -> None:
        if self._socket is not None:  # even if it was silent for too long
            self._socket.close(close_code)

    async def until(self, awaited: NoticeEvent) -> None:
        """Record the page's events until this one, or until the connection ends or nothing comes in time."""
        while self._socket is not None and not self.has_ended:
            try:
                async with asyncio.timeout(self.timeout_s):
                    notice = await self._socket.told()
            except TimeoutError:
                notice = Notice(subject=BROWSER, connection_id=None, elapsed_s=self.timeout_s, event="silence")
            if notice.event == "open":
                self._connection_id = await new_connection(self.server, self._accounts_before, self.recorder)
            self.has_ended = notice.event in ("close", "silence") or notice.call == CONNECT
            self.recorder.emit(replace(notice, connection_id=self._connection_id))
            if notice.event == awaited:
                return
