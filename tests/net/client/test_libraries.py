"""Each policy that is called by a library's name waits as long as the library itself, in the same circumstances.

Chance is a number that was given, to both alike, so that delays can be compared one by one and not only as
distributions. The libraries of npm are installed into a temporary folder, or found in `WSLAB_NODE_MODULES`.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.asyncio.server import Server, ServerConnection, serve

from wslab.core.policies import libraries
from wslab.core.policies.policy import Backoff, Policy
from wslab.net import runtime

PROGRAM = Path(__file__).with_name("libraries.cjs")
PACKAGES = (
    *("reconnecting-websocket@4.4.0", "partysocket@1.3.0", "phoenix@1.8.15", "centrifuge@5.8.0"),
    *("graphql-ws@6.4.2", "graphql@16", "socket.io-client@4.8.4", "ws@8"),
)
INSTALL_TIMEOUT_S = 90
CHANCES = (0.1, 0.35, 0.85)
ROUNDING_S = 0.0021
"""Libraries count in whole milliseconds, some of them in sums of two."""


class Given(Random):
    """A generator that draws the same number always."""

    def __init__(self, chance: float) -> None:
        super().__init__(0)
        self._chance = chance

    def random(self) -> float:
        return self._chance


def policy(name: str) -> Policy:
    made: Policy = getattr(libraries, name)()
    return made


def modelled(name: str, chance: float, attempts: int, uptime_s: float | None) -> list[float]:
    """Return the delays of one outage, or, with an uptime, those of one outage after another."""
    if uptime_s is None:
        return list(islice(policy(name).delays(Given(chance)), attempts))
    backoff = Backoff(policy(name), Given(chance))
    return [next(backoff.after(uptime_s)) for _ in range(attempts)]


@pytest.fixture(scope="module")
def node_modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the libraries of npm are; skipped where they cannot be installed, unless WSLAB_REQUIRE_NODE is set."""
    if there := os.environ.get("WSLAB_NODE_MODULES"):
        return Path(there)
    folder = tmp_path_factory.mktemp("npm")
    why = "" if shutil.which("node") and shutil.which("npm") else "node and npm are not installed"
    if not why:
        (folder / "package.json").write_text("{}")
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), *PACKAGES]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=INSTALL_TIMEOUT_S)
        except (subprocess.SubprocessError, OSError) as error:
            why = f"npm does not install the libraries: {error}"
    if why and os.environ.get("WSLAB_REQUIRE_NODE"):
        pytest.fail(why)
    if why:
        pytest.skip(why)
    return folder


@contextmanager
def closing_server(uptime_s: float) -> Iterator[int]:
    """A server that closes every connection with 1012 after so long; yield its port."""

    async def close_soon(connection: ServerConnection) -> None:
        await asyncio.sleep(uptime_s)
        await connection.close(1012)

    async def begin() -> Server:
        return await serve(close_soon, "127.0.0.1", 0)

    async def end(server: Server) -> None:
        server.close()
        await server.wait_closed()

    server = runtime.run(begin())
    try:
        yield next(iter(server.sockets)).getsockname()[1]
    finally:
        runtime.run(end(server))


@pytest.fixture
def closed_port() -> Iterator[int]:
    with socket.socket() as unheard:
        unheard.bind(("127.0.0.1", 0))  # and nobody listens
        yield unheard.getsockname()[1]


def waits(folder: Path, name: str, port: int, chance: float, attempts: int) -> list[float]:
    command = ["node", str(PROGRAM), str(folder), name, str(port), str(chance), str(attempts)]
    told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    waited: list[float] = json.loads(told.stdout)
    return waited


@pytest.mark.parametrize("chance", CHANCES)
@pytest.mark.parametrize("name", ["reconnecting_websocket", "partysocket", "phoenix_js", "centrifuge_js", "socket_io"])
def test_refused_library_waits_as_its_policy_does(
    name: str, chance: float, node_modules: Path, closed_port: int
) -> None:
    waited = waits(node_modules, name, closed_port, chance, 6)
    assert waited == pytest.approx(modelled(name, chance, 6, None), abs=ROUNDING_S)


@pytest.mark.parametrize("uptime_s", [0.0, 6.0], ids=["accepted and closed", "long-lived"])
@pytest.mark.parametrize("name", ["reconnecting_websocket", "partysocket", "phoenix_js"])
def test_library_whose_connections_are_closed_waits_as_its_policy_does(
    name: str, uptime_s: float, node_modules: Path
) -> None:
    speed = 20  # of the program's timers
    with closing_server(uptime_s / speed) as port:
        waited = waits(node_modules, name, port, 0.35, 4)
    assert waited == pytest.approx(modelled(name, 0.35, 4, uptime_s), abs=ROUNDING_S)


def test_graphql_ws_takes_a_refused_attempt_for_final(node_modules: Path, closed_port: int) -> None:
    assert waits(node_modules, "graphql_ws", closed_port, 0.35, 5) == []


@pytest.mark.parametrize("chance", CHANCES)
def test_refused_iteration_of_websockets_waits_as_its_policy_does(
    chance: float, closed_port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = iterate(f"ws://127.0.0.1:{closed_port}/", chance, 8, monkeypatch)
    assert waited == pytest.approx(modelled("websockets", chance, 8, None))


@pytest.mark.parametrize("uptime_s", [0.0, 0.2], ids=["accepted and closed", "longer-lived"])
def test_closed_iteration_of_websockets_comes_back_at_once(uptime_s: float, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing_server(uptime_s) as port:
        waited = iterate(f"ws://127.0.0.1:{port}/", 0.35, 4, monkeypatch)
    assert waited == modelled("websockets", 0.35, 4, uptime_s) == [0.0] * 4


def iterate(url: str, chance: float, attempts: int, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return what `async for` waited before each attempt; the first is made at once, as after a closure."""
    waited: list[float] = []

    class EnoughError(Exception):
        pass

    async def wait(delay_s: float) -> None:
        waited.append(delay_s)

    class Counted(connect):
        made = 0

        async def __aenter__(self) -> ClientConnection:
            Counted.made += 1
            if len(waited) < Counted.made:
                waited.append(0.0)
            if len(waited) >= attempts:
                raise EnoughError
            return await super().__aenter__()

    async def go_on() -> None:
        async for connection in Counted(url, proxy=None, process_exception=fatal_if_enough):
            await connection.wait_closed()

    def fatal_if_enough(error: Exception) -> Exception | None:
        return error if isinstance(error, EnoughError) else None

    monkeypatch.setattr("random.random", lambda: chance)
    monkeypatch.setattr("websockets.asyncio.client.asyncio", Sleepless(wait))
    with pytest.raises(EnoughError):
        runtime.run(go_on())
    return waited


class Sleepless:
    """The module asyncio, but for what waits."""

    def __init__(self, wait: Any) -> None:
        self.sleep = wait

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)


WEBSOCKET_CLIENT = """
import os, sys
import websocket._dispatcher

waited = []

def wait(delay_s):
    waited.append(delay_s)
    if len(waited) == 4:
        print(waited, flush=True)
        os._exit(0)

websocket._dispatcher.time = type("time", (), {"sleep": staticmethod(wait)})
websocket.WebSocketApp(sys.argv[1]).run_forever(reconnect=5)
"""


@pytest.mark.parametrize("uptime_s", [None, 0.0, 0.2], ids=["refused", "accepted and closed", "longer-lived"])
def test_websocket_client_waits_as_its_policy_does(uptime_s: float | None, closed_port: int) -> None:
    with nullcontext(closed_port) if uptime_s is None else closing_server(uptime_s) as port:
        command = [sys.executable, "-c", WEBSOCKET_CLIENT, f"ws://127.0.0.1:{port}/"]
        told = subprocess.run(command, check=True, capture_output=True, text=True, timeout=30)
    assert json.loads(told.stdout) == modelled("websocket_client", 0.5, 4, uptime_s)
