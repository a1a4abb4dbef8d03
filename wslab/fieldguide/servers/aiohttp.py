# /// script
# dependencies = ["aiohttp"]
# [tool.wslab]
# limit = "WebSocketResponse(max_msg_size=N)"
# ///
"""aiohttp, with no handler for its shutdown. Run: PORT LIMIT_BYTES (0: its default)."""

import sys

from aiohttp import WSMsgType, web


async def echo(request):
    options = {"max_msg_size": int(sys.argv[2])} if int(sys.argv[2]) else {}
    websocket = web.WebSocketResponse(**options)
    await websocket.prepare(request)
    async for message in websocket:
        if message.type is WSMsgType.TEXT:
            await websocket.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await websocket.send_bytes(message.data)
    return websocket


app = web.Application()
app.router.add_get("/", echo)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), print=None)
