"""The watch at servers and proxies that others wrote, and at behaviours that nobody named when the rules were made.

All run at the same time, each in a thread that mostly waits. A program that is not installed is skipped.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from steady import STARVED, measured_steadily
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from wslab.core.findings import Finding, find
from wslab.core.knobs import Knobs
from wslab.experiments import watch
from wslab.net import runtime
from wslab.net.server.lab_server import LabServer

FAST: dict[str, Any] = {
    "duration_s": 9.0,
    "interval_s": 0.6,
    "apart_s": 0.12,
    "messages_per_min": 60_000,
    "connections_per_min": 6_000,
    "pong_timeout_s": 1.5,
}
QUIET = Knobs(ping_interval_s=None)

NGINX = """
daemon off; pid {folder}/pid; error_log stderr; worker_shutdown_timeout 1s;
events {{}}
http {{
  access_log off; client_body_temp_path {folder}; proxy_temp_path {folder};
  fastcgi_temp_path {folder}; uwsgi_temp_path {folder}; scgi_temp_path {folder};
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://127.0.0.1:{behind}; proxy_http_version 1.1; proxy_read_timeout {idle};
      proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade;
    }}
  }}
}}
"""
HAPROXY = """
global
  hard-stop-after 1s
defaults
  mode http
  timeout connect 5s
  timeout client 30s
  timeout server 30s
  timeout tunnel {idle}
listen lab
  bind 127.0.0.1:{port}
  server lab 127.0.0.1:{behind}
"""
PROGRAMS = {
    "aiohttp": """
        import sys
        from aiohttp import web
        async def echo(request):
            ws = web.WebSocketResponse(heartbeat=1.0)
            await ws.prepare(request)
            async for message in ws:
                await ws.send_str(message.data)
            return ws
        app = web.Application()
        app.router.add_get("/", echo)
        web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
        """,
    "tornado": """
        import asyncio, sys
        from tornado.web import Application
        from tornado.websocket import WebSocketHandler
        class Echo(WebSocketHandler):
            def check_origin(self, origin): return True
            def on_message(self, message): self.write_message(message)
        async def main():
            app = Application([("/", Echo)], websocket_ping_interval=1, websocket_ping_timeout=0.8)
            app.listen(int(sys.argv[1]), "127.0.0.1")
            await asyncio.Event().wait()
        asyncio.run(main())
        """,
    "uvicorn": """
        import sys, uvicorn
        async def app(scope, receive, send):
            while scope["type"] == "websocket":
                event = await receive()
                if event["type"] == "websocket.connect":
                    await send({"type": "websocket.accept"})
                elif event["type"] == "websocket.receive":
                    await send({"type": "websocket.send", "text": event["text"]})
                else:
                    return
        uvicorn.run(app, port=int(sys.argv[1]), ws_ping_interval=0.7, ws_ping_timeout=0.7, log_level="error")
        """,
}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextlib.contextmanager
def running(command: list[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        yield process
    finally:
        process.terminate()  # in order: a killed nginx would leave its workers
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(5)
        process.kill()
        process.wait()


@contextlib.contextmanager
def program(name: str) -> Iterator[str]:
    port = free_port()
    with running([sys.executable, "-c", textwrap.dedent(PROGRAMS[name]), str(port)], port):
        yield f"ws://127.0.0.1:{port}/"


@contextlib.contextmanager
def proxied(
    name: str, folder: Path, *, idle: str, later: Callable[[subprocess.Popen[bytes]], None] | None = None
) -> Iterator[str]:
    port = free_port()
    with LabServer(QUIET) as server:
        conf = folder / "conf"
        behind = server.url.rsplit(":", 1)[1].strip("/")
        text = {"nginx": NGINX, "haproxy": HAPROXY}[name]
        conf.write_text(text.format(folder=folder, port=port, behind=behind, idle=idle), encoding="utf-8")
        command = {"nginx": ["nginx", "-p", str(folder), "-c", str(conf)], "haproxy": ["haproxy", "-f", str(conf)]}
        with running(command[name], port) as process:
            if later is not None:
                threading.Timer(4.0, later, [process]).start()
            yield f"ws://127.0.0.1:{port}/"


Handler = Callable[["Lounge", ServerConnection], Any]


class Lounge:
    """What the connections of a small server have in common."""

    def __init__(self) -> None:
        self.open: list[ServerConnection] = []
        self.tasks: set[asyncio.Future[None]] = set()


@contextlib.contextmanager
def small_server(handler: Handler, **options: Any) -> Iterator[str]:
    """A server of `websockets`, on the background loop, whose behaviour is a function."""
    lounge = Lounge()

    async def handle(connection: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            await handler(lounge, connection)

    @contextlib.asynccontextmanager
    async def serving() -> AsyncIterator[str]:
        options.setdefault("ping_interval", None)
        async with serve(handle, "127.0.0.1", 0, close_timeout=0.5, **options) as server:
            yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"

    context = serving()
    url = runtime.run(context.__aenter__())
    try:
        yield url
    finally:
        runtime.run(context.__aexit__(None, None, None))


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


async def counts_only_what_it_sends(lounge: Lounge, connection: ServerConnection) -> None:
    """An idle timeout that only bytes from the server restart, as a proxy's read timeout."""
    protocol, last = connection.protocol, [time.monotonic()]
    write = protocol.send_frame

    def send_frame(frame: Frame) -> None:
        if frame.opcode is not Opcode.CLOSE:
            last[0] = time.monotonic()
        write(frame)

    protocol.send_frame = send_frame  # type: ignore[method-assign]
    reading = asyncio.ensure_future(drop(connection))
    while time.monotonic() - last[0] < 1.3:
        await asyncio.sleep(0.02)
    reading.cancel()
    connection.transport.close()


async def drop(connection: ServerConnection) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for _ in connection:
            pass


async def ages_from_the_first_message(lounge: Lounge, connection: ServerConnection) -> None:
    await connection.recv()
    reading = asyncio.ensure_future(drop(connection))
    await asyncio.sleep(1.2)
    reading.cancel()
    await connection.close(1000)


async def closes_the_oldest(lounge: Lounge, connection: ServerConnection) -> None:
    lounge.open.append(connection)
    if len(lounge.open) > 5:
        lounge.tasks.add(asyncio.ensure_future(lounge.open.pop(0).close(1000)))
    try:
        await echo(connection)
    finally:
        if connection in lounge.open:
            lounge.open.remove(connection)


async def closes_all_by_the_clock(lounge: Lounge, connection: ServerConnection) -> None:
    reading = asyncio.ensure_future(echo(connection))
    await asyncio.sleep(2.5 - time.time() % 2.5)
    reading.cancel()
    connection.transport.close()


async def loses_one_at_random(lounge: Lounge, connection: ServerConnection) -> None:
    reading = asyncio.ensure_future(echo(connection))
    await asyncio.sleep(random.expovariate(1 / 4))
    reading.cancel()
    connection.transport.abort()


async def bears_no_ping(lounge: Lounge, connection: ServerConnection) -> None:
    protocol = connection.protocol
    receive = protocol.recv_frame

    def recv_frame(frame: Frame) -> None:
        if frame.opcode is Opcode.PING:
            connection.transport.close()
        else:
            receive(frame)

    protocol.recv_frame = recv_frame  # type: ignore[method-assign]
    await echo(connection)


async def wants_json(lounge: Lounge, connection: ServerConnection) -> None:
    async for message in connection:
        if not str(message).startswith("{"):
            await connection.close(1003, "JSON, please")
            return


async def only_echoes(lounge: Lounge, connection: ServerConnection) -> None:
    await echo(connection)


@contextlib.contextmanager
def stopped_server(folder: Path) -> Iterator[str]:
    """A lab server whose process is stopped in the middle: it is there, and says nothing any more."""
    with LabServer(QUIET) as server:
        pid = server.pid
        timers = [
            threading.Timer(3.0, os.kill, [pid, signal.SIGSTOP]),
            threading.Timer(8.5, os.kill, [pid, signal.SIGCONT]),
        ]
        for timer in timers:
            timer.start()
        yield server.url
        os.kill(pid, signal.SIGCONT)


Case = tuple[Callable[[Path], contextlib.AbstractContextManager[str]], set[str]]

CASES: dict[str, Case] = {
    "nginx, proxy_read_timeout": (lambda folder: proxied("nginx", folder, idle="2s"), {"idle_timeout"}),
    "nginx, reload": (
        lambda folder: proxied("nginx", folder, idle="60s", later=lambda one: one.send_signal(signal.SIGHUP)),
        {"all_at_once"},
    ),
    "nginx, stop": (
        lambda folder: proxied("nginx", folder, idle="60s", later=lambda one: one.send_signal(signal.SIGTERM)),
        {"crash"},
    ),
    "haproxy, timeout tunnel": (lambda folder: proxied("haproxy", folder, idle="1500ms"), {"idle_timeout"}),
    "haproxy, stop": (
        lambda folder: proxied("haproxy", folder, idle="60s", later=lambda one: one.send_signal(signal.SIGTERM)),
        {"crash"},
    ),
    # Whatever it hears puts aiohttp's heartbeat off, so that a client which talks need not answer a ping.
    "aiohttp, heartbeat": (lambda _: program("aiohttp"), {"server_keepalive"}),
    "tornado, websocket_ping_interval": (lambda _: program("tornado"), {"server_keepalive"}),
    "uvicorn, ws_ping_interval": (lambda _: program("uvicorn"), {"server_keepalive"}),
    "websockets, keepalive": (
        lambda _: small_server(only_echoes, ping_interval=0.6, ping_timeout=0.6),
        {"server_keepalive"},
    ),
    "a stopped process": (stopped_server, {"own_keepalive"}),
    "an idle timeout that only what the server sends restarts": (
        lambda _: small_server(counts_only_what_it_sends),
        {"idle_timeout"},
    ),
    "ages counted from the first message": (lambda _: small_server(ages_from_the_first_message), {"max_age"}),
    "a cap on connections that closes the oldest": (lambda _: small_server(closes_the_oldest), {"crowded_out"}),
    "all closed by the wall clock": (lambda _: small_server(closes_all_by_the_clock), {"all_at_once"}),
    "connections lost at random": (lambda _: small_server(loses_one_at_random), {"one_by_one"}),
    "no ping is borne": (lambda _: small_server(bears_no_ping), {"not_tolerated"}),
    "a message that is refused": (lambda _: small_server(wants_json), {"not_tolerated"}),
}


SLOWER: dict[str, dict[str, Any]] = {
    # With as many openings as ends, every end would come right after an opening.
    "a cap on connections that closes the oldest": {"clients": 8, "apart_s": 1.0, "duration_s": 14.0},
}


def missing(name: str) -> bool:
    known = name.partition(",")[0]
    if known in ("nginx", "haproxy"):
        return shutil.which(known) is None
    return known in PROGRAMS and find_spec(known) is None


class Watched(NamedTuple):
    """What was found, and whether the machine kept up meanwhile."""

    findings: tuple[Finding, ...]
    steady: bool


def as_expected(name: str, findings: tuple[Finding, ...]) -> bool:
    return {finding.rule for finding in findings[:1]} == CASES[name][1] and findings[0].sure in ("shown", "likely")


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Watched]]]:
    folders = {name: tmp_path_factory.mktemp("case") for name in CASES}

    def once(name: str) -> tuple[Finding, ...]:
        with CASES[name][0](folders[name]) as url:
            return find(watch(url, **{**FAST, **SLOWER.get(name, {})}))

    def one(name: str) -> Watched:
        good = functools.partial(as_expected, name)
        return Watched(*measured_steadily(lambda: once(name), late_s=0.05, good=good, tries=3))

    with ThreadPoolExecutor(4) as pool:
        yield {name: pool.submit(one, name) for name in CASES if not missing(name)}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", CASES)
def test_watch_tells_why_others_close(name: str, watched: dict[str, Future[Watched]]) -> None:
    if missing(name):
        pytest.skip(f"{name.partition(',')[0]} is not installed")
    findings, steady = watched[name].result()
    expected = as_expected(name, findings)
    sure = any(finding.sure == "shown" for finding in findings if finding.rule != "observer_paused")
    if not steady and not expected and not sure:  # what is shown must be right even then
        pytest.skip(STARVED)
    assert expected, [(finding.rule, finding.sure, finding.what) for finding in findings]
