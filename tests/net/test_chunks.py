"""Uploads in chunks over real connections, through restarts in their middle."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from random import Random
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosedError

from wslab.core.chunks.inbox import Taken
from wslab.core.errors import UploadRefusedError
from wslab.net.chunks import Inbox, Upload, receive_chunks, send_in_chunks

LIMIT_BYTES = 4096
CONTENT = Random(0).randbytes(300_000)

Keep = Callable[[Upload], Awaitable[None]]


class Shelf(list[Upload]):
    """An application that keeps what it is handed."""

    async def keep(self, upload: Upload) -> None:
        self.append(upload)


@contextlib.asynccontextmanager
async def receiver(keep: Keep, inbox: Inbox, *, port: int = 0) -> AsyncIterator[tuple[str, Server]]:
    async def converse(connection: ServerConnection) -> None:
        await receive_chunks(connection, inbox, keep)

    async with serve(converse, "127.0.0.1", port, max_size=LIMIT_BYTES) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}/", server


async def upload(url: str, content: bytes = CONTENT, name: str = "a", **options: Any) -> int:
    """Upload over one connection; return how many bytes of messages went out."""
    async with connect(url, proxy=None) as connection:
        sent_bytes = 0

        class Counting:
            async def send(self, message: bytes, /) -> None:
                nonlocal sent_bytes
                sent_bytes += len(message)
                await connection.send(message)

            async def recv(self) -> str | bytes:
                return await connection.recv()

        await send_in_chunks(Counting(), content, upload=name, max_message_bytes=LIMIT_BYTES, **options)
        return sent_bytes


def test_chunks_carry_what_one_message_cannot() -> None:
    async def main() -> Shelf:
        shelf = Shelf()
        async with receiver(shelf.keep, Inbox()) as (url, _):
            async with connect(url, proxy=None) as connection:
                await connection.send(CONTENT)
                with pytest.raises(ConnectionClosedError, match="1009"):
                    await connection.recv()
            await upload(url)
        return shelf

    assert asyncio.run(main()) == [Upload("a", CONTENT)]


def test_server_sends_in_chunks_too() -> None:
    async def main() -> Shelf:
        shelf = Shelf()

        async def send(connection: ServerConnection) -> None:
            await send_in_chunks(connection, CONTENT, upload="a", max_message_bytes=LIMIT_BYTES)

        async with serve(send, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with connect(f"ws://127.0.0.1:{port}/", max_size=LIMIT_BYTES, proxy=None) as connection:
                await receive_chunks(connection, Inbox(), shelf.keep)  # returns once the server has closed
        return shelf

    assert asyncio.run(main()) == [Upload("a", CONTENT)]


async def interrupted_upload(inbox: Inbox, keep: Keep, *, after: int) -> int:
    """Upload until the server restarts with 1012 after so many messages; return its port."""
    taken = 0

    class Watched(Inbox):
        def take(self, message: str | bytes, connection: object) -> Taken:
            nonlocal taken
            taken += 1
            if taken == after:
                restart.set()
            return inbox.take(message, connection)

        settle, release, leave = inbox.settle, inbox.release, inbox.leave

    restart = asyncio.Event()
    async with receiver(keep, Watched()) as (url, server):
        uploading = asyncio.create_task(upload(url))
        async with asyncio.timeout(5):
            await restart.wait()
        server.close(code=1012, reason="service restart")
        await server.wait_closed()
        with pytest.raises(ConnectionClosedError) as closed:
            await uploading
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1012
    return int(url.rsplit(":", 1)[1].rstrip("/"))


@pytest.mark.parametrize("after", [1, 20, 60])
def test_upload_goes_on_after_1012_in_its_middle(after: int) -> None:
    async def main() -> tuple[Shelf, int]:
        shelf, inbox = Shelf(), Inbox()
        port = await interrupted_upload(inbox, shelf.keep, after=after)
        assert shelf == []
        async with receiver(shelf.keep, inbox, port=port) as (url, _):
            return shelf, await upload(url)

    shelf, resent_bytes = asyncio.run(main())
    assert shelf == [Upload("a", CONTENT)]
    assert resent_bytes < len(CONTENT) * (1.15 - after / 80), "what was received is not sent again"


def test_upload_is_whole_even_where_the_receiver_lost_everything() -> None:
    async def main() -> Shelf:
        shelf = Shelf()
        port = await interrupted_upload(Inbox(), shelf.keep, after=20)
        async with receiver(shelf.keep, Inbox(), port=port) as (url, _):
            await upload(url)
        return shelf

    assert asyncio.run(main()) == [Upload("a", CONTENT)]


def test_upload_is_not_accepted_twice_where_done_was_lost() -> None:
    async def main() -> tuple[Shelf, int]:
        shelf, inbox = Shelf(), Inbox()

        async def keep_and_crash(upload: Upload) -> None:
            await shelf.keep(upload)
            for connection in server.connections:
                connection.transport.abort()

        async with receiver(keep_and_crash, inbox) as (url, server):
            with pytest.raises(ConnectionClosedError, match="no close frame"):
                await upload(url)
            return shelf, await upload(url)

    shelf, resent_bytes = asyncio.run(main())
    assert shelf == [Upload("a", CONTENT)]
    assert resent_bytes < 500, "an offer is enough"


def test_upload_is_handed_over_again_where_keeping_failed() -> None:
    async def main() -> Shelf:
        shelf, disk_is_full = Shelf(), True

        async def keep(upload: Upload) -> None:
            if disk_is_full:
                raise OSError("no space left on device")
            await shelf.keep(upload)

        async with receiver(keep, Inbox()) as (url, _):
            with pytest.raises(ConnectionClosedError, match="1011"):
                await upload(url)
            disk_is_full = False
            await upload(url)
        return shelf

    assert asyncio.run(main()) == [Upload("a", CONTENT)]


def test_connections_that_bring_the_same_upload_at_once_hand_it_over_once() -> None:
    async def main() -> Shelf:
        shelf = Shelf()

        async def keep_slowly(upload: Upload) -> None:
            await asyncio.sleep(0.05)
            await shelf.keep(upload)

        async with receiver(keep_slowly, Inbox()) as (url, _):
            await asyncio.gather(*(upload(url) for _ in range(3)))
        return shelf

    assert asyncio.run(main()) == [Upload("a", CONTENT)]


def test_refusal_reaches_the_sender_before_the_content_does() -> None:
    async def main() -> None:
        async with receiver(Shelf().keep, Inbox(max_upload_bytes=1000, max_held_bytes=1000)) as (url, _):
            await upload(url)

    with pytest.raises(UploadRefusedError, match="300,000 bytes, but at most 1,000 are accepted"):
        asyncio.run(main())


class Stuck:
    """A connection whose other side does nothing any more."""

    def __init__(self, *, takes: bool) -> None:
        self.takes = takes

    async def send(self, message: bytes, /) -> None:
        if not self.takes:
            await self.recv()

    async def recv(self) -> bytes:
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nothing ever comes")


@pytest.mark.parametrize(
    ("takes", "words"), [(True, "the receiver did not answer"), (False, "the receiver did not read")]
)
def test_silence_ends_in_a_timeout_that_says_what_to_do(takes: bool, words: str) -> None:
    with pytest.raises(TimeoutError, match=rf"{words} within 0.05 s; call again on a new connection to continue"):
        asyncio.run(send_in_chunks(Stuck(takes=takes), CONTENT, upload="a", timeout_s=0.05))


def test_timeout_out_of_bounds_is_refused() -> None:
    with pytest.raises(ValueError, match=r"timeout_s is 0, but must be between 0.01 and 3,600 seconds"):
        asyncio.run(send_in_chunks(None, b"", upload="a", timeout_s=0))  # type: ignore[arg-type]
