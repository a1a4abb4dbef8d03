# /// script
# dependencies = ["uvicorn", "websockets", "wsproto"]
# [tool.wslab]
# limit = "--ws-max-size N"
# variants = ["websockets", "websockets-sansio", "wsproto"]
# ///
"""uvicorn, with each of its backends. Run: PORT LIMIT_BYTES (0: its default) BACKEND."""

import sys

import uvicorn


async def app(scope, receive, send):
    while scope["type"] == "websocket":
        event = await receive()
        if event["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        elif event["type"] == "websocket.receive":
            await send({**event, "type": "websocket.send"})
        else:
            return


_, port, limit, backend = sys.argv
options = {"ws_max_size": int(limit)} if int(limit) else {}
uvicorn.run(app, port=int(port), ws=backend, lifespan="off", log_level="error", **options)
