"""What the tests of several folders share."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Generator, Iterator
from multiprocessing import resource_tracker
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from steady import STARVED
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from wslab.net import runtime

if TYPE_CHECKING:
    from distributed import LocalCluster

# A busy machine is no failure: no test asserts how long an example takes.
# Continuous integration tries the same examples each time: what fails there is the change. Elsewhere they are new.
settings.register_profile("wslab", deadline=None, derandomize=bool(os.environ.get("WSLAB_REQUIRE_ALL")))
settings.load_profile("wslab")

# Whoever starts the tests in the background, as a shell does with &, has them ignore what Ctrl-C sends; the programs
# that they start would inherit that, and those that are to be interrupted never end.
signal.signal(signal.SIGINT, signal.default_int_handler)

# jsonschema would compile 38 grammars of addresses, for a second in each worker; nothing here checks an address.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]  # as if it was not installed

# Lessons that tests solve are nobody's progress.
os.environ["WSLAB_PROGRESS"] = ""

LONGEST_FIRST = ("tests/browser/", "tests/test_lessons.py", "tests/test_replayed_lessons.py")
"""What several workers begin with, so that none is left with a long one at the end."""

WAITING = ("tests/checks/", "tests/net/limits/", "tests/test_hostile_peers.py")
"""Tests that mostly wait: spread among those that work, so that the processors have something to do meanwhile."""

TOGETHER = ("tests/browser/", "tests/jupyter/")
"""Folders whose files share a JupyterLab with its browser, or a Jupyter server."""

APART = (*WAITING, "tests/core/limits/")
"""Tests that share nothing slow to set up, so that each may run on another worker."""

QUICK = (
    "tests/captures/",
    "tests/core/",
    "tests/views/",
    "tests/test_environment.py",
    "tests/test_layers.py",
    "wslab/",
)
"""Whose tests open no socket and start next to no program: what `--quick` runs, and what several workers end with."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="run the tests alone that open no socket")


def group_of(nodeid: str) -> str:
    """Return what a test shares a worker with, for a slow fixture's sake: a folder with one server, or its file."""
    for folder in TOGETHER:
        if nodeid.startswith(folder):
            return folder
    return nodeid if nodeid.startswith(APART) else nodeid.partition("::")[0]


OF_THE_MACHINE = (
    "no IPv6",
    "only root can be somebody else",
    "no device that is always full",
    "counted in /proc",
    "no JupyterHub is installed",
    "no node with a WebSocket",
    STARVED,
)
"""Reasons to skip a test: what the machine cannot do or did not, and a hub, which is much to install for one test."""


def fail_if_skipped(report: pytest.CollectReport | pytest.TestReport) -> None:
    """Let no test be skipped where WSLAB_REQUIRE_ALL is set, as in continuous integration: it would prove nothing."""
    if any(reason in str(report.longrepr) for reason in OF_THE_MACHINE):
        return
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("WSLAB_REQUIRE_ALL"):
        report.outcome = "failed"
        report.longrepr = f"skipped, which WSLAB_REQUIRE_ALL forbids: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    fail_if_skipped(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    fail_if_skipped(report)
    return report


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    from xdist.scheduler import LoadScopeScheduling  # who runs one file needs no xdist

    config.option.loadscopereorder = False
    scheduler = LoadScopeScheduling(config, log)
    scheduler._split_scope = group_of
    return scheduler


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Order the tests for several workers; one process alone takes them in the order of the files."""
    if config.getoption("quick"):
        config.hook.pytest_deselected(items=[item for item in items if not item.nodeid.startswith(QUICK)])
        items[:] = [item for item in items if item.nodeid.startswith(QUICK)]
    if hasattr(config, "workerinput"):
        places = places_of(items)
        items.sort(key=lambda item: places[item])


def places_of(items: list[pytest.Item]) -> dict[pytest.Item, float]:
    """Return where each test stands: the longest below 0, the quick at 1, the others and those that wait between."""
    waiting = [item for item in items if item.nodeid.startswith(WAITING)]
    others = [item for item in items if not item.nodeid.startswith((*LONGEST_FIRST, *WAITING, *QUICK))]
    files = {path: number for number, path in enumerate(dict.fromkeys(item.path for item in others))}
    places = dict.fromkeys(items, 1.0)
    places |= {item: files[item.path] / len(files) for item in others}
    places |= {item: 0.8 * number / len(waiting) for number, item in enumerate(waiting)}
    for number, start in enumerate(LONGEST_FIRST):
        places |= {item: number - len(LONGEST_FIRST) for item in items if item.nodeid.startswith(start)}
    return places


@pytest.fixture(scope="module")
def cluster() -> Iterator[LocalCluster]:
    """A Dask cluster of two worker processes, on loopback."""
    from distributed import LocalCluster  # half a second in each process that imports it

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
