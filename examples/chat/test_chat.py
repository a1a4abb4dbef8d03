"""The chat's client against a lab server that restarts, and its server against the checks: `pytest examples/chat`."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from wslab import LabServer
from wslab.checks import check_server
from wslab.core.records import RestartKind
from wslab.core.target import Target
from wslab.pytest_plugin import assert_comes_back, assert_sees, assert_stays_away

HERE = Path(__file__).parent

StartClient = Callable[..., None]


@pytest.fixture(scope="session")
def node() -> list[str]:
    """Node with the browser's WebSocket: from version 22 on, and in 20 by an option."""
    for command in (["node"], ["node", "--no-warnings", "--experimental-websocket"]):
        try:
            subprocess.run([*command, "--eval", "WebSocket"], check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            continue
        return command
    pytest.skip("there is no node with a WebSocket, which versions 20 and later have")


@pytest.fixture
def start_client(node: list[str]) -> Iterator[StartClient]:
    running: list[subprocess.Popen[bytes]] = []

    def start(url: str, *messages: str) -> None:
        command = [*node, str(HERE / "client.mjs"), url, *messages]
        running.append(subprocess.Popen(command, stdout=subprocess.DEVNULL))

    yield start
    for client in running:
        client.kill()
        client.wait()


@pytest.mark.wslab(downtime_s=0.2)
@pytest.mark.parametrize("kind", ["graceful", "crash"])
def test_client_comes_back(lab_server: LabServer, start_client: StartClient, kind: RestartKind) -> None:
    start_client(lab_server.url)
    assert_comes_back(lab_server)
    lab_server.restart(kind)
    assert_comes_back(lab_server)


@pytest.mark.wslab(restart_code=1008, downtime_s=0)
def test_client_stays_away_where_coming_back_cannot_help(lab_server: LabServer, start_client: StartClient) -> None:
    start_client(lab_server.url)
    assert_comes_back(lab_server)
    lab_server.restart()
    assert_stays_away(lab_server, for_s=1)


@pytest.mark.wslab(max_message_bytes=10)
def test_client_does_not_send_again_what_was_too_big(lab_server: LabServer, start_client: StartClient) -> None:
    start_client(lab_server.url, "far too much for this server", "fits")
    assert_comes_back(lab_server)
    assert_sees(lab_server, 1009)
    lab_server.restart()
    assert_comes_back(lab_server)
    refused = [account for account in lab_server.accounts if account.sent is not None and account.sent.code == 1009]
    assert len(refused) == 1


class ChatServer:
    """The server as a process on one port, that may be restarted as a deployment restarts it."""

    def __init__(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen([sys.executable, str(HERE / "server.py"), str(self.port)])
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
                return
            time.sleep(0.05)
        pytest.fail("the chat server did not start within 30 s")

    def restart(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        self.start()

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def chat_server() -> Iterator[ChatServer]:
    server = ChatServer()
    yield server
    server.kill()


def test_server_is_right_about_its_limit_and_its_restart(chat_server: ChatServer) -> None:
    cases = ["refuses_with_1009", "tells_idle_clients", "comes_back"]
    target = Target(f"ws://127.0.0.1:{chat_server.port}/")
    check = check_server(target, cases=cases, restart=chat_server.restart)
    assert {result.case: result.judgement for result in check.results} == dict.fromkeys(cases, "passes"), check
