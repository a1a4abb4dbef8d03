"""The stage of a client's check keeps to the protocol itself: a client that is strict is told what was meant for it."""

from __future__ import annotations

import asyncio

from websockets.frames import Opcode

from wslab.checks.stage import Stage
from wslab.core.records import Close
from wslab.net import runtime
from wslab.net.close_bodies import encode_close
from wslab.net.frames import encode_frame

CLOSE = encode_close(Close(code=1009, reason="too big"))
ASKING = (
    "GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


async def _heard_of_a_closure() -> bytes:
    """Answer the stage's close frame with one, and return all that came after the handshake."""
    async with Stage() as stage:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(stage.url.rpartition(":")[2].strip("/")))
        writer.write(ASKING.encode())
        guest = await stage.guest(10)
        assert guest is not None
        await guest.accept()
        await reader.readuntil(b"\r\n\r\n")
        closing = asyncio.create_task(guest.close(1009, "too big"))
        writer.write(encode_frame(Opcode.CLOSE, CLOSE))
        heard = await reader.read()
        await closing
        writer.close()
        return heard


def test_close_frame_is_not_answered_with_a_second_one() -> None:
    assert runtime.run(_heard_of_a_closure()) == encode_frame(Opcode.CLOSE, CLOSE, sender="server")
