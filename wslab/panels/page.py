"""The page that shows a panel, as a client: it opens WebSockets of its own on the kernel's orders, and tells of them.

Orders go out as the widget's messages and events come in the same way (`static/browser.js`), on any thread; here they
become what `wslab.experiments.browser_drill` and the field guide ask of a page.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from typing import Any

from wslab.core.records import BROWSER, Notice
from wslab.core.routes import Way, routes
from wslab.fieldguide.clients import Ask, ClientReport, Order
from wslab.net import runtime

Send = Callable[[dict[str, Any]], None]


class PanelPage:
    """The page that came last of those which show a panel; a `Page` of experiments, and a `Subject` of the field guide.

    Args:
        send: hands a message to all pages that show the panel.
    """

    name = BROWSER

    def __init__(self, send: Send) -> None:
        self._send = send
        self._present: dict[str, dict[str, Any]] = {}  # by the page's own name, in the order in which they came
        self.way: Way | None = None  # see `wslab.panels.way`
        self._sockets: dict[int, PanelSocket] = {}
        self._numbers = itertools.count(1)

    # What the page says

    def heard(self, message: dict[str, Any]) -> None:
        """Take in a message of `static/browser.js`; ignore what is of a page or a socket that is gone."""
        match message:
            case {"do": "arrive", "page": page, **facts}:
                self._present[page] = facts
            case {"do": "leave", "page": page}:
                self._present.pop(page, None)
            case {"do": "told", "socket": number, "event": event} if number in self._sockets:
                self._sockets[number].hear(Notice(subject=BROWSER, connection_id=None, **event))

    # What it is asked

    @property
    def latest(self) -> str | None:
        """The name of the page that carries out orders; None where there is no page."""
        return next(reversed(self._present), None)

    def missing(self) -> str | None:
        if self.latest is None:
            return "no page in a browser shows the panel"
        return None if self.way else "no way was found from the page to the server"

    def describe(self) -> dict[str, Any]:
        return {"user_agent": self._facts["user_agent"], "way": self.way}

    def whereabouts(self) -> dict[str, str]:
        """Return what `wslab.core.routes.routes` must know of the page."""
        return {name: self._facts[name] for name in ("page_url", "base_url")}

    def origins(self) -> tuple[str, ...]:
        """Return the page's origin, if it is one of the web."""
        origin = self._facts["page_url"] if self.latest else ""
        return (origin,) if origin.startswith(("http://", "https://")) else ()

    def connect(self, url: str) -> PanelSocket:
        number, page = next(self._numbers), self.latest
        [route] = [route for route in routes(url, **self.whereabouts()) if route.way == self.way]
        socket = self._sockets[number] = PanelSocket(lambda order: self._send({"page": page, "socket": number} | order))
        socket.order("connect", url=route.url)
        return socket

    @contextlib.asynccontextmanager
    async def asking(self) -> AsyncIterator[Ask]:
        yield self._ask

    async def _ask(self, order: Order, timeout_s: float) -> ClientReport:
        socket = self.connect(order.url)
        error = None
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    match await socket.told():
                        case Notice(event="open"):
                            socket.send(order.payload_bytes)
                        case Notice(event="error"):
                            error = "error"  # the event's type, and all that it says
                        case Notice(event="close", close_code=code, close_reason=reason):
                            return ClientReport(close_code=code, close_reason=reason, error=error)
        except TimeoutError:
            return ClientReport(close_code=None, error=f"nothing within {timeout_s} s")
        finally:
            socket.close()

    @property
    def _facts(self) -> dict[str, Any]:
        return next(reversed(self._present.values()))


class PanelSocket:
    """One WebSocket of a page."""

    def __init__(self, order: Send) -> None:
        self._order = order
        self._loop = runtime.background_loop()
        self._heard: asyncio.Queue[Notice] = asyncio.Queue()

    def hear(self, notice: Notice) -> None:
        self._loop.call_soon_threadsafe(self._heard.put_nowait, notice)

    async def told(self) -> Notice:
        return await self._heard.get()

    def order(self, call: str, **arguments: Any) -> None:
        self._order({"order": call} | arguments)

    def send(self, payload_bytes: int) -> None:
        self.order("send", payload_bytes=payload_bytes)

    def close(self, close_code: int | None = None) -> None:
        self.order("close", close_code=close_code)
