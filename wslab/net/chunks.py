"""Large contents over connections with a limit: send_in_chunks() and receive_chunks(), the remedy for 1009.

Smaller frames do not help if the limit is on the message; several messages do. `wslab.core.chunks.sending` defines
them; this module moves them over any object with `send` and `recv` like those of a `websockets` connection, on either
side. The connection belongs to the upload until it ends: no other message may be sent or received on it.

An upload survives its connection. After a closure, such as 1012 in the middle, the same call on a new connection
continues where the receiver left off:

    async for connection in websockets.connect(url):
        try:
            await send_in_chunks(connection, content, upload="holiday.mp4")
            break
        except websockets.ConnectionClosed:
            continue
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Protocol

from websockets.exceptions import ConnectionClosed

from wslab.core.arguments import check_number
from wslab.core.chunks.inbox import BUSY, Inbox, Upload
from wslab.core.chunks.sending import Sender

__all__ = ["Inbox", "Messages", "Upload", "receive_chunks", "send_in_chunks"]

BUSY_INTERVAL_S = 0.02


class Messages(Protocol):
    """A connection that sends and receives whole messages."""

    async def send(self, message: bytes, /) -> None: ...

    async def recv(self) -> str | bytes: ...


async def send_in_chunks(
    connection: Messages,
    content: bytes,
    *,
    upload: str,
    max_message_bytes: int = 65_536,
    window: int = 16,
    timeout_s: float = 30.0,
) -> None:
    """Send `content` in messages of at most `max_message_bytes`; return once the receiver has handed it over.

    Args:
        upload: its name, 1 to 64 letters, digits and `_ . : -`. The same name and content resume the upload on a new
            connection; a finished upload is not accepted again.
        max_message_bytes: the receiver's limit or less, at least 1024. Each message stays within it, including its
            header and what permessage-deflate adds to incompressible bytes.
        window: messages in flight before the first answer must come.
        timeout_s: for sending one message, and for one answer.

    Raises:
        TypeError, ValueError: an argument is out of bounds.
        UploadRefusedError: the receiver does not accept the upload; the message is its own.
        TimeoutError: no answer came; repeat the call on a new connection to continue.

    Exceptions of the connection when it ends, such as websockets.ConnectionClosed, pass through.
    """
    check_number("timeout_s", timeout_s, low=0.01, high=3600, unit="seconds")
    sender = Sender(content, upload=upload, max_message_bytes=max_message_bytes, window=window)
    while not sender.done:
        message = sender.next_message()
        try:
            async with asyncio.timeout(timeout_s):
                if message is None:
                    sender.hear(await connection.recv())
                else:
                    await connection.send(message)
        except TimeoutError:
            what = "the receiver did not answer" if message is None else "the receiver did not read"
            raise TimeoutError(f"{what} within {timeout_s} s; call again on a new connection to continue") from None


async def receive_chunks(connection: Messages, inbox: Inbox, keep: Callable[[Upload], Awaitable[None]]) -> None:
    """Receive uploads until the connection ends, and hand over each complete one.

    Args:
        inbox: shared by all connections over which an upload may be resumed; it bounds the memory.
        keep: awaited once per upload, before its sender is told that it is done. If it raises, the exception passes
            through, and the upload is handed over again when its sender comes back. To accept nothing twice even after
            this process has ended, save `upload.name` with the content, and pass the saved names to the next inbox
            (`Inbox(done=…)`).
    """
    answer: bytes | None = None
    try:
        while True:
            try:
                if answer is not None:
                    await connection.send(answer)
                message = await connection.recv()
            except ConnectionClosed:
                return
            answer = await _answer(message, connection, inbox, keep)
    finally:
        inbox.leave(connection)


async def _answer(
    message: str | bytes, connection: Messages, inbox: Inbox, keep: Callable[[Upload], Awaitable[None]]
) -> bytes | None:
    while (taken := inbox.take(message, connection)) is BUSY:
        await asyncio.sleep(BUSY_INTERVAL_S)
    if taken.upload is None:
        return taken.answer
    try:
        await keep(taken.upload)
    except BaseException:
        inbox.release(taken.upload.name)
        raise
    return inbox.settle(taken.upload.name)
