"""From starting a lab server to the first handshake, beside a bare `websockets` child started the same way."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

from _results import Result, library, paired, tell
from websockets.sync.client import connect

from wslab import LabServer

BARE_SERVER = """
import asyncio, sys
from websockets.asyncio.server import serve

async def echo(websocket):
    async for message in websocket:
        await websocket.send(message)

async def main():
    async with serve(echo, "127.0.0.1", 0) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.to_thread(sys.stdin.read)

asyncio.run(main())
"""


def lab_s() -> float:
    """Return the seconds until a client of a lab server is connected."""
    began = time.perf_counter()
    with LabServer() as server, connect(server.url):
        return time.perf_counter() - began


def bare_s() -> float:
    """Return the seconds until a client of a bare server is connected."""
    began = time.perf_counter()
    command = [sys.executable, "-c", BARE_SERVER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True) as child:
        assert child.stdout is not None
        with connect(f"ws://127.0.0.1:{int(child.stdout.readline())}/"):
            took_s = time.perf_counter() - began
        child.kill()
    return took_s


def measure(quick: bool) -> Iterator[Result]:
    yield paired(
        "a lab server, from its start to the first handshake",
        lab_s,
        bare_s,
        rounds=3 if quick else 11,
        peer=library("websockets"),
        at_most=2,
    )


if __name__ == "__main__":
    tell(measure, __doc__)
