"""Large contents over connections with a limit: send_in_chunks() and receive_chunks(), the remedy for 1009.

Frames do not help where the limit is on the message; several messages do. What they say is `wslab.core.chunks.sending`;
this module moves them over any object with `send` and `recv` as those of a `websockets` connection, on either side. The
connection belongs to the upload until it ends: no other message may be sent or received on it.

An upload survives its connection. After a closure, such as 1012 in its middle, the same call on a new connection goes
on where the receiver says it was:

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
    """What carries chunks: a connection that sends and receives whole messages."""

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
        upload: its name. The same name and content resume on a new connection what is there; what is done already is
            not accepted again. A name of 1 to 64 letters, digits and `_ . : -`.
        max_message_bytes: the receiver's limit, or less, at least 1024: each message stays within it, with its header
            and with what permessage-deflate adds to bytes that do not compress.
        window: messages on their way before the first answer must come.
        timeout_s: how long one message may take to be sent, and an answer to come.

    Raises:
        TypeError, ValueError: an argument is out of its bounds.
        UploadRefusedError: the receiver does not accept the upload; its words say why.
        TimeoutError: no answer came; the same call on a new connection goes on.

    What the connection raises when it ends passes through, such as websockets.ConnectionClosed.
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
            did = "no answer came from the receiver" if message is None else "the receiver took no message"
            raise TimeoutError(f"{did} within {timeout_s} s; the same call on a new connection goes on") from None


async def receive_chunks(connection: Messages, inbox: Inbox, keep: Callable[[Upload], Awaitable[None]]) -> None:
    """Take in uploads until the connection has ended, and hand over each that is whole.

    Args:
        inbox: shared by all connections over which an upload may be resumed; it bounds the memory.
        keep: awaited once for each upload, before its sender is told that it is done. If it raises, the error passes
            through and the upload is handed over again when its sender comes back. To accept nothing twice beyond
            the life of this process, let it save `upload.name` together with the content, and make the next inbox
            with what was saved (`Inbox(done=…)`).
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
