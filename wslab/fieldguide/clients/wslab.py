"""The lab's own client: it reads on after a failed send, so it never loses a close frame that has arrived."""

from __future__ import annotations

import asyncio

from wslab.fieldguide.clients.orders import ClientReport, obey
from wslab.net.client.client import Client
from wslab.net.recording import Recorder


async def send(url: str, payload: bytes) -> ClientReport:
    client = Client(url, Recorder())
    attempt = await client.open()
    sent = await client.send_message(payload, timeout_s=3600)
    await client.close()
    return ClientReport(close_code=sent.close_code, close_reason=sent.close_reason, error=attempt.error or sent.error)


if __name__ == "__main__":
    obey(lambda url, payload: asyncio.run(send(url, payload)))
