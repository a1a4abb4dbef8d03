"""A guest of a stage: one connection of the client under test, with no more kept of it than cases need."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Callable, Mapping
from typing import NamedTuple

from websockets.frames import Opcode

from wslab.core.records import Close
from wslab.net.close_bodies import encode_close, read_close
from wslab.net.frames import FrameError, FrameStream, Piece, encode_frame, encode_header
from wslab.net.heads import RequestHead

MAX_MESSAGES = 1000
PHRASES = {503: "Service Unavailable", 401: "Unauthorized", 429: "Too Many Requests"}


class Said(NamedTuple):
    """A message from the client, identified by its length and the hash of its content."""

    payload_bytes: int
    digest: str


class Guest:
    """One connection of the client under test.

    Fields:
        at_s: when it came, on the loop's clock. messages: what it sent. closed, closed_at_s: its close frame, if one
            came, and when.
        ended_at_s: when TCP ended. answers_pings: whether its pings are answered.
    """

    def __init__(
        self, at_s: float, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, accept: str, request: RequestHead
    ) -> None:
        self.at_s = at_s
        self.messages: list[Said] = []
        self.closed: Close | None = None
        self.closed_at_s: float | None = None
        self.ended_at_s: float | None = None
        self.answers_pings = True
        self._reader, self._writer, self._accept = reader, writer, accept
        self._offered = request.fields.options("Sec-WebSocket-Protocol")
        self._frames = FrameStream("client")
        self._has_closed = False
        self._news = asyncio.Event()
        self._hash, self._length = hashlib.sha256(), 0
        self._reading: asyncio.Task[None] | None = None

    async def accept(self) -> None:
        """Complete the opening handshake, with the first subprotocol offered, and start reading."""
        lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"]
        lines.append(f"Sec-WebSocket-Accept: {self._accept}")
        lines += [f"Sec-WebSocket-Protocol: {self._offered[0]}"] if self._offered else []
        await self.write("\r\n".join([*lines, "", ""]).encode())
        self._reading = asyncio.create_task(self._read())

    async def reject(self, status: int, fields: Mapping[str, str] | None = None) -> None:
        """Answer the handshake with a status, and end TCP."""
        lines = [f"HTTP/1.1 {status} {PHRASES.get(status, 'No')}", "Content-Length: 0", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in (fields or {}).items()]
        await self.write("\r\n".join([*lines, "", ""]).encode())
        self.leave()

    async def close(self, code: int, reason: str = "", *, wait_s: float = 2.0) -> None:
        """Send a close frame, wait for the client's, and end TCP."""
        self._has_closed = True
        await self.write(encode_frame(Opcode.CLOSE, encode_close(Close(code=code, reason=reason)), sender="server"))
        await self.until_closed(wait_s)
        self.leave()

    async def say(self, text: str) -> None:
        """Send one text message."""
        await self.write(encode_frame(Opcode.TEXT, text.encode(), sender="server"))

    async def flood(self, payload_bytes: int) -> int:
        """Send a message of this size until the client refuses; return how many bytes it accepted."""
        await self.write(encode_header(Opcode.BINARY, payload_bytes))
        taken, part = 0, bytes(65_536)
        while taken < payload_bytes and not self.is_over:
            await self.write(part)
            taken += len(part)
        return taken

    async def write(self, data: bytes) -> None:
        """Send bytes; it is no error if the client is gone or accepts none for long."""
        self._writer.write(data)
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(5):
                await self._writer.drain()

    def leave(self) -> None:
        """End TCP with a FIN."""
        self._writer.close()

    def abort(self) -> None:
        """End TCP, with a RST if anything is unread or unsent."""
        self._writer.transport.abort()

    @property
    def is_over(self) -> bool:
        return self.closed is not None or self.ended_at_s is not None

    async def until_closed(self, timeout_s: float) -> bool:
        """Wait for the client's close frame or the end of TCP; return whether one came."""
        return await self._until(lambda: self.is_over, timeout_s)

    async def message(self, timeout_s: float) -> Said | None:
        """Wait for the client's first message; None if none comes."""
        await self._until(lambda: bool(self.messages) or self.is_over, timeout_s)
        return self.messages[0] if self.messages else None

    async def finish(self) -> None:
        """Stop reading, and end TCP if it is still open."""
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)
        self.abort()

    async def _until(self, is_so: Callable[[], bool], timeout_s: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not is_so():
                    self._news.clear()
                    await self._news.wait()
        return is_so()

    async def _read(self) -> None:
        try:
            while data := await self._reader.read(65_536):
                for piece in self._frames.feed(data):
                    await self._hear(piece)
                self._news.set()
        except (OSError, FrameError):
            pass  # cases only ask how it ended
        finally:
            self.ended_at_s = asyncio.get_running_loop().time()
            self._news.set()

    async def _hear(self, piece: Piece) -> None:
        opcode = piece.header.opcode
        if opcode == Opcode.CLOSE:
            self.closed, self.closed_at_s = read_close(piece.payload).close, asyncio.get_running_loop().time()
            if not self._has_closed:  # a second close frame would be an error, which browsers report as 1006
                await self.write(encode_frame(Opcode.CLOSE, piece.payload, sender="server"))
        elif opcode == Opcode.PING and self.answers_pings:
            await self.write(encode_frame(Opcode.PONG, piece.payload, sender="server"))
        elif not piece.header.is_control:
            self._hash.update(piece.payload)
            self._length += len(piece.payload)
            if piece.ends and piece.header.final:
                if len(self.messages) < MAX_MESSAGES:
                    self.messages.append(Said(self._length, self._hash.hexdigest()))
                self._hash, self._length = hashlib.sha256(), 0
