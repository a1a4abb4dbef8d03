"""aiohttp's client: receive() shows the close frame as a message; `close_code` says 1006 even then.

If send_bytes() raises, this application still calls receive() once; one that does not is told nothing.
"""

from __future__ import annotations

import asyncio

from wslab.core.errors import in_words
from wslab.fieldguide.clients.orders import ClientReport, obey


async def send(url: str, payload: bytes) -> ClientReport:
    import aiohttp

    async with aiohttp.ClientSession() as session, session.ws_connect(url, max_msg_size=0) as websocket:
        error = None
        try:
            await websocket.send_bytes(payload)
        except aiohttp.ClientError as failure:
            error = in_words(failure)
        message = await websocket.receive()
        match message.type:
            case aiohttp.WSMsgType.CLOSE:
                return ClientReport(close_code=message.data or 1005, close_reason=message.extra, error=error)
            case aiohttp.WSMsgType.CLOSED | aiohttp.WSMsgType.CLOSING | aiohttp.WSMsgType.ERROR:
                return ClientReport(close_code=1006, error=error or str(message.data or ""))
        return ClientReport(close_code=None)


if __name__ == "__main__":
    obey(lambda url, payload: asyncio.run(send(url, payload)))
