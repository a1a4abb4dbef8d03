"""What `find_limit` costs beside doubling and bisecting with real messages, a connection each, on the same server."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from _results import Result, amount, library, tell
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from wslab.core.ladders import until_refused
from wslab.net.limits.probe import find_limit

CAP_BYTES = 64 * 2**20
LIMITS_BYTES = (777_777, 2**20)


class Cost(NamedTuple):
    """What one search took.

    `confirmed_bytes` are those of the messages that prove the answer, `control_bytes` those of its controls and of the
    megabytes that show what follows a refusal.
    """

    limit_bytes: int
    connections: int
    searched_bytes: int
    confirmed_bytes: int
    control_bytes: int
    elapsed_s: float


async def with_find_limit(url: str) -> Cost:
    """Search as the kit does."""
    verdict = await find_limit(url, cap_bytes=CAP_BYTES)
    return Cost(
        verdict.max_single_frame_bytes or 0,
        verdict.connections,
        verdict.probe_wire_bytes,
        verdict.confirmation_wire_bytes,
        verdict.control_wire_bytes,
        verdict.elapsed_s,
    )


async def with_real_messages(url: str) -> Cost:
    """Search as one does by hand; only the largest message that passes is found, nothing of how it is counted."""
    began = time.perf_counter()
    sizes = until_refused(1, CAP_BYTES)
    passed: bool | None = None
    connections = sent_bytes = 0
    while True:
        try:
            size = sizes.send(passed)  # type: ignore[arg-type]
        except StopIteration as found:
            return Cost(found.value, connections, sent_bytes, 0, 0, time.perf_counter() - began)
        connections += 1
        sent_bytes += size
        async with connect(url, compression=None, max_size=None, proxy=None) as websocket:
            try:
                await websocket.send("a" * size)
                passed = len(await websocket.recv()) == size
            except ConnectionClosed:
                passed = False


def costs(name: str, url: str, rounds: int) -> Iterator[Result]:
    """Compare both searches, in turns."""
    taken = [(asyncio.run(with_find_limit(url)), asyncio.run(with_real_messages(url))) for _ in range(rounds + 1)][
        1:
    ]  # without that which warms up
    different = {(own.limit_bytes, other.limit_bytes) for own, other in taken if own.limit_bytes != other.limit_bytes}
    found = f"{sorted(different)} differ" if different else "both find the same limit"
    proof = amount(statistics.median(own.confirmed_bytes + own.control_bytes for own, _ in taken), "B")
    peer = f"doubling and bisecting with real messages, {library('websockets')}"
    columns: dict[str, Callable[[Cost], float]] = {
        "bytes sent to search": lambda cost: cost.searched_bytes,
        "connections": lambda cost: cost.connections,
        "time": lambda cost: cost.elapsed_s,
    }
    for what, of in columns.items():
        values = tuple(of(own) / of(other) for own, other in taken)
        note = f"{found}; proof and controls take {proof} more" if what.startswith("bytes") else ""
        yield Result(claim=f"the limit of {name}: {what}", values=values, peer=peer, note=note)


async def serve_websockets(limit_bytes: int) -> None:
    from websockets.asyncio.server import serve

    async def echo(websocket: Any) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in websocket:
                await websocket.send(message)

    async with serve(echo, "127.0.0.1", 0, max_size=limit_bytes) as server:
        await announce(server.sockets[0].getsockname()[1])


async def serve_aiohttp(limit_bytes: int) -> None:
    from aiohttp import web

    async def echo(request: web.Request) -> web.WebSocketResponse:
        websocket = web.WebSocketResponse(max_msg_size=limit_bytes)
        await websocket.prepare(request)
        async for message in websocket:
            if message.type is web.WSMsgType.TEXT:
                await websocket.send_str(message.data)
        return websocket

    app = web.Application()
    app.router.add_get("/", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await announce(runner.addresses[0][1])


async def serve_tornado(limit_bytes: int) -> None:
    from tornado.httpserver import HTTPServer
    from tornado.netutil import bind_sockets
    from tornado.web import Application
    from tornado.websocket import WebSocketHandler

    class Echo(WebSocketHandler):
        def on_message(self, message: str | bytes) -> None:
            self.write_message(message)

    sockets = bind_sockets(0, "127.0.0.1")
    HTTPServer(Application([("/", Echo)], websocket_max_message_size=limit_bytes)).add_sockets(sockets)
    await announce(sockets[0].getsockname()[1])


async def serve_uvicorn(limit_bytes: int, implementation: str = "websockets-sansio") -> None:
    import uvicorn

    async def echo(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            await send({"type": "websocket.send", "text": event["text"]})

    config = uvicorn.Config(echo, ws=implementation, ws_max_size=limit_bytes, log_level="critical", lifespan="off")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = asyncio.create_task(uvicorn.Server(config).serve(sockets=[listener]))
        await announce(listener.getsockname()[1])
        serving.cancel()


async def serve_uvicorn_wsproto(limit_bytes: int) -> None:
    await serve_uvicorn(limit_bytes, "wsproto")


async def announce(port: int) -> None:
    """Tell the port, and serve until standard input ends."""
    print(port, flush=True)
    await asyncio.to_thread(sys.stdin.read)


SERVERS: dict[str, tuple[Callable[[int], Coroutine[Any, Any, None]], str]] = {
    "websockets": (serve_websockets, "websockets"),
    "aiohttp": (serve_aiohttp, "aiohttp"),
    "tornado": (serve_tornado, "tornado"),
    "uvicorn": (serve_uvicorn, "uvicorn"),
    "uvicorn, wsproto": (serve_uvicorn_wsproto, "wsproto"),
}


@contextmanager
def server(name: str, limit_bytes: int) -> Iterator[str]:
    """A server in a process of its own."""
    command = [sys.executable, __file__, name, str(limit_bytes)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as child:
        assert child.stdout is not None
        port = int(child.stdout.readline())
        time.sleep(0.2)  # uvicorn announces its port a moment before it serves
        yield f"ws://127.0.0.1:{port}/"
        child.kill()


def measure(quick: bool) -> Iterator[Result]:
    for name, (_, package) in SERVERS.items():
        if importlib.util.find_spec(package) is None:
            yield Result(claim=f"the limit of {name}", note=f"not installed; to have it: pip install {package}")
            continue
        for limit_bytes in LIMITS_BYTES[: 1 if quick else None]:
            with server(name, limit_bytes) as url:
                yield from costs(f"{library(package)}, {limit_bytes:,} B", url, 1 if quick else 5)


if __name__ == "__main__":
    if sys.argv[1:2] and sys.argv[1] in SERVERS:
        asyncio.run(SERVERS[sys.argv[1]][0](int(sys.argv[2])))
    else:
        tell(measure, __doc__)
