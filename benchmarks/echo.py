"""One echo of 1 KiB on an open connection: recorded by `Client.send_message`, beside the bare library."""

from __future__ import annotations

import time

from _pairs import compare
from websockets.asyncio.client import connect

from wslab import LabServer
from wslab.net import runtime
from wslab.net.client.client import Client
from wslab.net.recording import Recorder

ECHOES = 500
MESSAGE = "x" * 1024


async def recorded_s(url: str) -> float:
    """Return the seconds that one recorded echo takes on average."""
    client = Client(url, Recorder())
    await client.open()
    began = time.perf_counter()
    for _ in range(ECHOES):
        await client.send_message(MESSAGE)
    took_s = time.perf_counter() - began
    await client.close()
    return took_s / ECHOES


async def bare_s(url: str) -> float:
    """Return the seconds that one echo of the library takes on average."""
    async with connect(url, compression=None, proxy=None) as websocket:
        began = time.perf_counter()
        for _ in range(ECHOES):
            await websocket.send(MESSAGE)
            await websocket.recv()
        return (time.perf_counter() - began) / ECHOES


if __name__ == "__main__":
    with LabServer() as server:
        compare(
            "one echo of 1 KiB by send_message, against the bare library",
            lambda: runtime.run(recorded_s(server.url)),
            lambda: runtime.run(bare_s(server.url)),
            rounds=11,
            promised=1.3,
        )
