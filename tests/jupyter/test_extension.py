"""What arrives of a closure by each way to a lab server: direct, jupyter-server-proxy, the extension's route.

The tests of jupyter-server-proxy document what it does as of 4.6.0. One that fails has good news, and says so.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from random import Random
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import serve
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin

from wslab.core.records import Account, Attempt, Close, Closure
from wslab.core.routes import CloseEvent, judge, routes
from wslab.core.target import Target
from wslab.net import runtime
from wslab.net.client.client import Client
from wslab.net.recording import Recorder
from wslab.net.relay.switch import RESET_ON_CLOSE
from wslab.net.server.lab_server import LabServer

from .conftest import BASE_URL, HUB, TOKEN, Jupyter, StartJupyter

WAYS = ("direct", "proxy", "wslab")
REASON = "as the server says"
CODES = (1000, 1001, 1005, 1006, 1008, 1011, 1012, 1013, 4000)
ELSEWHERE = "https://elsewhere.example"
PROXY_LIMIT_BYTES = 10 * 2**20

GOOD_NEWS = (
    f"jupyter-server-proxy {version('jupyter-server-proxy')} no longer does what 4.6.0 did; "
    "say so in wslab/jupyter/__init__.py and docs/jupyterhub.md, and see whether the extension is still needed"
)


@pytest.fixture(scope="module")
def server() -> Iterator[LabServer]:
    with LabServer(downtime_s=0, restart_reason=REASON) as running:
        yield running


@pytest.fixture(scope="module")
def closing() -> Iterator[LabServer]:
    """A server that closes each connection as soon as it is open, with the code and reason that it is told."""
    with LabServer(comes_back=False, while_down="flap", restart_reason=REASON) as running:
        running.restart()
        yield running


def address(jupyter: Jupyter, server: LabServer, way: str) -> str:
    return server.url if way == "direct" else jupyter.url(way, server.port)


def by_each_way(
    jupyter: Jupyter, server: LabServer, act: Callable[[dict[str, Client]], Coroutine[Any, Any, object]], **options: Any
) -> dict[str, Closure]:
    """Connect a client by each way, let something happen to them, and return how their connections ended."""

    async def watch() -> dict[str, Closure]:
        clients = {way: Client(address(jupyter, server, way), Recorder(), **options) for way in WAYS}
        attempts = await asyncio.gather(*(client.open() for client in clients.values()))
        assert [attempt.outcome for attempt in attempts] == ["opened"] * len(WAYS)
        await act(clients)
        return {way: await client.closed() for way, client in clients.items()}

    return runtime.run(watch())


def told(closure: Closure) -> tuple[int, str, bool]:
    """What a page is told: CloseEvent's code, reason and wasClean."""
    return closure.close_code, closure.close_reason, closure.clean


# From the server to the page


def test_restart_arrives(jupyter: Jupyter, server: LabServer) -> None:
    seen = by_each_way(jupyter, server, lambda _: server.restart_async())
    assert told(seen["wslab"]) == told(seen["direct"]) == (1012, REASON, True)
    assert told(seen["proxy"]) == (1005, "", True), GOOD_NEWS


@pytest.mark.parametrize("code", CODES)
def test_code_of_the_server_arrives(jupyter: Jupyter, closing: LabServer, code: int) -> None:
    closing.tune(restart_code=code)
    seen = by_each_way(jupyter, closing, lambda _: asyncio.sleep(0))
    reason, clean = ("", code == 1005) if code in (1005, 1006) else (REASON, True)
    assert told(seen["direct"]) == told(seen["wslab"]) == (code, reason, clean)
    assert seen["wslab"].tcp_end == seen["direct"].tcp_end
    assert told(seen["proxy"])[:2] == (1005, ""), GOOD_NEWS


def test_judgement_of_each_way_is_what_is_measured(jupyter: Jupyter, closing: LabServer) -> None:
    sent = [Close(code=code, reason=REASON) for code in (1012, 4000)]
    seen = []
    for close in sent:
        closing.tune(restart_code=close.code)
        seen.append(by_each_way(jupyter, closing, lambda _: asyncio.sleep(0)))
    findings = {}
    for route in routes(closing.url, page_url=f"http://{jupyter.address}lab", base_url=BASE_URL):
        events = [CloseEvent(True, each[route.way].close_code, each[route.way].close_reason) for each in seen]
        findings[route.way] = judge(route, list(zip(sent, events, strict=True))).outcome
        assert route.url == address(jupyter, closing, route.way).partition("?")[0]
    assert (findings["direct"], findings["wslab"]) == ("direct", "preserved")
    assert findings["proxy"] == "altered", GOOD_NEWS


def test_crash_of_the_server_arrives_as_the_end_of_tcp(jupyter: Jupyter, server: LabServer) -> None:
    seen = by_each_way(jupyter, server, lambda _: server.restart_async("crash"))
    assert told(seen["wslab"]) == told(seen["direct"]) == (1006, "", False)


@pytest.mark.parametrize("after_refusal", ["drain", "reset"])
def test_refusal_arrives_in_the_middle_of_sending(jupyter: Jupyter, after_refusal: str) -> None:
    async def overshoot(clients: dict[str, Client]) -> None:
        for client in clients.values():
            await client.send_message(b"x" * 4_000_000)

    with LabServer(max_message_bytes=1000, after_refusal=after_refusal) as server:
        seen = by_each_way(jupyter, server, overshoot)
    assert seen["direct"].close_code == 1009
    assert (seen["wslab"].close_code, seen["wslab"].close_reason) == (1009, seen["direct"].close_reason)
    assert seen["proxy"].close_code == 1005, GOOD_NEWS


def test_1009_is_never_the_routes_own(jupyter: Jupyter) -> None:
    async def send(url: str) -> tuple[str, int | None]:
        client = Client(url, Recorder())
        await client.open()
        sent = await client.send_message(b"x" * (PROXY_LIMIT_BYTES + 1), confirm="ping")
        await client.close()
        return sent.outcome, sent.close_code

    with LabServer(max_message_bytes=None, reply="sink") as server:
        seen = {way: runtime.run(send(address(jupyter, server, way))) for way in WAYS}
    assert seen["direct"] == seen["wslab"] == ("accepted", None)
    assert seen["proxy"] == ("closed", 1009), GOOD_NEWS


# From the page to the server


@pytest.mark.parametrize("code", [1000, 1001, 1008, 1009, 1011, 1012, 1013, 4000])
def test_code_of_the_page_arrives(jupyter: Jupyter, server: LabServer, code: int) -> None:
    async def close(clients: dict[str, Client]) -> None:
        for client in clients.values():
            await client.close(code, "as the page says")

    accounts = accounts_by_each_way(jupyter, server, close)
    for way in ("direct", "wslab"):
        assert accounts[way].received == Close(code=code, reason="as the page says")
    assert accounts["proxy"].received == Close(code=1005), GOOD_NEWS


def test_page_that_vanishes_says_nothing(jupyter: Jupyter, server: LabServer) -> None:
    async def vanish(clients: dict[str, Client]) -> None:
        for client in clients.values():
            assert client._connection is not None
            client._connection.transport.abort()

    accounts = accounts_by_each_way(jupyter, server, vanish)
    assert accounts["direct"].received is accounts["wslab"].received is None
    assert accounts["wslab"].closed_by == "network"


def accounts_by_each_way(
    jupyter: Jupyter, server: LabServer, act: Callable[[dict[str, Client]], Coroutine[Any, Any, object]]
) -> dict[str, Account]:
    """Return the server's own account of each connection; jupyter-server-proxy's has no id for its client to know."""
    before = {account.connection_id for account in server.accounts}
    seen = by_each_way(jupyter, server, act)
    new = {a.connection_id: a for a in server.accounts if a.connection_id not in before}
    runtime.run(server.settle(new))
    new = {a.connection_id: a for a in server.accounts if a.connection_id in new}
    accounts = {way: new.pop(closure.connection_id) for way, closure in seen.items() if closure.connection_id}
    assert len(new) == 1
    return accounts | {"proxy": new.popitem()[1]}


# What else is passed on


def test_text_binary_fragments_and_compression_pass(jupyter: Jupyter) -> None:
    async def converse(url: str) -> list[str | bytes]:
        async with connect(url, compression="deflate", proxy=None) as connection:
            assert [type(extension).__name__ for extension in connection.protocol.extensions] == ["PerMessageDeflate"]
            replies = []
            for message in ("text: é", b"\0binary", ["in ", "three ", "frames"]):
                await connection.send(message)
                replies.append(await connection.recv())
            return replies

    with LabServer(compression=True) as server:
        replies = runtime.run(converse(jupyter.url("wslab", server.port)))
        assert replies == ["text: é", b"\0binary", "in three frames"]
        runtime.run(server.settle([account.connection_id for account in server.accounts]))
        (account,) = server.accounts
    assert account.received_messages == 3
    assert account.received_frames >= 5  # a route that puts messages together would hide frame limits


def test_connection_id_is_the_servers(jupyter: Jupyter, server: LabServer) -> None:
    async def attempt() -> Attempt:
        client = Client(jupyter.url("wslab", server.port), Recorder())
        attempt = await client.open()
        await client.close()
        return attempt

    assert runtime.run(attempt()).connection_id in {account.connection_id for account in server.accounts}


# A server that cannot be reached


def first_attempt(url: str, **options: Any) -> Attempt:
    async def attempt() -> Attempt:
        client = Client(Target(url, **options), Recorder())
        attempt = await client.open()
        if attempt.outcome == "opened":
            await client.closed()
        return attempt

    return runtime.run(attempt())


def test_server_that_is_down_does_not_look_open(jupyter: Jupyter) -> None:
    with LabServer(comes_back=False) as server:
        server.restart()
        attempts = {way: first_attempt(address(jupyter, server, way)) for way in WAYS}
    assert attempts["direct"].outcome == "refused"
    assert (attempts["wslab"].outcome, attempts["wslab"].http_status) == ("rejected", 502)
    assert attempts["proxy"].outcome == "opened", GOOD_NEWS


def test_refusal_of_the_handshake_is_passed_on(jupyter: Jupyter) -> None:
    with LabServer(comes_back=False, while_down="unavailable", retry_after_s=7) as server:
        server.restart()
        attempts = {way: first_attempt(address(jupyter, server, way)) for way in WAYS}
    for way in ("direct", "wslab"):
        assert (attempts[way].http_status, attempts[way].retry_after_s) == (503, 7)
    assert attempts["proxy"].outcome == "opened", GOOD_NEWS


def test_page_that_gives_up_lets_go_of_a_silent_server(jupyter: Jupyter) -> None:
    def held() -> bool:
        return any(
            connection.raddr and connection.raddr.port == port for connection in jupyter.process.net_connections()
        )

    with LabServer(comes_back=False, while_down="hang", close_timeout_s=0.05) as server:
        server.restart()
        port = server.port
        assert first_attempt(jupyter.url("wslab", port), open_timeout_s=0.5).outcome == "timeout"
        while held():  # the test's own timeout is the bound
            time.sleep(0.02)


# Who gets through


def status_of(url: str, **headers: str) -> int:
    """Return the status with which the opening handshake is answered."""

    async def knock() -> int:
        try:
            async with connect(url, additional_headers=headers, proxy=None, open_timeout=60):
                return 101
        except InvalidStatus as refusal:
            return refusal.response.status_code

    return runtime.run(knock())


def test_nobody_gets_through_without_jupyters_leave(jupyter: Jupyter, server: LabServer) -> None:
    assert status_of(jupyter.url("wslab", server.port, token="")) == 403
    assert status_of(jupyter.url("wslab", server.port, token="guessed")) == 403
    assert status_of(jupyter.url("wslab", server.port)) == 101


def test_page_of_jupyters_origin_gets_through_and_no_other(jupyter: Jupyter, server: LabServer) -> None:
    url, cookie = jupyter.url("wslab", server.port, token=""), jupyter.cookie()
    assert status_of(url, Cookie=cookie, Origin=f"http://127.0.0.1:{jupyter.port}") == 101
    assert status_of(url, Cookie=cookie, Origin=ELSEWHERE) == 403


def test_page_at_a_hub_needs_no_leave_of_the_server(jupyter: Jupyter, server: LabServer) -> None:
    assert status_of(jupyter.url("wslab", server.port, token=""), Cookie=jupyter.cookie(), Origin=HUB) == 101
    assert status_of(server.url, Origin=HUB) == 403


def test_page_at_a_hub_reaches_a_server_through_jupyter_server_proxy_where_that_says_so(jupyter: Jupyter) -> None:
    async def echo(url: str) -> str | bytes:
        async with connect(url, origin=Origin(HUB), proxy=None) as connection:
            await connection.send("hello")
            return await connection.recv()

    with LabServer(origins=[HUB]) as server:
        assert runtime.run(echo(jupyter.url("proxy", server.port))) == "hello"
        assert status_of(server.url, Origin=ELSEWHERE) == 403


def test_port_of_anybody_else_is_closed(jupyter: Jupyter) -> None:
    async def knock() -> tuple[int, int]:
        async with serve(lambda connection: connection.wait_closed(), "127.0.0.1", 0) as foreign:
            port = foreign.sockets[0].getsockname()[1]
            answers = []
            for way in ("wslab", "proxy"):
                try:
                    async with connect(jupyter.url(way, port), proxy=None):
                        answers.append(101)
                except InvalidStatus as refusal:
                    answers.append(refusal.response.status_code)
            return answers[0], answers[1]

    assert runtime.run(knock()) == (502, 101)
    assert status_of(jupyter.url("wslab", jupyter.port)) == 502
    assert status_of(jupyter.url("wslab", 99_999)) == 502


@pytest.fixture
def impostor(tmp_path: Path) -> Callable[..., AbstractContextManager[tuple[int, subprocess.Popen[str]]]]:
    """Start a process that goes by a lab server's name, and prints the one request that it gets."""
    package = tmp_path / "wslab" / "net" / "server"
    package.mkdir(parents=True)
    (package.parent.parent / "__init__.py").touch()
    (package.parent / "__init__.py").touch()
    (package / "__init__.py").touch()
    (package / "serving.py").write_text(IMPOSTOR)

    @contextmanager
    def start(user: int | None = None) -> Iterator[tuple[int, subprocess.Popen[str]]]:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        command = [
            sys.executable,
            "-m",
            "wslab.net.server.serving",
            str(os.getpid()),
            "127.0.0.1",
            str(port),
            *([str(user)] if user else []),
        ]
        environment = os.environ | {"PYTHONPATH": str(tmp_path)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=tmp_path) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "listening\n"
                yield port, process
            finally:
                process.kill()

    return start


IMPOSTOR = """
import os, socket, sys
for user in sys.argv[4:]:
    os.setuid(int(user))
with socket.create_server(("127.0.0.1", int(sys.argv[3]))) as listener:
    print("listening", flush=True)
    connection, _ = listener.accept()
    print(connection.recv(65536).decode())
"""


def test_server_hears_nothing_of_what_jupyter_and_the_page_share(jupyter: Jupyter, impostor: Any) -> None:
    with impostor() as (port, process):
        assert status_of(jupyter.url("wslab", port), Cookie=jupyter.cookie(), Origin=HUB) == 502
        request = process.stdout.read().strip().splitlines()
    assert request[0] == "GET / HTTP/1.1"
    names = {line.partition(":")[0].lower() for line in request[1:]}
    assert names == {"host", "connection", "upgrade"} | {
        f"sec-websocket-{name}" for name in ("key", "version", "extensions")
    }


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root can be somebody else")
def test_lab_server_of_another_user_is_closed(jupyter: Jupyter, impostor: Any) -> None:
    with impostor(user=65_534) as (port, _):
        assert status_of(jupyter.url("wslab", port)) == 502


HANDSHAKE = (
    "GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def mutated(request: bytes, rng: Random) -> bytes:
    """Return a request with some of its bytes changed, lost, added, or its end cut off."""
    mutant = bytearray(request)
    for _ in range(rng.choice([0, 1, 1, 2, 5])):
        at = rng.randrange(len(mutant) + 1)
        match rng.randrange(4):
            case 0:
                mutant[at : at + 1] = rng.randbytes(1)
            case 1:
                del mutant[at : at + rng.randrange(1, 10)]
            case 2:
                mutant[at:at] = rng.randbytes(rng.randrange(1, 6))
            case _:
                del mutant[at:]
    return bytes(mutant)


def ask_and_leave(port: int, request: bytes, rng: Random) -> bytes:
    """Send a request, leave in one way or another, and return the beginning of an answer that was awaited."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=1) as client, suppress(OSError):
        client.sendall(request)
        if rng.random() < 0.5:
            answer = client.recv(4096)
            client.sendall(rng.choice([b"", b"\x81\x85\0\0\0\0hello", b"\x88\x82\0\0\0\0\x03\xe8", rng.randbytes(40)]))
        if rng.random() < 0.5:
            client.shutdown(socket.SHUT_WR)
        if rng.random() < 0.5:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    return answer


def test_no_request_makes_the_extension_raise(jupyter: Jupyter) -> None:
    with LabServer(greeting="hello") as patient, LabServer(greeting="x" * 60_000, max_age_s=0.05) as brief:
        rngs = [Random(seed) for seed in range(400)]
        target = f"{BASE_URL}wslab/{{}}/?token={TOKEN}"
        requests = [
            HANDSHAKE.format(target=target.format(server.port), port=jupyter.port).encode()
            for server in (patient, brief)
        ]
        began_at = len(jupyter.log.read_bytes())
        with ThreadPoolExecutor(4) as pool:
            ask = partial(ask_and_leave, jupyter.port)
            mutants = [mutated(requests[number % 2], rng) for number, rng in enumerate(rngs)]
            answers = list(pool.map(ask, mutants, rngs))
        for port in ("9" * 5000, "0", "99999"):
            request = HANDSHAKE.format(target=target.format(port), port=jupyter.port)
            answers.append(ask_and_leave(jupyter.port, request.encode(), Random(0)))
        assert status_of(jupyter.url("wslab", patient.port)) == 101  # by now it has got over all of them
    log = jupyter.log.read_bytes()[began_at:].decode(errors="replace")
    assert any(answer.startswith(b"HTTP/1.1 101") for answer in answers)
    assert not any(answer.startswith(b"HTTP/1.1 500") for answer in answers)
    assert "LabServerHandler" not in log
    assert "wslab/jupyter" not in log


def test_extension_can_be_switched_off(start_jupyter: StartJupyter, server: LabServer) -> None:
    with start_jupyter({"wslab.jupyter": False}) as without:
        assert status_of(without.url("wslab", server.port)) == 404
        assert status_of(without.url("proxy", server.port)) == 101
