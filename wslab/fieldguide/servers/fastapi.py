# /// script
# dependencies = ["fastapi", "uvicorn", "websockets"]
# [tool.wslab]
# product = "uvicorn"
# limit = "uvicorn --ws-max-size N"
# ///
"""FastAPI on uvicorn, as its documentation runs it. Run: PORT LIMIT_BYTES (0: its default)."""

import sys

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()


@app.websocket("/")
async def echo(websocket: WebSocket):
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
uvicorn.run(app, port=int(sys.argv[1]), log_level="error", **options)
