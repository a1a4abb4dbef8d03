"""The herd speaks RFC 6455 to whoever serves, tells outcomes apart, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import psutil
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

from wslab.core.backoff import constant, named
from wslab.core.policy import Policy
from wslab.core.records import Attempt, Close, Closure, Outage, Record
from wslab.net import control, runtime
from wslab.net.herd.herd import Herd, HerdError
from wslab.net.recording import Recorder
from wslab.net.server import LabServer

QUICK = constant(delay_s=0.01)
ONCE = QUICK.giving_up_after(1)
PATIENCE_S = 20

Reached = Callable[[control.Tally], bool]


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


def scripted(script: Script, *, policy: Policy = ONCE, reached: Reached, **knobs: Any) -> list[Record]:
    """Let one client meet a server that does as the script says, until `reached`."""

    async def drill() -> list[Record]:
        recorder = Recorder()

        async def follow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await script(reader, writer)
            writer.close()

        server = await asyncio.start_server(follow, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with server, Herd(f"ws://127.0.0.1:{port}/here?now", recorder, 1, policy, **knobs) as herd:
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
        (b"\x88\x01\x03", 1006, Close(code=1002, reason="close frame too short")),
        (b"\x88\x02\x03\xee", 1006, Close(code=1002, reason="invalid status code")),
        (b"\x81\x81aaaaa", 1006, Close(code=1002, reason="a masked frame from a server (RFC 6455 §5.1)")),
        (b"\x89\x7e\x00\x7e", 1006, Close(code=1002, reason="a control frame too long or in pieces (RFC 6455 §5.5)")),
        (b"\xc1\x00", 1006, Close(code=1002, reason="reserved bits or an unknown opcode (RFC 6455 §5.2)")),
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
        (choose_what_was_not_offered, "failed", "none was offered"),
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


# Policies


def returned(
    policy: Policy, *, clients: int = 20, seed: int = 0, workers: int | None = None, **knobs: Any
) -> list[Record]:
    """Let a herd be away for one restart of a lab server, until everyone is back or has given up."""

    async def drill(server: LabServer) -> list[Record]:
        recorder = Recorder()
        async with Herd(server.url, recorder, clients, policy, seed=seed, workers=workers) as herd:
            await wait_until(herd, lambda now: now.held == clients)
            await server.restart_async()
            await wait_until(herd, lambda now: now.returned == clients)
        return recorder.records

    with LabServer(**({"downtime_s": 0.1} | knobs)) as server:
        records: list[Record] = runtime.run(drill(server))
    return records


def test_delays_are_the_seeds_however_many_workers_draw_them() -> None:
    def delays(**knobs: Any) -> list[tuple[int, float]]:
        policy = named("full_jitter", initial_delay_s=0.3)
        return sorted(
            (a.client, a.delay_s) for a in of(returned(policy, **knobs), Attempt) if a.outage and a.number == 1
        )

    assert delays(seed=1, workers=1) == delays(seed=1, workers=3) != delays(seed=2, workers=1)


def test_policy_written_in_a_notebook_reaches_the_workers() -> None:
    ceiling_s = 0.2

    def mine(rng):  # type: ignore[no-untyped-def]
        print("a policy may print")
        yield rng.uniform(0, ceiling_s)
        while True:
            yield 0.05

    outages = of(returned(named(mine)), Outage)
    assert {outage.gave_up for outage in outages} == {None}


@pytest.mark.parametrize(
    ("delays", "why"),
    [
        ([], "shy ends after 0 attempts"),
        ([0.0], "shy ends after 1 attempts"),
        ([-1.0], "policy 'shy' yielded -1.0 before attempt 1"),
        ([0.0, float("nan")], "policy 'shy' yielded nan before attempt 2"),
    ],
)
def test_policy_that_ends_or_yields_no_delay_is_named(delays: list[float], why: str) -> None:
    outages = of(returned(Policy("shy", lambda rng: iter(delays)), clients=2), Outage)
    assert len(outages) == 2
    assert all(outage.gave_up.startswith(why) for outage in outages)


def test_retry_after_is_waited_for_where_the_policy_honours_it() -> None:
    polite = named("full_jitter", initial_delay_s=0.05, max_delay_s=0.1)
    records = returned(polite, clients=5, while_down="unavailable", retry_after_s=1, downtime_s=0.6)
    attempts = [attempt for attempt in of(records, Attempt) if attempt.outage]
    rejected = {attempt.client: attempt for attempt in attempts if attempt.outcome == "rejected"}
    after = [attempt for attempt in attempts if attempt.outcome == "opened" and attempt.client in rejected]
    assert after
    assert all(a.due_at_s == rejected[a.client].ended_at_s + (a.delay_s + 1) for a in after)


def test_refused_client_tries_as_often_as_its_policy_says() -> None:
    records = returned(QUICK.giving_up_after(2), clients=3, comes_back=False)
    attempts = [attempt for attempt in of(records, Attempt) if attempt.outage]
    assert {attempt.outcome for attempt in attempts} == {"refused"}
    assert Counter((attempt.client, attempt.number) for attempt in attempts) == Counter(
        (client, number) for client in range(3) for number in (1, 2)
    )
    assert all(attempt.due_at_s <= attempt.started_at_s <= attempt.ended_at_s for attempt in attempts)
    assert {outage.gave_up for outage in of(records, Outage)} == {"constant ends after 2 attempts"}


# What is recorded


def herd_at(url: str, clients: int, policy: Policy, reached: Reached, **knobs: Any) -> list[Record]:
    """Let a herd meet whoever serves there, until `reached`."""

    async def drill() -> list[Record]:
        recorder = Recorder()
        async with Herd(url, recorder, clients, policy, **knobs) as herd:
            await wait_until(herd, reached)
        return recorder.records

    records: list[Record] = runtime.run(drill())
    return records


def test_records_join_the_servers_accounts() -> None:
    with LabServer() as server:
        records = herd_at(server.url, 10, QUICK, lambda now: now.held == 10)
        runtime.run(server.settle({c.connection_id for c in of(records, Closure)}))
        theirs = {account.connection_id: account for account in server.accounts}
    closures = of(records, Closure)
    assert len(closures) == 10
    for closure in closures:
        account = theirs[closure.connection_id]
        assert account.received == closure.sent == Close(code=1000)
        assert (account.received_wire_bytes, account.sent_wire_bytes) == (
            closure.sent_wire_bytes,
            closure.received_wire_bytes,
        )


def test_records_are_in_the_order_of_time_across_workers() -> None:
    with LabServer() as server:
        records = herd_at(server.url, 30, QUICK, lambda now: now.held == 30, workers=3)
    ended = [record.ended_at_s for record in of(records, Attempt)]
    assert ended == sorted(ended)
    assert {attempt.client for attempt in of(records, Attempt)} == set(range(30))


def test_instrument_measures_itself() -> None:
    async def drill(url: str) -> Recorder:
        recorder = Recorder()
        async with Herd(url, recorder, 200, QUICK) as herd:
            await wait_until(herd, lambda now: now.held == 200)
            await asyncio.sleep(0.05)
        return recorder

    with LabServer() as server:
        recorder = runtime.run(drill(server.url))
    assert recorder.lags_s
    assert 0 < recorder.measured["client_bytes_per_connection"] < 10_000


# Nothing is left


def test_worker_leaves_when_its_parent_is_killed() -> None:
    script = textwrap.dedent(
        """
        import asyncio
        from wslab import LabServer
        from wslab.core.backoff import named
        from wslab.net import runtime
        from wslab.net.herd.herd import Herd
        from wslab.net.recording import Recorder

        async def stay(server):
            async with Herd(server.url, Recorder(), 50, named("full_jitter"), workers=2) as herd:
                while herd.tally.held < 50:
                    await herd.changed()
                print(*herd.pids, flush=True)
                await asyncio.sleep(60)

        with LabServer() as server:
            runtime.run(stay(server))
        """
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        workers = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        assert len(workers) == 2
        parent.kill()
    _, left = psutil.wait_procs(workers, timeout=2)
    assert not left


def test_cancelled_herd_keeps_its_records_and_leaves_no_process() -> None:
    recorder = Recorder()
    workers: list[psutil.Process] = []

    async def stay(url: str) -> None:
        async with Herd(url, recorder, 50, QUICK) as herd:
            await wait_until(herd, lambda now: now.held == 50)
            workers.extend(psutil.Process(pid) for pid in herd.pids)
            asyncio.current_task().cancel()  # type: ignore[union-attr]
            await asyncio.sleep(60)

    with LabServer() as server, pytest.raises(asyncio.CancelledError):
        runtime.run(stay(server.url))
    assert len(of(recorder.records, Attempt)) == len(of(recorder.records, Closure)) == 50
    assert workers
    assert not any(worker.is_running() for worker in workers)


def test_worker_that_dies_is_noticed() -> None:
    async def lose_one(url: str) -> None:
        async with Herd(url, Recorder(), 20, QUICK, workers=2) as herd:
            await wait_until(herd, lambda now: now.held == 20)
            psutil.Process(herd.pids[0]).kill()
            await wait_until(herd, lambda now: False)

    with LabServer() as server, pytest.raises(HerdError, match="ended unexpectedly"):
        runtime.run(lose_one(server.url))
    assert not [child for child in psutil.Process().children() if "wslab.net.herd.worker" in child.cmdline()]


# Bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clients": 0}, "clients is 0, .* on this machine; .* simulate"),
        ({"clients": 100_000_000}, "clients is 100,000,000, .*; .* simulate"),
        ({"workers": 0}, "workers is 0, .* processes"),
        ({"open_timeout_s": 0}, "open_timeout_s is 0"),
        ({"url": "wss://127.0.0.1:1/"}, "no TLS"),
        ({"url": "http://127.0.0.1:1/"}, "ws://… instead"),
        ({"url": "ws://192.0.2.1:1/"}, "another machine.*allow_remote=True"),
        ({"url": "ws://nowhere.invalid/"}, "cannot be resolved"),
    ],
)
def test_bad_argument_teaches(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Herd(**({"url": "ws://127.0.0.1:1/", "recorder": Recorder(), "clients": 1, "policy": QUICK} | arguments))


def test_remote_address_is_taken_with_consent() -> None:
    Herd("ws://192.0.2.1:1/", Recorder(), 1, QUICK, allow_remote=True)  # TEST-NET-1 (RFC 5737); nothing is sent yet
