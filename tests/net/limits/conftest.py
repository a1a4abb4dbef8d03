"""A WebSocket server whose every manner is a field: real sockets, frames by hand, no library in between."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import pytest
from websockets.extensions.permessage_deflate import ServerPerMessageDeflateFactory
from websockets.http11 import Request
from websockets.server import ServerProtocol

from wslab.core.limits import calibration

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10

Checks = Literal["header", "bytes", "message"]
After = Literal["drain", "reset", "abort", "hold"]
Replies = Literal["echo", "own", "none"]


@dataclass
class Manners:
    """How a server behaves.

    Fields:
        checks: when a limit is enforced: on a frame's "header", on its "bytes" as they arrive, on a whole "message".
        over: the `over_limit` that a probe is to find. after: what follows, see `AfterRefusal`; "abort" sends RST.
        chatter_s: seconds between messages that nobody asked for. wants: the first message that it wants.
        dies_at: the connection, counted from 1, that it cuts, and listens no more.
    """

    max_frame: int | None = None
    max_message: int | None = None
    checks: Checks = "header"
    unit: Literal["bytes", "characters"] = "bytes"
    over: str = "close_frame"
    close_code: int = 1009
    reason: str = ""
    after: After = "drain"
    replies: Replies = "echo"
    pongs: bool = True
    greetings: int = 0
    chatter_s: float | None = None
    ends: bool = False
    wants: str | None = None
    deflate: bool = False
    dies_at: int | None = None


@dataclass
class Received:
    """What all connections together have sent: frames only, the opening handshakes left out."""

    connections: int = 0
    wire_bytes: int = 0
    requests: list[bytes] = field(default_factory=list)


class Death(Exception):  # noqa: N818 - it is what happens
    """The server is no more."""


class Conversation:
    """One connection of a server with `manners`."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, manners: Manners, received: Received
    ) -> None:
        self.reader, self.writer, self.manners, self.received = reader, writer, manners, received
        self.greeted = manners.wants is None
        self.inflater = zlib.decompressobj(-15)
        self.total = 0
        self.content = bytearray()
        self.opcode, self.compressed = TEXT, False

    async def hold(self) -> None:
        received, manners = self.received, self.manners
        received.connections += 1
        received.requests.append(await accept(self.reader, self.writer, deflate=manners.deflate))
        if received.connections == manners.dies_at:
            raise Death
        for number in range(manners.greetings):
            self.send(TEXT, b"welcome %d" % number)
        chatter = asyncio.create_task(self._chatter()) if manners.chatter_s else None
        try:
            while await self._frame():
                pass
        finally:
            if chatter is not None:
                chatter.cancel()

    async def _chatter(self) -> None:
        while True:
            await asyncio.sleep(self.manners.chatter_s or 0)
            self.send(TEXT, b"tick")

    async def _frame(self) -> bool:
        """Take one frame; return whether the conversation goes on."""
        first, second = await self._read(2)
        length = second & 0x7F
        if length >= 126:
            (length,) = struct.unpack("!H" if length == 126 else "!Q", await self._read(2 if length == 126 else 8))
        mask = await self._read(4)
        opcode = first & 0x0F
        if opcode >= CLOSE:
            return await self._control(opcode, unmask(await self._read(length), mask))
        if opcode:
            self.opcode, self.compressed = opcode, bool(first & 0x40)
        if self.manners.checks == "header" and self._is_over(length, self.total + length):
            return await self._refuse(length)
        left = length
        while left:
            chunk = await self.reader.read(min(left, 65_536))
            if not chunk:
                return False
            self.received.wire_bytes += len(chunk)
            left -= len(chunk)
            self.content += chunk
            self.total += len(chunk)
            if self.manners.checks == "bytes" and self._is_over(length - left, self.total):
                return await self._refuse(left)
        self.content[len(self.content) - length :] = unmask(bytes(self.content[len(self.content) - length :]), mask)
        return await self._message(length) if first & 0x80 else True

    async def _message(self, last_frame: int) -> bool:
        content, total = bytes(self.content), self.total
        self.content.clear()
        self.total = 0
        if self.compressed:
            content = self.inflater.decompress(content + b"\x00\x00\xff\xff")
            total = last_frame = len(content)
        if self.manners.checks == "message" or self.compressed:
            if self.manners.unit == "characters":
                total = last_frame = len(content.decode())
            if self._is_over(last_frame, total):
                return await self._refuse(0)
        if not self.greeted:
            self.greeted = content == (self.manners.wants or "").encode()
            if self.greeted:
                self.send(TEXT, b"at your service")
                return True
            self.send(CLOSE, struct.pack("!H", 1008) + b"greet me first")
            return False
        if self.manners.replies == "echo":
            self.send(self.opcode, content)
        elif self.manners.replies == "own":
            self.send(TEXT, b"got it")
        if self.manners.ends:
            self.send(CLOSE, struct.pack("!H", 1000))
        return not self.manners.ends

    async def _control(self, opcode: int, payload: bytes) -> bool:
        if opcode == PING and self.manners.pongs:
            self.send(PONG, payload)
        if opcode == CLOSE:
            self.send(CLOSE, payload)
        return opcode != CLOSE

    def _is_over(self, frame: int, message: int) -> bool:
        limits = ((self.manners.max_frame, frame), (self.manners.max_message, message))
        return any(limit is not None and size > limit for limit, size in limits)

    async def _refuse(self, unread: int) -> bool:
        self.total = 0
        self.content.clear()
        if self.manners.over == "silent_drop":
            await self._read(unread)
            return True
        if self.manners.over == "held_open":
            await asyncio.Event().wait()
        if self.manners.over == "close_frame":
            self.send(CLOSE, struct.pack("!H", self.manners.close_code) + self.manners.reason.encode())
        elif self.manners.over == "empty_close_frame":
            self.send(CLOSE, b"")
        elif self.manners.after == "drain":
            self.writer.write_eof()
        await self._afterwards()
        return False

    async def _afterwards(self) -> None:
        if self.manners.after == "drain":
            while data := await self.reader.read(65_536):
                self.received.wire_bytes += len(data)
        elif self.manners.after == "hold":
            self.writer.transport.pause_reading()  # type: ignore[attr-defined]
            await asyncio.Event().wait()
        elif self.manners.after == "abort":
            await self.writer.drain()
            sock: socket.socket = self.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    async def _read(self, count: int) -> bytes:
        data = await self.reader.readexactly(count)
        self.received.wire_bytes += count
        return data

    def send(self, opcode: int, payload: bytes) -> None:
        size = len(payload)
        if size < 126:
            header = struct.pack("!BB", 0x80 | opcode, size)
        elif size < 65_536:
            header = struct.pack("!BBH", 0x80 | opcode, 126, size)
        else:
            header = struct.pack("!BBQ", 0x80 | opcode, 127, size)
        self.writer.write(header + payload)


async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, deflate: bool = False) -> bytes:
    """Answer the opening handshake, and return the request."""
    protocol = ServerProtocol(extensions=[ServerPerMessageDeflateFactory()] if deflate else None)
    request = await reader.readuntil(b"\r\n\r\n")
    protocol.receive_data(request)
    (event,) = protocol.events_received()
    assert isinstance(event, Request)
    protocol.send_response(protocol.accept(event))
    writer.write(b"".join(protocol.data_to_send()))
    return request


def unmask(payload: bytes, mask: bytes) -> bytes:
    size = len(payload)
    repeated = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(repeated)).to_bytes(size)


class Raw:
    """Servers on 127.0.0.1, port 0."""

    @staticmethod
    @asynccontextmanager
    async def mannered(manners: Manners) -> AsyncIterator[tuple[str, Received]]:
        """A WebSocket server with these manners: its URL, and what it has received."""
        received = Received()

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                await Conversation(reader, writer, manners, received).hold()

        async with Raw.tcp(converse) as url:
            yield url, received

    @staticmethod
    @asynccontextmanager
    async def tcp(
        converse: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[object]], **options: Any
    ) -> AsyncIterator[str]:
        """A TCP server that does whatever `converse` does, and ends the connection after it."""
        conversations: set[asyncio.Task[Any]] = set()

        async def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            if (task := asyncio.current_task()) is not None:
                conversations.add(task)
            try:
                await converse(reader, writer)
            except Death:
                server.close()
            except asyncio.CancelledError:
                pass
            writer.close()

        server = await asyncio.start_server(begin, "127.0.0.1", 0, **options)
        try:
            yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        finally:
            server.close()
            for conversation in conversations:
                conversation.cancel()
            await asyncio.gather(*conversations, return_exceptions=True)


@pytest.fixture(autouse=True)
def _answers_come_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of these servers takes seconds over a message, so that many would be waited for in vain."""
    monkeypatch.setattr(calibration, "LATE_ANSWER_S", 0.3)


@pytest.fixture(scope="session")
def raw() -> type[Raw]:
    """Servers made by hand."""
    return Raw
