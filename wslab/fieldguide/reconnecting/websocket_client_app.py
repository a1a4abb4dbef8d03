# /// script
# dependencies = ["websocket-client"]
# ///
"""websocket-client's WebSocketApp with its option to reconnect, 5 s as in its documentation. Run: URL."""

import sys

import websocket

websocket.WebSocketApp(sys.argv[1], on_message=lambda app, message: None).run_forever(reconnect=5)
