# /// script
# dependencies = ["websockets"]
# ///
"""websockets' client, as its documentation shows it. Run: URL PAYLOAD_BYTES (0: send nothing)."""

import asyncio
import contextlib
import json
import sys

from websockets.asyncio.client import connect


async def main(url, payload_bytes):
    websocket = await connect(url)
    error = None
    with contextlib.suppress(Exception):  # what iterating, or leaving the block, raises of a closure: the codes tell it
        async with websocket:
            try:
                if payload_bytes:
                    await websocket.send(bytes(payload_bytes))
            except Exception as failure:
                error = f"{type(failure).__name__}: {failure}"
            async for _ in websocket:
                pass
    told = {"close_code": websocket.close_code, "close_reason": websocket.close_reason, "error": error}
    print(json.dumps(told), flush=True)


asyncio.run(main(sys.argv[1], int(sys.argv[2])))
