# /// script
# dependencies = ["tornado"]
# [tool.wslab]
# limit = "Application(websocket_max_message_size=N)"
# ///
"""tornado. Run: PORT LIMIT_BYTES (0: its default)."""

import asyncio
import sys

from tornado.web import Application
from tornado.websocket import WebSocketHandler


class Echo(WebSocketHandler):
    def check_origin(self, origin):
        return True

    async def on_message(self, message):
        await self.write_message(message, binary=isinstance(message, bytes))


async def main(port, limit):
    options = {"websocket_max_message_size": limit} if limit else {}
    Application([("/", Echo)], **options).listen(port, "127.0.0.1")
    await asyncio.Event().wait()


asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
