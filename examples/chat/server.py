"""A chat: everyone who is connected hears what anybody says. Usage: python server.py PORT.

It is right about limits and restarts: it refuses too big a message with 1009, and tells everybody 1012 when it stops.
"""

from __future__ import annotations

import asyncio
import contextlib
import sys

from aiohttp import WSCloseCode, WSMsgType, web

MAX_MESSAGE_BYTES = 16_384
CLIENTS: web.AppKey[set[web.WebSocketResponse]] = web.AppKey("clients", set)


async def chat(request: web.Request) -> web.WebSocketResponse:
    websocket = web.WebSocketResponse(max_msg_size=MAX_MESSAGE_BYTES, heartbeat=20)
    await websocket.prepare(request)
    everyone = request.app[CLIENTS]
    everyone.add(websocket)
    try:
        async for message in websocket:
            if message.type is WSMsgType.TEXT:
                await asyncio.gather(*(each.send_str(message.data) for each in everyone), return_exceptions=True)
    finally:
        everyone.discard(websocket)
    return websocket


async def announce_restart(app: web.Application) -> None:
    """Say 1012 to everybody at once: a client that is slow to answer holds up no other."""
    leaving = [each.close(code=WSCloseCode.SERVICE_RESTART, message=b"restarting") for each in app[CLIENTS]]
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(5):
            await asyncio.gather(*leaving, return_exceptions=True)


def chat_app() -> web.Application:
    app = web.Application()
    app[CLIENTS] = set()
    app.router.add_get("/", chat)
    app.on_shutdown.append(announce_restart)
    return app


if __name__ == "__main__":
    web.run_app(chat_app(), host="127.0.0.1", port=int(sys.argv[1]), print=None)
