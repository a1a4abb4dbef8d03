# /// script
# dependencies = ["websockets"]
# [tool.wslab]
# product = "websockets"
# limit = "serve(max_size=N)"
# ///
"""websockets, one thread per connection. Run: PORT LIMIT_BYTES (0: its default). It stops accepting on SIGTERM."""

import signal
import sys
import threading

from websockets.sync.server import serve


def echo(websocket):
    for message in websocket:
        websocket.send(message)


options = {"max_size": int(sys.argv[2])} if int(sys.argv[2]) else {}
with serve(echo, "127.0.0.1", int(sys.argv[1]), **options) as server:
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
