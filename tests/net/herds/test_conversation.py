"""The herd speaks RFC 6455 to whoever serves, and tells outcomes apart."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
import tornado.httpserver
import tornado.netutil
import tornado.web
import tornado.websocket
from aiohttp import web
from websockets.asyncio.server import ServerConnection, serve
from websockets.frames import Close as ClosePayload
from websockets.frames import Frame, Opcode
from websockets.utils import accept_key

from wslab.core.policies.policy import Policy
from wslab.core.policies.textbook import constant, named
from wslab.core.records import Attempt, Close, Closure, Outage, Record
from wslab.core.target import Target
from wslab.net import runtime
from wslab.net.herds.herd import Herd
from wslab.net.herds.worker_protocol import Tally
from wslab.net.recording import Recorder

QUICK = constant(delay_s=0.01)
ONCE = QUICK.giving_up_after(1)
PATIENCE_S = 20

Reached = Callable[[Tally], bool]


async def wait_until(herd: Herd, reached: Reached) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not reached(herd.tally):
            await herd.changed()


def of(records: list[Record], kind: type[Any]) -> list[Any]:
    return [record for record in records if isinstance(record, kind)]


# Independent servers


@dataclass
class Service:
    """A server that somebody else wrote, with the same three things asked of each."""

    url: str
    connections: set[Any] = field(default_factory=set)
    pongs: int = 0
    ping: Callable[[Any], Awaitable[None]] = NotImplemented
    close: Callable[[Any], Awaitable[None]] = NotImplemented

    async def to_all(self, do: Callable[[Any], Awaitable[None]]) -> None:
        await asyncio.gather(*(do(connection) for connection in list(self.connections)))


@contextlib.asynccontextmanager
async def websockets_service() -> AsyncIterator[Service]:
    service = Service("")

    async def converse(connection: ServerConnection) -> None:
        service.connections.add(connection)
        await connection.wait_closed()
        service.connections.remove(connection)

    async def ping(connection: ServerConnection) -> None:
        await (await connection.ping())
        service.pongs += 1

    service.ping, service.close = ping, lambda connection: connection.close(1012, "restart")
    async with serve(converse, "127.0.0.1", 0) as server:
        service.url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        yield service


@contextlib.asynccontextmanager
async def aiohttp_service() -> AsyncIterator[Service]:
    service = Service("")

    async def converse(request: web.Request) -> web.WebSocketResponse:
        connection = web.WebSocketResponse(autoping=False)
        await connection.prepare(request)
        service.connections.add(connection)
        async for message in connection:
            service.pongs += message.type is aiohttp.WSMsgType.PONG
        service.connections.remove(connection)
        return connection

    async def close(connection: web.WebSocketResponse) -> None:
        await connection.close(code=1012, message=b"restart")

    service.ping, service.close = lambda connection: connection.ping(b"are you there?"), close
    application = web.Application()
    application.router.add_get("/", converse)
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    service.url = f"ws://127.0.0.1:{runner.addresses[0][1]}/"
    yield service
    await runner.cleanup()


@contextlib.asynccontextmanager
async def tornado_service() -> AsyncIterator[Service]:
    service = Service("")

    class Converse(tornado.websocket.WebSocketHandler):
        def open(self) -> None:
            service.connections.add(self)

        def on_pong(self, _data: bytes) -> None:
            service.pongs += 1

        def on_close(self) -> None:
            service.connections.remove(self)

    async def ping(connection: Converse) -> None:
        connection.ping(b"are you there?")

    async def close(connection: Converse) -> None:
        connection.close(1012, "restart")

    service.ping, service.close = ping, close
    server = tornado.httpserver.HTTPServer(tornado.web.Application([("/", Converse)]))
    sockets = tornado.netutil.bind_sockets(0, "127.0.0.1")
    server.add_sockets(sockets)
    service.url = f"ws://127.0.0.1:{sockets[0].getsockname()[1]}/"
    yield service
    server.stop()
    await server.close_all_connections()


@pytest.mark.parametrize("start", [websockets_service, aiohttp_service, tornado_service])
def test_herd_is_understood_by(start: Callable[[], AbstractAsyncContextManager[Service]]) -> None:
    clients = 60

    async def drill() -> list[Record]:
        recorder = Recorder()
        async with start() as service, Herd(service.url, recorder, clients, QUICK) as herd:
            await wait_until(herd, lambda now: now.held == clients)
            await service.to_all(service.ping)
            async with asyncio.timeout(PATIENCE_S):
                while service.pongs < clients:
                    await asyncio.sleep(0.01)
            await service.to_all(service.close)
            await wait_until(herd, lambda now: now.returned == clients and now.held == clients)
        return recorder.records

    records = runtime.run(drill())
    assert {attempt.outcome for attempt in of(records, Attempt)} == {"opened"}
    restarts = [closure for closure in of(records, Closure) if closure.closed_by == "server"]
    assert len(restarts) == clients
    assert {(c.close_code, c.close_reason, c.sent == c.received) for c in restarts} == {(1012, "restart", True)}
    farewells = [closure for closure in of(records, Closure) if closure.closed_by == "client"]
    assert {(closure.close_code, closure.sent) for closure in farewells} == {(1000, Close(code=1000))}
    assert len(farewells) == clients
    assert Counter(outage.client for outage in of(records, Outage)) == Counter(range(clients))


# One client against a script

Script = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def scripted(script: Script, *, policy: Policy = ONCE, reached: Reached, **options: Any) -> list[Record]:
    """Let one client meet a server that does as the script says, until `reached`."""

    async def drill() -> list[Record]:
        recorder = Recorder()

        async def follow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await script(reader, writer)
            writer.close()

        server = await asyncio.start_server(follow, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        target = Target(f"ws://127.0.0.1:{port}/here?now", **options)
        async with server, Herd(target, recorder, 1, policy) as herd:
            await wait_until(herd, reached)
        return recorder.records

    records: list[Record] = runtime.run(drill())
    return records


async def read_key(reader: asyncio.StreamReader) -> str:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    assert head.startswith("GET /here?now HTTP/1.1\r\n")
    fields = dict(line.split(": ", 1) for line in head.split("\r\n")[1:-2])
    assert (fields["Upgrade"], fields["Connection"]) == ("websocket", "Upgrade")
    return fields["Sec-WebSocket-Key"]


def welcome(accept: str, *extra: str) -> bytes:
    fields = ["Upgrade: websocket", "Connection: keep-alive, Upgrade", f"Sec-WebSocket-Accept: {accept}", *extra]
    return "\r\n".join(["HTTP/1.1 101 Switching Protocols", *fields, "", ""]).encode()


async def read_masked_frame(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, second = await reader.readexactly(2)
    assert second & 0x80, "a client masks every frame (RFC 6455 §5.1)"
    mask = await reader.readexactly(4)
    payload = await reader.readexactly(second & 0x7F)
    return first & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


def close_frame(code: int, reason: str = "") -> bytes:
    return Frame(Opcode.CLOSE, ClosePayload(code, reason).serialize()).serialize(mask=False)


def test_held_client_answers_ping_and_close_and_skips_messages() -> None:
    heard = []

    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(welcome(accept_key(await read_key(reader))))
        writer.write(Frame(Opcode.BINARY, bytes(100_000)).serialize(mask=False))
        for byte in Frame(Opcode.PING, b"are you there?").serialize(mask=False):
            writer.write(bytes([byte]))
            await writer.drain()
        heard.append(await read_masked_frame(reader))
        writer.write(close_frame(1012, "restart"))
        heard.append(await read_masked_frame(reader))

    records = scripted(script, policy=named("constant", delay_s=60.0), reached=lambda now: now.away >= 1)
    assert heard == [(Opcode.PONG, b"are you there?"), (Opcode.CLOSE, struct.pack("!H", 1012) + b"restart")]
    (closure,) = of(records, Closure)
    assert (closure.close_code, closure.clean, closure.tcp_end) == (1012, True, "fin")


def test_close_frame_that_comes_with_the_answer_is_read() -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(welcome(accept_key(await read_key(reader))) + close_frame(1013))
        await read_masked_frame(reader)

    records = scripted(script, policy=named("registry"), reached=lambda now: now.returned >= 1)
    (outage,) = of(records, Outage)
    assert (outage.close_code, outage.attempts, outage.gave_up) == (1013, 0, "registry does not retry 1013")


@pytest.mark.parametrize(
    ("frame", "code", "sent"),
    [
        (b"\x88\x00", 1005, Close(code=1005)),
        (b"\x88\x01\x03", 1006, Close(code=1002, reason="a close frame with a body of one byte (RFC 6455 §5.5.1)")),
        (
            b"\x88\x02\x03\xee",
            1006,
            Close(code=1002, reason="close code 1006, which must not be sent (RFC 6455 §7.4)"),
        ),
        (b"\x81\x81aaaaa", 1006, Close(code=1002, reason="a masked frame from a server (RFC 6455 §5.1)")),
        (
            b"\x89\x7e\x00\x7e",
            1006,
            Close(code=1002, reason="a control frame that is too long or fragmented (RFC 6455 §5.5)"),
        ),
        (
            b"\xc1\x00",
            1006,
            Close(code=1002, reason="a frame that begins with c1, which sets a reserved bit (RFC 6455 §5.2)"),
        ),
    ],
    ids=["empty close", "close of one byte", "1006 on the wire", "masked", "long ping", "reserved bit"],
)
def test_frame_from_the_server_decides_the_closure(frame: bytes, code: int, sent: Close) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(welcome(accept_key(await read_key(reader))))
        writer.write(frame)
        await read_masked_frame(reader)

    (closure,) = of(scripted(script, reached=lambda now: now.away + now.returned >= 1), Closure)[:1]
    assert (closure.close_code, closure.sent) == (code, sent)
    assert closure.clean == (code == 1005)


@pytest.mark.parametrize(("min_uptime_s", "delays_s"), [(5.0, [0.01, 0.02, 0.03]), (0.0, [0.01, 0.01, 0.01])])
def test_delays_start_anew_only_after_a_connection_that_lasted(min_uptime_s: float, delays_s: list[float]) -> None:
    async def script(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(welcome(accept_key(await read_key(reader))) + close_frame(1012))
        await read_masked_frame(reader)

    growing = Policy("growing", lambda _: iter([0.01, 0.02, 0.03, 0.04, 0.05, 0.06]), min_uptime_s=min_uptime_s)
    records = scripted(script, policy=growing, reached=lambda now: now.returned >= 3)
    assert [attempt.delay_s for attempt in of(records, Attempt) if 1 <= attempt.outage <= 3] == delays_s


# Attempts


async def refuse_status(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_key(reader)
    writer.write(b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\n\r\n")


async def accept_another_key(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_key(reader)
    writer.write(welcome(accept_key("bm90IHRoZSBrZXkgYXNrZWQ=")))


async def choose_what_was_not_offered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(welcome(accept_key(await read_key(reader)), "Sec-WebSocket-Protocol: chat"))


async def speak_something_else(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_key(reader)
    writer.write(b"SSH-2.0-OpenSSH\r\n\r\n")


async def end_in_the_middle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await read_key(reader)
    writer.write(b"HTTP/1.1 101 Switching")


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    await reader.read()


@pytest.mark.parametrize(
    ("script", "outcome", "error"),
    [
        (refuse_status, "rejected", None),
        (accept_another_key, "failed", "Sec-WebSocket-Accept"),
        (choose_what_was_not_offered, "failed", "was not offered"),
        (speak_something_else, "failed", "SSH"),
        (end_in_the_middle, "reset", "EOFError"),
        (reset, "reset", "ConnectionResetError"),
        (hang, "timeout", "no answer"),
    ],
)
def test_outcome_of_an_attempt_at(script: Script, outcome: str, error: str | None) -> None:
    records = scripted(script, reached=lambda now: now.attempted == 1, open_timeout_s=0.3)
    attempt = of(records, Attempt)[0]
    assert attempt.outcome == outcome
    assert (error or "") in (attempt.error or "")
    assert (attempt.http_status, attempt.retry_after_s) == ((503, 7.0) if outcome == "rejected" else (None, None))
    assert not of(records, Outage)
