# /// script
# dependencies = ["picows"]
# [tool.wslab]
# limit = "ws_create_server(max_frame_size=N)"
# ///
"""picows, which hands its application frames and not messages. Run: PORT LIMIT_BYTES (0: its default)."""

import asyncio
import sys

from picows import WSListener, WSMsgType, ws_create_server


class Echo(WSListener):
    def on_ws_frame(self, transport, frame):
        if frame.msg_type == WSMsgType.CLOSE:
            transport.send_close(frame.get_close_code(), frame.get_close_message())
            transport.disconnect()
        elif frame.msg_type == WSMsgType.PING:
            transport.send_pong(frame.get_payload_as_bytes())
        elif frame.msg_type != WSMsgType.PONG:
            transport.send(frame.msg_type, frame.get_payload_as_bytes(), fin=frame.fin)


async def main(port, limit):
    options = {"max_frame_size": limit} if limit else {}
    server = await ws_create_server(lambda request: Echo(), "127.0.0.1", port, **options)
    await server.serve_forever()


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
