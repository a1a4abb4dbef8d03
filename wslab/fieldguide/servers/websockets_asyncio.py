# /// script
# dependencies = ["websockets"]
# [tool.wslab]
# product = "websockets"
# limit = "serve(max_size=N)"
# ///
"""websockets, asyncio. Run: PORT LIMIT_BYTES (0: its default). It stops as its documentation shows."""

import asyncio
import signal
import sys

from websockets.asyncio.server import serve


async def echo(websocket):
    async for message in websocket:
        await websocket.send(message)


async def main(port, limit):
    options = {"max_size": limit} if limit else {}
    async with serve(echo, "127.0.0.1", port, **options) as server:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.close)
        await server.wait_closed()


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
