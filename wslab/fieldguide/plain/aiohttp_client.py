# /// script
# dependencies = ["aiohttp"]
# ///
"""aiohttp's client, which shows the close frame to receive(). Run: URL PAYLOAD_BYTES (0: send nothing)."""

import asyncio
import json
import sys

import aiohttp

ENDS = (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.ERROR)


async def main(url, payload_bytes):
    error = None
    async with aiohttp.ClientSession() as session, session.ws_connect(url) as websocket:
        try:
            if payload_bytes:
                await websocket.send_bytes(bytes(payload_bytes))
        except Exception as failure:
            error = f"{type(failure).__name__}: {failure}"
        message = await websocket.receive()
        while message.type not in ENDS:
            message = await websocket.receive()
    closed = message.type == aiohttp.WSMsgType.CLOSE
    told = {
        "close_code": message.data if closed else websocket.close_code,
        "close_reason": message.extra if closed else None,
        "error": error,
    }
    print(json.dumps(told), flush=True)


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
