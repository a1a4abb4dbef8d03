# /// script
# dependencies = ["websocket-client"]
# ///
"""websocket-client's WebSocketApp without its option to reconnect. Run: URL PAYLOAD_BYTES (0: send nothing)."""

import json
import sys

import websocket

url, payload_bytes = sys.argv[1], int(sys.argv[2])
told = {"close_code": 1006, "close_reason": None, "error": None}


def on_open(app):
    try:
        if payload_bytes:
            app.send_bytes(bytes(payload_bytes))
    except Exception as failure:
        told["error"] = f"{type(failure).__name__}: {failure}"
        raise


def on_close(app, code, reason):
    told.update(close_code=code or 1006, close_reason=reason)


websocket.WebSocketApp(url, on_open=on_open, on_close=on_close).run_forever()
print(json.dumps(told), flush=True)
