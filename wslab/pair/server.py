"""A server that is wrong on purpose: it does not say that a message was too big.

Usage: python server.py PORT; 0 takes a free port. It prints its URL, and ends when its
standard input does.
"""

import asyncio
import contextlib
import sys

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosedError

MAX_MESSAGE_BYTES = 16_384


async def echo(connection: ServerConnection) -> None:
    """Send every text back, up to the limit."""
    with contextlib.suppress(ConnectionClosedError):
        async for message in connection:
            if len(message.encode() if isinstance(message, str) else message) > MAX_MESSAGE_BYTES:
                await connection.close(1000)
                return
            await connection.send(message)


async def main(port: int) -> None:
    """Serve until nobody needs it any more."""
    async with serve(echo, "127.0.0.1", port, max_size=None) as server:
        print(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/", flush=True)
        await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
