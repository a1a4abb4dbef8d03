"""The client tells the truth: every outcome is a record, and a lost close frame is looked for."""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wslab.core.records import Attempt, Closure, Send
from wslab.net import runtime
from wslab.net.client.client import Client
from wslab.net.recording import Recorder
from wslab.net.server.lab_server import LabServer

CLOSE_1012 = b"\x88\x02\x03\xf4"
Peer = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def tcp_server(peer: Peer) -> AsyncIterator[str]:
    """A server that does on TCP whatever `peer` does."""
    server = await asyncio.start_server(peer, "127.0.0.1", 0)
    async with server:
        host, port = server.sockets[0].getsockname()
        yield f"ws://{host}:{port}/"


async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer the opening handshake, with the library's sans-I/O half."""
    from websockets.server import ServerProtocol

    protocol = ServerProtocol()
    protocol.receive_data(await reader.readuntil(b"\r\n\r\n"))
    (request,) = protocol.events_received()
    protocol.send_response(protocol.accept(request))  # type: ignore[arg-type]
    writer.write(b"".join(protocol.data_to_send()))
    await writer.drain()


def talk(peer: Peer, use: Callable[[Client], Awaitable[None]], **knobs: float) -> Recorder:
    """Let one client use a TCP server, and return what it recorded."""

    async def both() -> Recorder:
        recorder = Recorder()
        async with tcp_server(peer) as url:
            client = Client(url, recorder, **({"open_timeout_s": 0.5, "close_timeout_s": 0.3} | knobs))  # type: ignore[arg-type]
            await use(client)
            await client.close()
        return recorder

    recorder: Recorder = runtime.run(both())
    return recorder


def reset(writer: asyncio.StreamWriter) -> None:
    """End TCP with RST, whatever is unread."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def of(recorder: Recorder, kind: type) -> list:  # type: ignore[type-arg]
    return [record for record in recorder.records if isinstance(record, kind)]


# Opening


async def open_only(client: Client) -> None:
    await client.open()


def attempt_against(answer: bytes | None, *, hang: bool = False) -> Attempt:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        if hang:
            await asyncio.sleep(1)
        if answer is None:
            reset(writer)
        else:
            writer.write(answer)
        writer.close()

    (attempt,) = of(talk(peer, open_only), Attempt)
    found: Attempt = attempt
    return found


@pytest.mark.parametrize(
    ("answer", "outcome", "http_status", "retry_after_s"),
    [
        (b"HTTP/1.1 503 Busy\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n", "rejected", 503, 3.0),
        (b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n", "rejected", 404, None),
        (b"HTTP/1.1 101 Yes\r\n\r\n", "failed", None, None),
        (b"SSH-2.0-hello\r\n", "failed", None, None),
        (b"", "reset", None, None),
        (None, "reset", None, None),
    ],
)
def test_attempt_says_what_the_handshake_met(
    answer: bytes | None, outcome: str, http_status: int | None, retry_after_s: float | None
) -> None:
    attempt = attempt_against(answer)
    assert (attempt.outcome, attempt.http_status, attempt.retry_after_s) == (outcome, http_status, retry_after_s)
    assert attempt.error


def test_attempt_times_out() -> None:
    assert attempt_against(b"", hang=True).outcome == "timeout"


def test_attempt_is_refused_where_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{unused.getsockname()[1]}/"
        attempt = runtime.run(Client(url, Recorder()).open())
    assert attempt.outcome == "refused"
    assert "ends with the kernel" in (attempt.error or "")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_no_answer_to_a_handshake_escapes_as_an_exception(answer: bytes) -> None:
    assert attempt_against(answer).outcome in ("failed", "reset", "rejected", "timeout")


# Closing


async def open_and_wait(client: Client) -> None:
    await client.open()
    await client.closed()


def closure_after(end: Callable[[asyncio.StreamWriter], None]) -> Closure:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        end(writer)

    (closure,) = of(talk(peer, open_and_wait), Closure)
    found: Closure = closure
    return found


@pytest.mark.parametrize(
    ("end", "close_code", "closed_by", "tcp_end"),
    [
        (lambda w: (w.write(CLOSE_1012), w.close()), 1012, "server", "fin"),
        (lambda w: (w.write(b"\x88\x00"), w.close()), 1005, "server", "fin"),
        (lambda w: w.close(), 1006, "network", "fin"),
        (reset, 1006, "network", "reset"),
        (lambda w: (w.write(b"\xff\xff"), w.close()), 1006, "client", "fin"),
    ],
    ids=["close frame", "empty close frame", "fin", "rst", "no frame at all"],
)
def test_closure_says_how_it_ended(
    end: Callable[[asyncio.StreamWriter], None], close_code: int, closed_by: str, tcp_end: str
) -> None:
    closure = closure_after(end)
    assert (closure.close_code, closure.closed_by, closure.tcp_end) == (close_code, closed_by, tcp_end)


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=100))
def test_no_bytes_after_the_handshake_escape_as_an_exception(noise: bytes) -> None:
    closure = closure_after(lambda writer: (writer.write(noise), writer.close()))  # type: ignore[arg-type, return-value]
    assert closure.close_started_at_s <= closure.closed_at_s


def test_failed_send_reads_on_and_recovers_the_close_frame() -> None:
    """The server says 1012 and resets while the client does not read; its next send fails before it has read."""
    not_reading, was_reset = asyncio.Event(), asyncio.Event()

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        await not_reading.wait()
        writer.write(CLOSE_1012)
        await asyncio.sleep(0.01)
        reset(writer)
        was_reset.set()

    async def send_unread(client: Client) -> None:
        await client.open()
        connection = client._connection
        assert connection is not None
        connection.transport.pause_reading()  # as when the application is busy
        not_reading.set()
        await was_reset.wait()
        await asyncio.sleep(0.01)
        await client.send_message(b"x" * 1_000_000)

    recorder = talk(peer, send_unread)
    (closure,), (send,) = of(recorder, Closure), of(recorder, Send)
    assert (closure.close_code, closure.recovered, closure.tcp_end) == (1012, True, "reset")
    assert closure.send_error
    assert (send.outcome, send.close_code) == ("closed", 1012)


async def send_blocked(client: Client) -> None:
    """Send too much, keep the event loop busy, send again."""
    await client.send_message(bytes(500_000), confirm="none")
    time.sleep(0.02)
    await client.send_message(b"x")


async def send_in_a_tight_loop(client: Client) -> None:
    """Send too much and go on sending; where nothing is awaited for, the loop never gets to reading."""
    await client.send_message(bytes(500_000), confirm="none")
    while (await client.send_message(b"x", confirm="none")).outcome == "unconfirmed":
        pass


@pytest.mark.parametrize("send", [send_blocked, send_in_a_tight_loop])
def test_client_too_busy_to_read_still_sees_the_code(send: Callable[[Client], Awaitable[None]]) -> None:
    async def once(url: str) -> Closure:
        recorder = Recorder()
        client = Client(url, recorder)
        await client.open()
        await send(client)
        await client.close()
        (closure,) = of(recorder, Closure)
        found: Closure = closure
        return found

    with LabServer(max_message_bytes=1000, after_refusal="reset") as server:
        closures = [runtime.run(once(server.url)) for _ in range(10)]
    assert {closure.close_code for closure in closures} == {1009}
    assert any(closure.recovered and closure.tcp_end == "reset" for closure in closures)


def test_client_may_be_closed_after_a_large_message_was_refused() -> None:
    """The transport of asyncio that has just sent its last bytes cannot be aborted any more."""

    async def overshoot(url: str) -> tuple[Closure, list[object]]:
        faults: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: faults.append(context))
        client = Client(url, recorder := Recorder(), close_timeout_s=0.5)
        await client.open()
        await client.send_message(bytes(32 * 2**20), timeout_s=60)
        await client.close()
        await asyncio.sleep(0.6)  # until after the timeout, which must have been called off
        (closure,) = of(recorder, Closure)
        return closure, faults

    with LabServer(max_message_bytes=1000) as server:
        closure, faults = asyncio.run(overshoot(server.url))
    assert (closure.close_code, closure.recovered, faults) == (1009, False, [])


def test_peer_that_holds_on_is_left_after_the_close_timeout() -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        writer.write(CLOSE_1012)
        await asyncio.sleep(1)
        writer.close()

    (closure,) = of(talk(peer, open_and_wait), Closure)
    assert (closure.close_code, closure.tcp_end, closure.clean) == (1012, "aborted", False)


# Sending


def test_send_without_a_connection_is_a_row() -> None:
    async def refused() -> Send:
        client = Client("ws://127.0.0.1:9/", Recorder())
        await client.open()
        return await client.send_message("hello")

    assert runtime.run(refused()).outcome == "unopened"


@pytest.mark.parametrize(("payload_bytes", "wire_bytes"), [(1000, 10 * (100 + 6)), (1001, None)])
def test_begun_message_is_held_by_the_server_or_refused(payload_bytes: int, wire_bytes: int | None) -> None:
    async def begin(url: str) -> int | None:
        client = Client(url, Recorder())
        assert await client.begin_message(b"x") is None, "there is no connection yet"
        await client.open()
        begun = await client.begin_message(bytes(payload_bytes), 100)
        await client.close()
        return begun

    with LabServer(max_message_bytes=1000) as server:
        assert runtime.run(begin(server.url)) == wire_bytes
        runtime.run(server.settle({"1-1"}))
        (account,) = server.accounts
    assert (account.received_frames, account.received_messages) == (10, 0)


def test_two_sends_on_one_connection_are_numbered() -> None:
    from wslab.net.server.lab_server import LabServer

    async def twice(url: str) -> list[Send]:
        client = Client(url, Recorder())
        await client.open()
        sends = [await client.send_message("語"), await client.send_message(b"abc", confirm="none")]
        await client.close()
        return sends

    with LabServer() as server:
        first, second = runtime.run(twice(server.url))
    assert (first.number, first.payload_bytes, first.payload_characters, first.reply_bytes) == (1, 3, 1, 3)
    assert (second.number, second.payload_characters, second.outcome) == (2, None, "unconfirmed")
    assert first.wire_bytes == 3 + 6  # header of 2, mask of 4 (RFC 6455 §5.2)


@pytest.mark.parametrize("url", ["http://127.0.0.1/", "ws://", "ws://127.0.0.1:port/", "127.0.0.1:8080", "ws://h/#x"])
def test_url_of_another_kind_raises_at_the_call(url: str) -> None:
    with pytest.raises(ValueError, match="url is"):
        Client(url, Recorder())
