"""What the tests of several folders share."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from multiprocessing import resource_tracker
from typing import Any

import pytest
from distributed import LocalCluster
from hypothesis import settings
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from wslab.net import runtime

# A busy machine is no failure: no test asserts how long an example takes.
settings.register_profile("wslab", deadline=None)
settings.load_profile("wslab")


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """A Dask cluster of two worker processes, on loopback."""
    with LocalCluster(
        n_workers=2, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address="127.0.0.1:0"
    ) as running:
        yield running
    # The interpreter's own helper would stay as long as this process, and other tests ask that no child does.
    resource_tracker._resource_tracker._stop()  # type: ignore[attr-defined]


class Front:
    """Obeys a panel's orders as the page's script does, with Python's WebSockets under a page's rules.

    What a browser itself makes of them is in tests/browser.
    """

    def __init__(self, hear: Callable[[dict[str, Any]], None], page: str = "front") -> None:
        self._hear = hear
        self._page = page
        self._sockets: dict[int, asyncio.Queue[dict[str, Any]]] = {}

    def arrive(self, page_url: str = "http://localhost:8888") -> None:
        facts = {"user_agent": "tests", "page_url": page_url, "base_url": "/"}
        self._hear({"do": "arrive", "page": self._page, **facts})

    def leave(self) -> None:
        self._hear({"do": "leave", "page": self._page})

    def obey(self, order: dict[str, Any]) -> None:
        if order.get("page") != self._page:
            return
        if order["order"] == "connect":
            orders = self._sockets[order["socket"]] = asyncio.Queue()
            runtime.start(self._live(order["socket"], order["url"], orders))
        else:
            runtime.background_loop().call_soon_threadsafe(self._sockets[order["socket"]].put_nowait, order)

    async def _live(self, socket: int, url: str, orders: asyncio.Queue[dict[str, Any]]) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()

        def tell(event: str, **more: Any) -> None:
            told = {"event": event, "elapsed_s": loop.time() - began, **more}
            self._hear({"do": "told", "page": self._page, "socket": socket, "event": told})

        try:
            connection = await connect(url, compression=None, proxy=None)
        except Exception:  # a page is not told which
            tell("error")
            tell("close", close_code=1006, close_reason="", clean=False)
            return
        tell("open")
        obeying = asyncio.create_task(self._use(connection, orders, tell))
        try:
            async for message in connection:
                tell("message", message_bytes=len(message))
        except ConnectionClosed:
            pass
        obeying.cancel()
        close = connection.protocol.close_rcvd
        code, reason = (close.code, close.reason) if close else (1006, "")
        tell("close", close_code=code, close_reason=reason, clean=close is not None)

    async def _use(
        self, connection: ClientConnection, orders: asyncio.Queue[dict[str, Any]], tell: Callable[..., None]
    ) -> None:
        while True:
            match await orders.get():
                case {"order": "send", "payload_bytes": payload_bytes}:
                    await connection.send("x" * payload_bytes)
                case {"order": "close", "close_code": None}:
                    await connection.close()
                case {"order": "close", "close_code": code} if code == 1000 or 3000 <= code <= 4999:
                    await connection.close(code)
                case {"order": "close", "close_code": code}:
                    tell("thrown", call=f"close({code})", words="InvalidAccessError: not for a page")


@pytest.fixture
def front() -> type[Front]:
    """What stands where a page's script would be."""
    return Front
