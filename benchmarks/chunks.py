"""An upload of 64 MiB by `send_in_chunks`, kept and verified, beside one message of 64 MiB of the bare library."""

from __future__ import annotations

import asyncio
import itertools
import multiprocessing
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from random import Random

from _results import Result, library, paired, tell
from websockets.asyncio.client import connect
from websockets.asyncio.server import ServerConnection, serve

from wslab.net.chunks import Inbox, Upload, receive_chunks, send_in_chunks

MIB = 2**20
CONTENT = Random(0).randbytes(64 * MIB)

names = (f"upload-{number}" for number in itertools.count())


async def take(connection: ServerConnection) -> None:
    """Receive as the path of the URL says: one message, or chunks."""
    assert connection.request is not None
    if connection.request.path == "/message":
        await connection.send(str(len(await connection.recv())))
    else:
        await receive_chunks(connection, Inbox(), keep)


async def keep(upload: Upload) -> None:
    assert len(upload.content) == len(CONTENT)


async def receive(port: Connection) -> None:
    async with serve(take, "127.0.0.1", 0, max_size=None, compression=None) as server:
        port.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()


async def chunks_s(url: str, max_message_bytes: int) -> float:
    """Return the seconds from the first offer to the receiver's word that it has everything."""
    async with connect(f"{url}chunks", compression=None, proxy=None) as connection:
        began = time.perf_counter()
        await send_in_chunks(connection, CONTENT, upload=next(names), max_message_bytes=max_message_bytes)
        return time.perf_counter() - began


async def message_s(url: str) -> float:
    """Return the seconds from the message to the receiver's word that it has it."""
    async with connect(f"{url}message", compression=None, proxy=None) as connection:
        began = time.perf_counter()
        await connection.send(CONTENT)
        await connection.recv()
        return time.perf_counter() - began


def serve_until_killed(port: Connection) -> None:
    asyncio.run(receive(port))


def measure(quick: bool) -> Iterator[Result]:
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve_until_killed, args=(there,), daemon=True)
    process.start()
    url = f"ws://127.0.0.1:{here.recv()}/"
    for limit_bytes, name in ((64 * 1024, "64 KiB"), (MIB, "1 MiB")):
        yield paired(
            f"64 MiB in verified chunks of {name}, beside one message",
            lambda limit_bytes=limit_bytes: asyncio.run(chunks_s(url, limit_bytes)),  # type: ignore[misc]
            lambda: asyncio.run(message_s(url)),
            rounds=1 if quick else 7,
            peer=library("websockets"),
            at_most=1.25,
        )
    process.terminate()


if __name__ == "__main__":
    tell(measure, __doc__)
