# /// script
# dependencies = ["sanic"]
# [tool.wslab]
# limit = "WEBSOCKET_MAX_SIZE"
# ///
"""sanic, in one process. Run: PORT LIMIT_BYTES (0: its default)."""

import sys

from sanic import Sanic

app = Sanic("echo", configure_logging=False)
if int(sys.argv[2]):
    app.config.WEBSOCKET_MAX_SIZE = int(sys.argv[2])


@app.websocket("/")
async def echo(request, websocket):
    async for message in websocket:
        await websocket.send(message)


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(sys.argv[1]), single_process=True, motd=False, access_log=False)
