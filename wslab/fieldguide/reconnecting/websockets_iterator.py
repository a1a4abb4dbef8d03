# /// script
# dependencies = ["websockets"]
# ///
"""websockets' iterator of connections, as its documentation shows it. Run: URL."""

import asyncio
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


async def main(url):
    async for websocket in connect(url):
        try:
            async for _ in websocket:
                pass
        except ConnectionClosed:
            continue


asyncio.run(main(sys.argv[1]))
