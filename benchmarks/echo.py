"""One echo of 1 KiB on an open connection: recorded by `Client.send_message`, beside the bare library."""

from __future__ import annotations

import time
from collections.abc import Iterator

from _results import Result, library, paired, tell
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
    await client.send_message(MESSAGE)  # the first one waits to see whether the server greets
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


def measure(quick: bool) -> Iterator[Result]:
    with LabServer() as server:
        yield paired(
            "one echo of 1 KiB, recorded",
            lambda: runtime.run(recorded_s(server.url)),
            lambda: runtime.run(bare_s(server.url)),
            rounds=3 if quick else 11,
            peer=library("websockets"),
            at_most=1.3,
        )


if __name__ == "__main__":
    tell(measure, __doc__)
