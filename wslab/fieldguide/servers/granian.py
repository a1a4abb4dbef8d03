# /// script
# dependencies = ["granian"]
# [tool.wslab]
# ///
"""granian, which has no option for a limit. Run: PORT 0."""

import sys
from pathlib import Path

from granian import Granian


async def app(scope, receive, send):
    while scope["type"] == "websocket":
        event = await receive()
        if event["type"] == "websocket.connect":
            await send({"type": "websocket.accept"})
        elif event["type"] == "websocket.receive":
            await send({**event, "type": "websocket.send"})
        else:
            return


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))
    app_here = f"{Path(__file__).parent.name}.{Path(__file__).stem}:app"
    Granian(app_here, address="127.0.0.1", port=int(sys.argv[1]), interface="asgi", log_enabled=False).serve()
