# /// script
# dependencies = ["picows"]
# ///
"""picows' client, which hands its application frames. Run: URL PAYLOAD_BYTES (0: send nothing)."""

import asyncio
import json
import sys

from picows import WSListener, WSMsgType, ws_connect

url, payload_bytes = sys.argv[1], int(sys.argv[2])
told = {"close_code": 1006, "close_reason": None, "error": None}


class Client(WSListener):
    def on_ws_connected(self, transport):
        if payload_bytes:
            transport.send(WSMsgType.BINARY, bytes(payload_bytes))

    def on_ws_frame(self, transport, frame):
        if frame.msg_type == WSMsgType.CLOSE:
            told.update(close_code=int(frame.get_close_code()), close_reason=frame.get_close_message())
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()


async def main():
    transport, _ = await ws_connect(Client, url)
    await transport.wait_disconnected()


try:
    asyncio.run(main())
except Exception as failure:
    told["error"] = f"{type(failure).__name__}: {failure}"
if isinstance(told["close_reason"], bytes):
    told["close_reason"] = told["close_reason"].decode()
print(json.dumps(told), flush=True)
