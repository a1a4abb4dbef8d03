"""Python's websockets, asyncio client: the exception that send() or recv() raises carries the code.

It reads while it sends, so it finds the close frame unless the failed send is noticed first.
"""

from __future__ import annotations

import asyncio
import contextlib

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from wslab.core.errors import in_words
from wslab.fieldguide.clients.orders import ClientReport, obey


async def send(url: str, payload: bytes) -> ClientReport:
    connection = await connect(url, compression=None, proxy=None)
    try:
        await connection.send(payload)
        await connection.recv()
    except ConnectionClosed as closed:
        code, reason = (closed.rcvd.code, closed.rcvd.reason) if closed.rcvd else (1006, None)
        return ClientReport(close_code=code, close_reason=reason, error=in_words(closed))
    finally:
        with contextlib.suppress(AttributeError):  # asyncio's transport, if all was sent before the end
            await connection.close()
    return ClientReport(close_code=None)


if __name__ == "__main__":
    obey(lambda url, payload: asyncio.run(send(url, payload)))
