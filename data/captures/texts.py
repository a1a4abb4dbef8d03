"""Record anew what products say when a WebSocket closes: `.venv/bin/python data/captures/texts.py`, into `texts.jsonl`.

Each is made to meet one situation on loopback, and its words are kept with its version. What is not installed is left
out, and its former lines stay: node's packages are looked for in `NODE_PATH` (`npm install ws undici bun`), nginx,
haproxy and Chromium on the PATH. Starlette must be installed beside the requirements of development.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import json
import logging
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from pathlib import Path

import aiohttp
import tornado.websocket
import uvicorn
import websocket
import websockets
from playwright.sync_api import sync_playwright
from websockets.utils import accept_key

from wslab import Knobs, LabServer
from wslab.net.heads import read_request

HERE = Path(__file__).parent
LIMIT_BYTES, OVER_BYTES, OWN_LIMIT_BYTES = 65_536, 70_000, 100
SITUATIONS = ("over the server's limit", "over one's own limit", "restart", "crash", "refused", "rejected", "silence")
BREACHES = {
    "a masked frame": b"\x81\x85\0\0\0\0hello",
    "an unknown opcode": b"\x83\x05hello",
    "text that is not UTF-8": b"\x81\x02\xff\xfe",
    "a reserved bit": b"\xa1\x05hello",
}
"""What a server of ours then sends, and no client may take."""

Said = tuple[str, str, str]
"""A product, the situation, and its words."""


@contextlib.contextmanager
def places() -> Iterator[dict[str, str]]:
    """Yield a URL for each situation that needs no timing: nobody listens at one, one answers 503, one is mute."""

    class Refusing(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self.send_response(503)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words: object) -> None:
            pass

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        dead = unused.getsockname()[1]
    http = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    mute, breaking = (socket.create_server(("127.0.0.1", 0)) for _ in range(2))
    threading.Thread(target=http.serve_forever, daemon=True).start()
    for listener in (mute, breaking):
        threading.Thread(target=say_nothing, args=(listener,), daemon=True).start()
    try:
        ports = {"refused": dead, "rejected": http.server_port, "silence": mute.getsockname()[1]}
        urls = {situation: f"ws://127.0.0.1:{port}/" for situation, port in ports.items()}
        there = f"ws://127.0.0.1:{breaking.getsockname()[1]}/"
        yield urls | {breach: f"{there}{number}" for number, breach in enumerate(BREACHES)}
    finally:
        http.shutdown()
        mute.close()
        breaking.close()


def say_nothing(listener: socket.socket) -> None:
    """Complete handshakes, say what the path asks for, and then neither read nor answer."""
    kept = []
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            received = b""
            while (request := read_request(received)) is None:
                received += connection.recv(4096)
            accept = accept_key(request.fields.get("Sec-WebSocket-Key"))
            connection.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Accept: " + accept.encode() + b"\r\n\r\n"
            )
            if request.resource[1:].isdecimal():
                connection.sendall(list(BREACHES.values())[int(request.resource[1:])])
            kept.append(connection)


# Python's clients. Each is a coroutine function of a URL and the situation that returns its words.


async def say_websockets(url: str, situation: str) -> str:
    options = {"max_size": OWN_LIMIT_BYTES} if situation == "over one's own limit" else {}
    try:
        async with websockets.connect(url, ping_interval=0.3, ping_timeout=0.3, close_timeout=0.3, **options) as client:
            await client.send(message(situation))
            while True:
                await client.recv()
    except (OSError, websockets.WebSocketException) as error:
        return f"{type(error).__module__}.{type(error).__name__}: {error}"


async def say_aiohttp(url: str, situation: str) -> str:
    limit = OWN_LIMIT_BYTES if situation == "over one's own limit" else 0
    async with aiohttp.ClientSession() as session:
        try:
            async with session.ws_connect(url, max_msg_size=limit, heartbeat=0.6) as client:
                await client.send_str(message(situation))
                while True:
                    said = await client.receive()
                    if said.type != aiohttp.WSMsgType.TEXT:
                        return str(said)
        except aiohttp.ClientError as error:
            return f"{type(error).__module__}.{type(error).__name__}: {error}"


async def say_tornado(url: str, situation: str) -> str:
    try:
        client = await tornado.websocket.websocket_connect(url, ping_interval=0.5, ping_timeout=0.4)
        await client.write_message(message(situation))
        while await client.read_message() is not None:
            pass
        await client.write_message("more")
    except (OSError, tornado.httpclient.HTTPError, tornado.websocket.WebSocketError) as error:
        return f"{type(error).__module__}.{type(error).__name__}: {error}"
    return ""


async def say_websocket_client(url: str, situation: str) -> str:
    return await asyncio.to_thread(_say_websocket_client, url, situation)


def _say_websocket_client(url: str, situation: str) -> str:
    told: list[str] = []
    client = websocket.WebSocketApp(
        url,
        on_open=lambda app: app.send(message(situation)),
        on_error=lambda app, error: told.append(f"{type(error).__module__}.{type(error).__name__}: {error}"),
    )
    client.run_forever(ping_interval=0.6, ping_timeout=0.3)
    return told[0] if told else ""


PYTHON: dict[str, Callable[[str, str], Awaitable[str]]] = {
    "websockets": say_websockets,
    "aiohttp": say_aiohttp,
    "tornado": say_tornado,
    "websocket-client": say_websocket_client,
}


WITHOUT = {
    "silence": ("tornado", "ws", "undici", "bun", "chromium"),
    "over one's own limit": ("tornado", "websocket-client", "undici", "bun", "chromium"),
}
"""Clients that have nothing of the kind built in, or say nothing of it: left alone they would stay connected."""


def message(situation: str) -> str:
    return "x" * {"over the server's limit": OVER_BYTES, "over one's own limit": 5000}.get(situation, 2)


# Node's and Bun's clients

JAVASCRIPT = """
const [url, size, limit] = process.argv.slice(-3);
const library = process.env.LIBRARY;
const {WebSocket} = library === "bun" ? globalThis : require(library);
const client = library === "ws" && Number(limit) ? new WebSocket(url, {maxPayload: Number(limit)}) : new WebSocket(url);
client.onopen = () => client.send("x".repeat(Number(size)));
client.onerror = ({message, error}) => console.log(error instanceof Error ? String(error) : `Error: ${message}`);
client.onclose = ({code, reason, wasClean}) => {
  console.log(`CloseEvent { code: ${code}, reason: '${reason}', wasClean: ${wasClean} }`);
  process.exit();
};
setTimeout(() => process.exit(), 5000);
"""


def javascript(library: str) -> Callable[[str, str], Awaitable[str]]:
    async def say(url: str, situation: str) -> str:
        program = bun() if library == "bun" else ["node"]
        limit = OWN_LIMIT_BYTES if situation == "over one's own limit" else 0
        with tempfile.NamedTemporaryFile("w", suffix=".cjs") as script:
            script.write(JAVASCRIPT)
            script.flush()
            child = await asyncio.create_subprocess_exec(
                *program, script.name, url, str(len(message(situation))), str(limit),
                env={**os.environ, "LIBRARY": library}, stdout=subprocess.PIPE,
            )  # fmt: skip
            output, _ = await child.communicate()
        return output.decode().strip()

    return say


def node_packages() -> dict[str, str]:
    """Return the packages that are installed, with their versions."""
    found = {}
    for name in ("ws", "undici", "bun"):
        for folder in os.environ.get("NODE_PATH", "").split(os.pathsep):
            package = Path(folder) / name / "package.json"
            if folder and package.exists():
                found[name] = json.loads(package.read_text())["version"]
    return found


def bun() -> list[str]:
    return [str(Path(os.environ["NODE_PATH"]) / ".bin" / "bun")]


# A page, a server's log, and proxies


async def say_chromium(url: str, situation: str) -> str:
    return await asyncio.to_thread(_say_chromium, url, situation)


def _say_chromium(url: str, situation: str) -> str:
    page_server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=page_server.serve_forever, daemon=True).start()
    said: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.on("console", lambda words: said.append(words.text) if "favicon" not in words.text else None)
        page.goto(f"http://127.0.0.1:{page_server.server_port}/")
        script = """([url, size]) => new Promise(done => {
          const socket = new WebSocket(url);
          socket.onopen = () => socket.send("x".repeat(size));
          socket.onclose = ({code, reason, wasClean}) =>
            done(`CloseEvent {code: ${code}, reason: '${reason}', wasClean: ${wasClean}}`);
          setTimeout(() => done(""), 8000);
        })"""
        said.append(page.evaluate(script, [url, len(message(situation))]))
        browser.close()
    page_server.shutdown()
    return "\n".join(line for line in said if line and "Failed to load resource" not in line)


class Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.send_header("Content-Type", "text/html")
        self.end_headers()

    def log_message(self, *words: object) -> None:
        pass


def say_uvicorn_and_starlette() -> Iterator[Said]:
    """Yield a traceback's last line where a Starlette endpoint is left by its client, and what uvicorn logs."""
    from starlette.applications import Starlette
    from starlette.routing import WebSocketRoute
    from starlette.websockets import WebSocket

    told: list[str] = []

    async def read_on(socket: WebSocket) -> None:
        await socket.accept()
        try:
            while True:
                await socket.receive_text()
        except Exception as error:
            told.append(f"{type(error).__module__}.{type(error).__name__}: {error}")
            with contextlib.suppress(RuntimeError):
                await socket.close()
            raise

    async def refuse(socket: WebSocket) -> None:
        await socket.close()

    logged: list[str] = []
    keeper = logging.Handler()
    keeper.emit = lambda record: logged.append(f"{record.levelname}: {record.getMessage()}")  # type: ignore[method-assign]
    logging.getLogger("uvicorn.error").addHandler(keeper)
    logging.getLogger("uvicorn.error").setLevel(logging.INFO)
    app = Starlette(routes=[WebSocketRoute("/", read_on), WebSocketRoute("/no", refuse)])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws_max_size=LIMIT_BYTES))
        serving = threading.Thread(target=server.run, args=([listener],), daemon=True)
        serving.start()
        url = f"ws://127.0.0.1:{listener.getsockname()[1]}/"
        time.sleep(1)
        asyncio.run(leave(url, 1001))
        time.sleep(0.5)
        yield "starlette", "left by the client with 1001", told[-1]
        with contextlib.suppress(websockets.WebSocketException):
            asyncio.run(leave(f"{url}no", 1000))
        yield "uvicorn", "rejected by the application", next(line for line in logged if " 403" in line)
        server.should_exit = True
        serving.join()


async def listen(url: str) -> None:
    """Stay connected in silence until the end."""
    with contextlib.suppress(OSError, websockets.WebSocketException, TimeoutError):
        async with asyncio.timeout(4), websockets.connect(url, ping_interval=None, close_timeout=0.3) as client:
            await client.recv()
    await asyncio.sleep(0.5)  # until it is in the log


async def leave(url: str, code: int) -> None:
    async with websockets.connect(url) as client:
        await client.send("x")
        await client.close(code)


def say_nginx() -> Iterator[Said]:
    """Yield what nginx logs where the server behind it refuses, is gone, goes silent, and is killed."""
    if shutil.which("nginx") is None:
        return
    with places() as url, LabServer(Knobs(downtime_s=0.3)) as server, tempfile.TemporaryDirectory() as folder:
        upstreams = {"refused": url["refused"], "silence": url["silence"], "crash": server.url}
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        locations = "".join(
            f"location /{name} {{ proxy_pass {to.replace('ws:', 'http:')}; proxy_http_version 1.1; "
            "proxy_read_timeout 1s; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }"
            for name, to in upstreams.items()
        )
        Path(folder, "nginx.conf").write_text(
            f"daemon off; pid {folder}/pid; error_log {folder}/error.log info; events {{}}"
            f"http {{ access_log off; server {{ listen 127.0.0.1:{port}; {locations} }} }}"
        )
        child = subprocess.Popen(["nginx", "-p", folder, "-c", f"{folder}/nginx.conf"], stderr=subprocess.DEVNULL)
        time.sleep(1)
        for name in upstreams:
            killer = threading.Timer(0.5, lambda: server.restart("crash"))
            if name == "crash":
                killer.start()
            asyncio.run(listen(f"ws://127.0.0.1:{port}/{name}"))
            if name == "crash":
                killer.join()
            lines = Path(folder, "error.log").read_text().splitlines()
            yield from (("nginx", name, line) for line in lines if f"GET /{name}" in line)
        child.terminate()
        child.wait()


def say_haproxy() -> Iterator[Said]:
    """Yield what haproxy logs where the server behind it is gone, goes silent, and is killed."""
    if shutil.which("haproxy") is None:
        return
    with places() as url, LabServer(Knobs(downtime_s=0.3)) as server, tempfile.TemporaryDirectory() as folder:
        upstreams = {"refused": url["refused"], "silence": url["silence"], "crash": server.url}
        for name, to in upstreams.items():
            with socket.socket() as unused:
                unused.bind(("127.0.0.1", 0))
                port = unused.getsockname()[1]
            Path(folder, "haproxy.cfg").write_text(
                "global\n log stdout format raw local0\ndefaults\n mode http\n option httplog\n log global\n"
                " retries 0\n timeout connect 1s\n timeout client 2s\n timeout server 1s\n timeout tunnel 1s\n"
                f"frontend in\n bind 127.0.0.1:{port}\n default_backend out\n"
                f"backend out\n server one {to.removeprefix('ws://').rstrip('/')}\n"
            )
            child = subprocess.Popen(
                ["haproxy", "-f", f"{folder}/haproxy.cfg"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
            )
            time.sleep(1)
            killer = threading.Timer(0.3, lambda: server.restart("crash"))
            if name == "crash":
                killer.start()
            asyncio.run(listen(f"ws://127.0.0.1:{port}/{name}"))
            if name == "crash":
                killer.join()
            child.terminate()
            output, _ = child.communicate()
            yield from (("haproxy", name, line) for line in output.splitlines() if f"GET /{name}" in line)


# All of them


def record() -> Iterator[dict[str, str]]:
    """Yield a line for each product and situation."""
    packages = node_packages()
    versions = {name: importlib.metadata.version(name) for name in (*PYTHON, "uvicorn", "starlette")} | packages
    clients = PYTHON | {name: javascript(name) for name in packages}
    if shutil.which("chromium"):
        clients["chromium"] = say_chromium
        versions["chromium"] = first_number(["chromium", "--version"])
    for proxy in ("nginx", "haproxy"):
        if shutil.which(proxy):
            versions[proxy] = first_number([proxy, "-v"])
    for product, situation, words in chain(
        say_clients(clients), say_uvicorn_and_starlette(), say_nginx(), say_haproxy()
    ):
        if words:
            print(f"{product}, {situation}: {words}", file=sys.stderr, flush=True)
            yield {"product": product, "version": versions[product], "situation": situation, "words": words}


def say_clients(clients: dict[str, Callable[[str, str], Awaitable[str]]]) -> Iterator[Said]:
    for product, say in clients.items():
        with places() as urls, LabServer(Knobs(max_message_bytes=LIMIT_BYTES, downtime_s=0.3)) as server:
            for situation in (*SITUATIONS, *BREACHES):
                if product in WITHOUT.get(situation, ()):
                    continue
                kind = {"restart": "graceful", "crash": "crash"}.get(situation)
                restarting = (
                    threading.Timer(4 if product == "chromium" else 1.5, server.restart, [kind]) if kind else None
                )
                if restarting:
                    restarting.start()
                yield product, situation, asyncio.run(say(urls.get(situation, server.url), situation))
                if restarting:
                    restarting.join()


def first_number(command: list[str]) -> str:
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"\d+(\.\d+)+", told.stdout + told.stderr)
    return found[0] if found else "?"


if __name__ == "__main__":
    kept = HERE / "texts.jsonl"
    former = [json.loads(line) for line in kept.read_text().splitlines()] if kept.exists() else []
    fresh = list(record())
    recorded = {line["product"] for line in fresh}
    lines = [line for line in former if line["product"] not in recorded] + fresh
    kept.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")
