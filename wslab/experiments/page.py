"""A page in a browser as a client of an experiment: what it has to be able to do, and its one WebSocket of a drill.

What carries orders to a page and its events back is no matter of ours: the panel in a notebook does.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Protocol

from msgspec.structs import replace

from wslab.core.records import BROWSER, Notice, NoticeEvent
from wslab.net.recording import Recorder
from wslab.net.server.lab_server import LabServer

ACCOUNT_PATIENCE_S = 0.5
CONNECT = "new WebSocket()"
"""The call without which there is no connection; of a page on https it throws for a server that has no TLS."""


class PageSocket(Protocol):
    """A WebSocket of a page: told what to do, and asked what it was told."""

    async def told(self) -> Notice:
        """Wait for the next event, or the next exception of a call."""

    def send(self, payload_bytes: int) -> None:
        """Call `send()` with a text of so many bytes."""

    def close(self, close_code: int | None = None) -> None:
        """Call `close()`, with a code or without."""


class Page(Protocol):
    """A page in a browser that connects for us."""

    def missing(self) -> str | None:
        """Say why there is no page; None: there is one."""

    def connect(self, url: str) -> PageSocket:
        """Call `new WebSocket()` for a server of this machine, by the way that leads there from the page."""

    def describe(self) -> dict[str, Any]:
        """Return what a run should say of it: the browser, and the way by which it connects."""


@dataclass
class Visitor:
    """A page's one WebSocket of a drill; where there is no page, every step of it is nothing.

    Its records may be made long after the page was told: their times are the page's own.
    """

    page: Page | None
    server: LabServer
    recorder: Recorder
    timeout_s: float
    has_ended: bool = False
    _socket: PageSocket | None = None
    _connection_id: str | None = None
    _accounts_before: set[str] = field(default_factory=set)

    def connect(self) -> None:
        self._accounts_before = {account.connection_id for account in self.server.accounts}
        if self.page is not None:
            self._socket = self.page.connect(self.server.url)

    def send(self, payload_bytes: int) -> None:
        if self._socket is not None and not self.has_ended:
            self._socket.send(payload_bytes)

    def close(self, close_code: int | None = None) -> None:
        if self._socket is not None:  # also one that said nothing for too long
            self._socket.close(close_code)

    async def until(self, awaited: NoticeEvent) -> None:
        """Keep what the page is told until it is this, or the connection has ended, or nothing comes in time."""
        while self._socket is not None and not self.has_ended:
            try:
                async with asyncio.timeout(self.timeout_s):
                    notice = await self._socket.told()
            except TimeoutError:
                notice = Notice(subject=BROWSER, connection_id=None, elapsed_s=self.timeout_s, event="silence")
            if notice.event == "open":
                self._connection_id = await self._find_connection()
            self.has_ended = notice.event in ("close", "silence") or notice.call == CONNECT
            self.recorder.emit(replace(notice, connection_id=self._connection_id))
            if notice.event == awaited:
                return

    async def _find_connection(self) -> str | None:
        """Return the id of the connection that the server has accounted for since; a page cannot read it."""
        deadline = self.recorder.now() + ACCOUNT_PATIENCE_S
        while self.recorder.now() < deadline:
            for account in self.server.accounts:
                if account.connection_id not in self._accounts_before:
                    return account.connection_id
            await asyncio.sleep(0.002)
        return None
