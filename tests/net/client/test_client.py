"""The client tells the truth: every outcome is a record, and a lost close frame is looked for."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from types import MappingProxyType
from typing import Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wslab.core.records import Attempt, Close, Closure, Send
from wslab.core.target import Target
from wslab.net import runtime
from wslab.net.client.client import Client
from wslab.net.client.connection import RecordingConnection
from wslab.net.recording import Recorder
from wslab.net.server.lab_server import LabServer

T = TypeVar("T")

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
    from websockets.http11 import Request
    from websockets.server import ServerProtocol

    protocol = ServerProtocol()
    protocol.receive_data(await reader.readuntil(b"\r\n\r\n"))
    (request,) = protocol.events_received()
    assert isinstance(request, Request)
    protocol.send_response(protocol.accept(request))
    writer.write(b"".join(protocol.data_to_send()))
    await writer.drain()


def talk(
    peer: Peer,
    use: Callable[[Client], Awaitable[object]],
    target_options: Mapping[str, Any] = MappingProxyType({}),
    **knobs: Any,
) -> Recorder:
    """Let one client use a TCP server, and return what it recorded."""

    async def both() -> Recorder:
        recorder = Recorder()
        async with tcp_server(peer) as url:
            target = Target(url, open_timeout_s=0.5, close_timeout_s=0.3, **target_options)
            client = Client(target, recorder, **knobs)
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


def of(recorder: Recorder, kind: type[T]) -> list[T]:
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


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 302 Found\r\nLocation: wss://other.example/?key=swordfish\r\n\r\n",
         "HTTP 302 Found: it redirects to wss://other.example/?key=…, which is not followed"),
        (b"HTTP/1.1 426 Upgrade\r\nUpgrade: h2c\r\n\r\n", "HTTP 426 Upgrade: it asks for another protocol"),
        (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 9\r\n\r\nno \x1btoken", "it asks for credentials"),
        (b"\0\0\x06\x04\0\0\0\0\0\0\x03\0\0\0\x80", "HTTP/2, not HTTP/1.1"),
        (b"\x15\x03\x01\0\x02\x02\x46", "TLS, not HTTP/1.1"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH, not HTTP/1.1"),
    ],
    ids=["redirect", "upgrade required", "unauthorized", "http/2", "tls", "ssh"],
)  # fmt: skip
def test_answer_other_than_a_websocket_is_told_in_words(answer: bytes, words: str) -> None:
    attempt = attempt_against(answer)
    assert words in (attempt.error or "")
    assert (attempt.error or "").isprintable()
    assert "swordfish" not in (attempt.error or "")


def test_redirect_is_not_followed() -> None:
    visitors: list[bytes] = []

    async def elsewhere(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        visitors.append(await reader.read(100))
        writer.close()

    async def try_it() -> Attempt:
        async with tcp_server(elsewhere) as other:

            async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(f"HTTP/1.1 301 Moved\r\nLocation: {other}\r\nContent-Length: 0\r\n\r\n".encode())
                writer.close()

            async with tcp_server(peer) as url:
                return await Client(url, Recorder()).open()

    attempt = runtime.run(try_it())
    assert (attempt.outcome, attempt.http_status, visitors) == ("rejected", 301, [])


def test_slow_handshake_says_how_it_is_given_longer() -> None:
    error = attempt_against(b"", hang=True).error or ""
    assert "no answer to the opening handshake within 0.5 s" in error
    assert "--open-timeout" in error


def test_name_of_this_machine_is_refused_as_such_whatever_its_addresses() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        attempt = runtime.run(Client(f"ws://localhost:{unused.getsockname()[1]}/", Recorder()).open())
    assert attempt.outcome == "refused"


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_no_answer_to_a_handshake_escapes_as_an_exception(answer: bytes) -> None:
    assert attempt_against(answer).outcome in ("failed", "reset", "rejected", "timeout")


# Closing


async def open_and_wait(client: Client) -> None:
    await client.open()
    await client.closed()


def saying(data: bytes) -> Callable[[asyncio.StreamWriter], None]:
    """Return an end of a connection: these bytes, and then that of TCP."""

    def end(writer: asyncio.StreamWriter) -> None:
        writer.write(data)
        writer.close()

    return end


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
        (saying(CLOSE_1012), 1012, "server", "fin"),
        (saying(b"\x88\x00"), 1005, "server", "fin"),
        (saying(b""), 1006, "network", "fin"),
        (reset, 1006, "network", "reset"),
        (saying(b"\xff\xff"), 1006, "client", "fin"),
    ],
    ids=["close frame", "empty close frame", "fin", "rst", "no frame at all"],
)
def test_closure_says_how_it_ended(
    end: Callable[[asyncio.StreamWriter], None], close_code: int, closed_by: str, tcp_end: str
) -> None:
    closure = closure_after(end)
    assert (closure.close_code, closure.closed_by, closure.tcp_end) == (close_code, closed_by, tcp_end)


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        *((struct.pack("!H", code), 1002) for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 5000, 65_535)),
        (b"\x03", 1002),
        (b"\x03\xe8\xff\xfe", 1007),
    ],
    ids=lambda value: value.hex() if isinstance(value, bytes) else "",
)
def test_close_frame_that_breaks_the_rules_is_kept_as_it_was(body: bytes, sent: int) -> None:
    """An application is told 1006 (RFC 6455 §7.1.5, §7.1.7); what was on the wire is not lost for that."""
    closure = closure_after(saying(bytes([0x88, len(body)]) + body))
    assert (closure.close_code, closure.clean, closure.closed_by) == (1006, False, "server")
    assert closure.broken_close_hex == body.hex()
    assert closure.received is None
    assert closure.sent is not None
    assert closure.sent.code == sent


def test_broken_close_frame_that_answers_the_clients_own_is_no_closure_by_the_server() -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        await reader.read(100)
        writer.write(b"\x88\x02\x03\xe7")
        writer.close()

    (closure,) = of(talk(peer, open_only), Closure)
    assert (closure.closed_by, closure.broken_close_hex, closure.sent) == ("client", "03e7", Close(code=1000))


def test_close_frame_longer_than_a_control_frame_may_be_is_a_violation() -> None:
    body = struct.pack("!H", 1000) + b"x" * 124
    closure = closure_after(saying(b"\x88\x7e\0\x7e" + body))
    assert (closure.close_code, closure.sent and closure.sent.code) == (1006, 1002)


@pytest.mark.parametrize("code", [1000, 1003, 1014, 3000, 4999])
def test_valid_close_frame_is_what_an_application_is_told(code: int) -> None:
    closure = closure_after(saying(b"\x88\x02" + struct.pack("!H", code)))
    assert (closure.close_code, closure.broken_close_hex, closure.received) == (code, None, Close(code=code))


def test_endless_frame_meets_the_clients_own_limit() -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        writer.write(b"\x82\x7f" + struct.pack("!Q", 2**63 - 1))
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                writer.write(bytes(65_536))
                await writer.drain()
        writer.close()

    (closure,) = of(talk(peer, open_and_wait), Closure)
    assert closure.sent is not None
    assert (closure.close_code, closure.closed_by, closure.sent.code) == (1006, "client", 1009)
    assert "67108864" in closure.sent.reason


def test_server_that_asks_for_pongs_and_takes_none_is_left() -> None:
    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        ping = b"\x89\x7d" + bytes(125)
        with contextlib.suppress(ConnectionError):
            for _ in range(10_000):
                writer.write(ping * 1000)
                await writer.drain()
        writer.close()

    (closure,) = of(talk(peer, open_and_wait), Closure)
    assert closure.bound is not None
    assert "asks for pongs but does not read them" in closure.bound
    assert closure.tcp_end == "aborted"


def test_peer_that_falls_silent_is_a_closure_by_the_client() -> None:
    """As when a process is stopped, or the network drops what is sent: nothing but a ping finds out."""

    async def peer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        await asyncio.sleep(2)
        writer.close()

    silent = {"ping_interval_s": 0.1, "ping_timeout_s": 0.1}
    (closure,) = of(talk(peer, open_and_wait, silent), Closure)
    assert (closure.close_code, closure.closed_by, closure.tcp_end) == (1006, "client", "aborted")
    assert closure.sent == Close(code=1011, reason="keepalive ping timeout")


def test_closure_is_told_even_where_memory_runs_out_while_it_is_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    def out_of_memory(self: RecordingConnection) -> None:
        raise MemoryError

    monkeypatch.setattr(RecordingConnection, "_read_on", out_of_memory)
    closure = closure_after(reset)
    assert (closure.close_code, closure.tcp_end) == (1006, "reset")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=100))
def test_no_bytes_after_the_handshake_escape_as_an_exception(noise: bytes) -> None:
    closure = closure_after(saying(noise))
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
    time.sleep(0.02)  # noqa: ASYNC251 (the loop hears nothing meanwhile)
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
        client = Client(url, recorder, listens_first=False)
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
        client = Client(Target(url, close_timeout_s=0.5), recorder := Recorder())
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
