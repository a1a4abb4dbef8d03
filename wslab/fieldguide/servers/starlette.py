# /// script
# dependencies = ["starlette", "uvicorn", "websockets"]
# [tool.wslab]
# product = "uvicorn"
# limit = "uvicorn --ws-max-size N"
# ///
"""Starlette on uvicorn, as its documentation runs it. Run: PORT LIMIT_BYTES (0: its default)."""

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocketDisconnect


async def echo(websocket):
    await websocket.accept()
    try:
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            await websocket.send({**message, "type": "websocket.send"})
    except WebSocketDisconnect:
        return


options = {"ws_max_size": int(sys.argv[2])} if int(sys.argv[2]) else {}
app = Starlette(routes=[WebSocketRoute("/", echo)])
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", **options)
