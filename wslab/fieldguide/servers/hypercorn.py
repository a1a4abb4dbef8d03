# /// script
# dependencies = ["hypercorn"]
# [tool.wslab]
# limit = "--websocket-max-message-size N"
# ///
"""hypercorn, one worker in this process. Run: PORT LIMIT_BYTES (0: its default)."""

import asyncio
import signal
import sys

from hypercorn.asyncio import serve
from hypercorn.config import Config


async def app(scope, receive, send):
    while scope["type"] == "websocket":
        event = await receive()
        if event["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        elif event["type"] == "websocket.receive":
            await send({"type": "websocket.send", "bytes": event.get("bytes"), "text": event.get("text")})
        else:
            return


async def main(port, limit):
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    if limit:
        config.websocket_max_message_size = limit
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve(app, config, shutdown_trigger=stop.wait)


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
