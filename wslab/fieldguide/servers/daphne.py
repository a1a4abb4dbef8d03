# /// script
# dependencies = ["daphne"]
# [tool.wslab]
# ///
"""daphne, which has no option for a limit. Run: PORT 0."""

import sys

from daphne.server import Server


async def app(scope, receive, send):
    while scope["type"] == "websocket":
        event = await receive()
        if event["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        elif event["type"] == "websocket.receive":
            await send({**event, "type": "websocket.send"})
        else:
            return


Server(app, endpoints=[f"tcp:port={sys.argv[1]}:interface=127.0.0.1"], verbosity=0).run()
