"""A relay passes what it does not bend byte for byte, and bends what it is told to, on real connections."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trustme
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

import wslab
from wslab.core.errors import LabServerError, RelayError
from wslab.core.findings import find
from wslab.core.records import Attempt, Closure, Frame
from wslab.core.relay.script import read_script
from wslab.core.target import Target
from wslab.core.trust import Trust
from wslab.net.relay.relay import Relay
from wslab.net.server.lab_server import LabServer

T = TypeVar("T")

MANY_BYTES = 3_000_000


@pytest.fixture(scope="module")
def server() -> Iterator[LabServer]:
    with LabServer(max_message_bytes=None, compression=True) as running:
        yield running


@pytest.fixture
def relay(server: LabServer) -> Iterator[Relay]:
    with Relay(server.url) as running:
        yield running


def frames(relay: Relay, **wanted: Any) -> list[Frame]:
    return [frame for frame in relay.run().frames if all(getattr(frame, name) == wanted[name] for name in wanted)]


def until(condition: Callable[[], T]) -> T:
    deadline = time.monotonic() + 10
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return found


def closure(relay: Relay) -> Closure:
    """Return the first closure that the relay has seen, once it has."""
    return until(lambda: relay.run().closures)[0]


class Told:
    """What a client was told of its connection."""

    def __init__(self, connection: ClientConnection, messages: list[Any]) -> None:
        self.messages = messages
        self.code = connection.close_code
        self.reason = connection.close_reason


def converse(url: str, *messages: str | bytes, leave: bool = True, **options: Any) -> Told:
    """Connect, send messages, each after the reply to the one before; leave, or stay until the connection ends."""

    async def talk() -> Told:
        async with connect(url, proxy=None, **{"max_size": None, "ping_interval": None, **options}) as connection:
            replies = []
            with contextlib.suppress(ConnectionClosed):
                for message in messages:
                    await connection.send(message)
                    replies.append(await connection.recv())
                if not leave:
                    await connection.recv()
        return Told(connection, replies)

    return asyncio.run(asyncio.wait_for(talk(), 20))


class Mirror:
    """A TCP server that keeps what it gets, and sends it back."""

    def __init__(self) -> None:
        self.got = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with self._listener, self._listener.accept()[0] as connection:
            while data := connection.recv(65_536):
                self.got += data
                connection.sendall(data)


# What it does not touch


@pytest.mark.parametrize(
    ("fault", "settings"),
    [
        (None, {}),
        ("latency", {"latency_s": 0.02, "jitter_s": 0.02}),
        ("slicer", {}),
        ("bandwidth", {"bytes_per_s": 10_000}),
    ],
)
def test_bytes_pass_unchanged_and_so_does_the_end(fault: str | None, settings: dict[str, Any]) -> None:
    mirror = Mirror()
    request = b"GET /x HTTP/1.1\r\nHost: elsewhere:1\r\nUpgrade: websocket\r\nX-Odd:  \tspaces \r\n\r\n"
    body = bytes(range(256)) * (4 if fault else 4000)
    with Relay(f"ws://127.0.0.1:{mirror.port}/") as relay:
        if fault is not None:
            relay.add(fault, direction="both", **settings)
        with socket.create_connection(("127.0.0.1", relay.port), timeout=20) as client:

            def send() -> None:
                client.sendall(request + body)
                client.shutdown(socket.SHUT_WR)

            sender = threading.Thread(target=send)
            sender.start()
            back = b""
            while data := client.recv(65_536):
                back += data
            sender.join()
    assert mirror.got == request + body
    assert back == request + body


def test_messages_of_every_kind_pass_and_each_frame_is_told(relay: Relay) -> None:
    big = bytes(MANY_BYTES)
    assert converse(relay.url, "hello", big, "", compression=None).messages == ["hello", big, ""]
    ended = closure(relay)
    assert (ended.close_code, ended.closed_by, ended.clean) == (1000, "client", True)
    sent = frames(relay, sent_by="client")
    assert [(frame.opcode, frame.payload_bytes, frame.masked, frame.fate) for frame in sent] == [
        *(("text", 5, True, "passed"), ("binary", MANY_BYTES, True, "passed")),
        *(("text", 0, True, "passed"), ("close", 2, True, "passed")),
    ]
    assert sent[0].preview == "hello"
    assert (sent[-1].close_code, frames(relay, opcode="close", sent_by="server")[0].close_code) == (1000, 1000)
    (attempt,) = relay.run().attempts
    assert (attempt.outcome, attempt.http_status) == ("opened", 101)
    assert {frame.connection_id for frame in sent} == {attempt.connection_id}


def test_compressed_messages_are_shown_inflated(relay: Relay) -> None:
    converse(relay.url, "again and again and again", "again and again and again", compression="deflate")
    shown = frames(relay, opcode="text")
    assert all(frame.rsv1 for frame in shown)
    assert {frame.preview for frame in shown} == {"again and again and again"}


def test_compressed_fragments_pass_while_faults_for_other_frames_come_and_go(relay: Relay) -> None:
    async def talk() -> list[str | bytes]:
        replies = []
        async with connect(relay.url, proxy=None, compression="deflate") as connection:
            for fault in ("slicer", "rewrite_close", "drop_close", "hold_pongs"):

                async def fragments(fault: str = fault) -> AsyncIterator[str]:
                    yield "again and again, "
                    await asyncio.to_thread(relay.add, fault, direction="both")
                    yield "and over and over"
                    await asyncio.to_thread(relay.remove, fault)

                await connection.send(fragments())
                replies.append(await connection.recv())
        return replies

    assert asyncio.run(asyncio.wait_for(talk(), 20)) == ["again and again, and over and over"] * 4


def test_limit_and_restart_of_the_server_are_seen_through_it() -> None:
    with LabServer(max_message_bytes=1000, downtime_s=0) as server, Relay(server.url) as relay:
        run = wslab.send_message(relay.url, "x" * 1001)
        assert run.closures[0].close_code == 1009
        assert closure(relay).close_code == 1009
        assert relay.run().closures[0].connection_id == run.closures[0].connection_id


def test_run_is_saved_and_loaded_again(relay: Relay, tmp_path: Path) -> None:
    relay.add("latency", latency_s=0.001)
    converse(relay.url, "hello")
    closure(relay)
    run = relay.run()
    assert wslab.load(run.save(tmp_path / "relay.jsonl")) == run
    assert [(one.label, one.on, one.settings["latency_s"]) for one in run.injections] == [("latency", True, 0.001)]


# What its run tells


@pytest.mark.parametrize(
    ("fault", "settings", "words"),
    [
        ("send_close", {"code": 1012, "reason": "by hand", "after_s": 0.05}, "The relay itself closed with 1012"),
        ("send_close", {"code": 1006, "after_s": 0.05}, "its fault send_close was on and due then"),
        ("rewrite_close", {"code": 4001}, "gave a close frame another code: it went on with 4001"),
        ("drop_close", {}, "withheld a close frame with 1000"),
        ("reset_peer", {"timeout_s": 0.1}, "its fault reset_peer was on and due then"),
        ("cut", {"after_bytes": 100}, "ended the connection within a frame"),
        ("unavailable", {}, "answered the opening handshake with HTTP 503 in the server's place"),
    ],
)
def test_what_the_relay_did_is_told_as_its_own(relay: Relay, fault: str, settings: dict[str, Any], words: str) -> None:
    relay.add(fault, **settings)
    leaves = fault in ("rewrite_close", "drop_close")
    with contextlib.suppress(InvalidStatus, ConnectionClosed, OSError):
        converse(relay.url, "x" * 1000, leave=leaves, compression=None, close_timeout=0.2)
    until(lambda: relay.run().attempts if fault == "unavailable" else relay.run().closures)
    (finding,) = find(relay.run())
    assert (finding.rule, finding.whose, finding.sure) == ("by_relay", "relay", "shown")
    assert words in finding.what


def test_what_the_server_did_is_not_told_as_the_relays() -> None:
    with LabServer(max_message_bytes=1000, downtime_s=0) as server, Relay(server.url) as relay:
        relay.add("latency", latency_s=0.001)
        converse(relay.url, "x" * 1001, leave=False)
        closure(relay)
        assert {finding.rule for finding in find(relay.run())} == {"server_said"}


# Faults by Toxiproxy's names


def test_latency_delays_a_direction(relay: Relay) -> None:
    relay.add("latency", latency_s=0.3, direction="upstream")
    began = time.monotonic()
    assert converse(relay.url, "hello").messages == ["hello"]
    assert time.monotonic() - began >= 0.6  # the handshake and the message, upstream


def test_bandwidth_is_no_more_than_it_says(relay: Relay) -> None:
    relay.add("bandwidth", bytes_per_s=100_000)
    began = time.monotonic()
    assert converse(relay.url, bytes(50_000), compression=None).messages == [bytes(50_000)]
    assert time.monotonic() - began >= 0.45


def test_fault_is_switched_off_on_an_open_connection(relay: Relay) -> None:
    async def talk() -> tuple[str, bool, str]:
        async with connect(relay.url, proxy=None) as connection:
            await connection.send("one")
            first = await connection.recv()
            await asyncio.to_thread(relay.add, "timeout")
            await connection.send("two")
            try:
                silent = not await asyncio.wait_for(connection.recv(), 0.2)
            except TimeoutError:
                silent = True
            await asyncio.to_thread(relay.remove, "timeout")
            await connection.send("three")
            return str(first), silent, str(await connection.recv())

    assert asyncio.run(talk()) == ("one", True, "three")
    assert [frame.fate for frame in frames(relay, sent_by="server", opcode="text")] == ["passed", "dropped", "passed"]


@pytest.mark.parametrize(
    ("fault", "settings", "tcp_end"),
    [
        ("timeout", {"timeout_s": 0.1}, "fin"),
        ("limit_data", {"limit_bytes": 400}, "fin"),
        ("cut", {"after_bytes": 100}, "fin"),
        ("cut", {"after_bytes": 100, "reset": True}, "reset"),
    ],
)
def test_connection_is_ended_without_a_close_frame(
    server: LabServer, fault: str, settings: dict[str, Any], tcp_end: str
) -> None:
    with Relay(server.url) as relay:
        relay.add(fault, **settings)
        run = wslab.send_message(relay.url, "x" * 1000)
        assert run.attempts[0].outcome in ("opened", "timeout", "reset", "failed")
        if run.closures:
            assert (run.closures[0].close_code, run.closures[0].tcp_end) == (1006, tcp_end)


def test_peer_is_reset_at_once_or_after_a_while(relay: Relay) -> None:
    relay.add("reset_peer")
    assert wslab.send_message(relay.url, "x").attempts[0].outcome == "reset"
    relay.clear()
    relay.add("reset_peer", timeout_s=0.5)
    run = wslab.experiments.stay_connected(relay.url, duration_s=0.8)
    assert (run.closures[0].close_code, run.closures[0].tcp_end) == (1006, "reset")


def test_cut_ends_in_the_middle_of_a_frame(relay: Relay) -> None:
    relay.add("cut", after_bytes=100)
    told = converse(relay.url, "x" * 1000, compression=None)
    assert (told.messages, told.code) == ([], 1006)
    until(lambda: frames(relay, sent_by="server", opcode="text", fate="cut"))


def test_slow_close_delays_the_end_of_tcp(server: LabServer) -> None:
    with Relay(server.url) as relay:
        relay.add("slow_close", delay_s=0.5)
        began = time.monotonic()
        assert converse(relay.url, "hello").code == 1000
        assert time.monotonic() - began >= 0.4


def test_down_refuses_ends_what_is_open_and_comes_back(relay: Relay) -> None:
    def go_down() -> None:
        until(lambda: frames(relay, sent_by="server"))
        relay.add("down")

    thread = threading.Thread(target=go_down)
    thread.start()
    assert converse(relay.url, "hello", leave=False).code == 1006
    thread.join()
    assert wslab.send_message(relay.url, "x").attempts[0].outcome == "refused"
    relay.remove("down")
    until(lambda: wslab.send_message(relay.url, "x").sends[0].outcome == "accepted")


def test_toxicity_befalls_its_share_and_the_seed_decides_whom(server: LabServer) -> None:
    def befallen(seed: int) -> list[str]:
        with Relay(server.url, seed=seed) as relay:
            relay.add("unavailable", toxicity=0.5)
            return [wslab.send_message(relay.url, "x").attempts[0].outcome for _ in range(12)]

    first = befallen(1)
    assert {"opened", "rejected"} == set(first)
    assert befallen(1) == first


# Faults of WebSocket


@pytest.mark.parametrize("code", [1012, 4000, 1005])
def test_close_frame_is_put_in(relay: Relay, code: int) -> None:
    relay.add("send_close", code=code, reason="by the relay", after_s=0.1)
    told = converse(relay.url, "hello", leave=False)
    assert (told.code, told.reason) == (code, "" if code == 1005 else "by the relay")
    assert frames(relay, fate="inserted")[0].sent_by == "server"


def test_close_frame_is_put_in_towards_the_server(relay: Relay, server: LabServer) -> None:
    relay.add("send_close", code=4321, direction="upstream", after_s=0.1)
    assert converse(relay.url, "hello", leave=False).code == 4321  # which the server sends back
    name = closure(relay).connection_id
    account = until(lambda: [one for one in server.accounts if one.connection_id == name and one.closed_at_s])[0]
    assert account.received is not None
    assert (account.received.code, account.closed_by) == (4321, "client")


def test_close_frame_is_never_put_into_another_frame() -> None:
    async def talk(relay: Relay) -> Told:
        async with connect(relay.url, proxy=None, max_size=None, compression=None) as connection:
            await connection.send("now")
            await asyncio.sleep(0.1)
            await asyncio.to_thread(relay.add, "send_close", code=1012)
            message = await connection.recv()
            await connection.wait_closed()
            return Told(connection, [message])

    with LabServer(reply=500_000) as server, Relay(server.url) as relay:
        relay.add("bandwidth", bytes_per_s=1_000_000)
        told = asyncio.run(asyncio.wait_for(talk(relay), 30))
    assert (len(told.messages[0]), told.code) == (500_000, 1012)


def test_close_frame_is_dropped(server: LabServer) -> None:
    with LabServer(max_message_bytes=10) as strict, Relay(strict.url) as relay:
        relay.add("drop_close")
        assert converse(relay.url, "x" * 11).code == 1006
        assert frames(relay, fate="dropped")[0].close_code == 1009
        assert closure(relay).received is None


@pytest.mark.parametrize(
    ("settings", "code"), [({"code": 1011}, 1011), ({"code": 1011, "only": 1008}, 1009), ({"code": 1005}, 1005)]
)
def test_close_code_is_rewritten(settings: dict[str, int], code: int) -> None:
    with LabServer(max_message_bytes=10) as strict, Relay(strict.url) as relay:
        relay.add("rewrite_close", **settings)
        assert converse(relay.url, "x" * 11).code == code
        assert closure(relay).close_code == code


def test_pongs_are_held_back(relay: Relay) -> None:
    relay.add("hold_pongs")
    told = converse(relay.url, "hello", leave=False, ping_interval=0.1, ping_timeout=0.2, close_timeout=0.2)
    assert told.code == 1006
    assert frames(relay, sent_by="client", opcode="close")[0].close_code == 1011  # by the client that waited in vain
    assert frames(relay, fate="dropped", opcode="pong")


def test_handshake_is_answered_in_the_servers_place(relay: Relay, server: LabServer) -> None:
    relay.add("unavailable", status=503, retry_after_s=9)
    before = len(server.accounts)
    attempt = wslab.send_message(relay.url, "x").attempts[0]
    assert (attempt.outcome, attempt.http_status, attempt.retry_after_s) == ("rejected", 503, 9)
    assert len(server.accounts) == before
    seen: tuple[Attempt, ...] = until(lambda: relay.run().attempts)
    assert (seen[0].http_status, seen[0].retry_after_s) == (503, 9)


def test_script_switches_at_its_times(relay: Relay) -> None:
    relay.play(read_script("0 add unavailable\n0.3 clear\n0.3 add latency latency_s=0.01"))
    assert wslab.send_message(relay.url, "x").attempts[0].http_status == 503
    until(lambda: list(relay.faults) == ["latency"])
    assert wslab.send_message(relay.url, "x").sends[0].outcome == "accepted"


# TLS, and who may come


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def test_tls_on_both_sides(server: LabServer, authority: trustme.CA, tmp_path: Path) -> None:
    trust, pem = tmp_path / "ca.pem", tmp_path / "relay.pem"
    authority.cert_pem.write_to_path(trust)
    authority.issue_cert("localhost", "127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pem)
    client = ssl.create_default_context(cafile=trust)
    with (
        Relay(server.url, certificate=pem) as front,
        Relay(Target(front.url, trust=Trust(ca=trust)), certificate=pem) as relay,
    ):
        assert relay.url.startswith("wss://")
        assert converse(relay.url, "hello", bytes(100_000), ssl=client).messages == ["hello", bytes(100_000)]
        assert [frame.preview for frame in frames(relay, opcode="text")] == ["hello", "hello"]
    with Relay(server.url, certificate=pem) as front, Relay(front.url) as distrustful:
        attempt = wslab.send_message(distrustful.url, "x").attempts[0]
        assert attempt.http_status == 502
        assert "certificate" in (until(lambda: distrustful.run().attempts)[0].error or "")


def test_relay_for_other_machines_wants_its_token_and_hands_it_to_nobody() -> None:
    mirror = Mirror()
    with pytest.raises(ValueError, match="expose=True"):
        Relay("ws://127.0.0.1:1/", host="0.0.0.0")
    with Relay(f"ws://127.0.0.1:{mirror.port}/", host="0.0.0.0", expose=True) as relay:
        for url in (f"ws://127.0.0.1:{relay.port}/", f"ws://127.0.0.1:{relay.port}/?token=guessed"):
            with pytest.raises(InvalidStatus, match="403"):
                converse(url)
        with socket.create_connection(("127.0.0.1", relay.port), timeout=5) as client:
            client.sendall(f"GET /a?b=1&token={relay.token} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            assert client.recv(100) == b"GET /a?b=1 HTTP/1.1\r\nHost: x\r\n\r\n"
        assert relay.token is not None
        assert relay.token not in repr(relay.run())


def test_path_of_the_target_is_asked_for_where_the_client_names_none(server: LabServer) -> None:
    mirror = Mirror()
    with (
        Relay(f"ws://127.0.0.1:{mirror.port}/chat?room=1") as relay,
        socket.create_connection(("127.0.0.1", relay.port), timeout=5) as client,
    ):
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert client.recv(100) == b"GET /chat?room=1 HTTP/1.1\r\nHost: localhost\r\n\r\n"


def test_request_gets_what_the_target_needs_and_keeps_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEST_TOKEN", "the secret of the target")
    mirror = Mirror()
    target = Target(
        f"ws://localhost:{mirror.port}/chat?key=of-the-url",
        headers={"X-Team": "blue"},
        cookies={"session": "1"},
        token="{env:TEST_TOKEN}",
        origin="https://example.org",
        resolve="127.0.0.1",
    )
    with Relay(target) as relay, socket.create_connection(("127.0.0.1", relay.port), timeout=5) as client:
        fields = b"cookie:  mine=2\r\nORIGIN: http://localhost\r\nUser-Agent:x/1\r\nX-Odd :\t kept\r\n".replace(
            b"X-Odd ", b"X-Odd"
        )
        client.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n%s\r\nmore" % (relay.port, fields))
        assert client.recv(1000) == (
            b"GET /chat?key=of-the-url HTTP/1.1\r\n"
            b"Host: localhost:%d\r\n"
            b"User-Agent:x/1\r\nX-Odd:\t kept\r\n"
            b"Origin: https://example.org\r\nAuthorization: Bearer the secret of the target\r\n"
            b"Cookie: session=1\r\nX-Team: blue\r\n\r\nmore" % mirror.port
        )
        told = f"{relay!r} {relay.run()!r}"
    assert "the secret" not in told
    assert "of-the-url" not in told


def test_part_of_a_target_that_only_a_client_can_say_is_refused() -> None:
    with pytest.raises(ValueError, match=r"greeting and subprotocols: .* let the client say it"):
        Relay(Target("ws://127.0.0.1:1/", greeting="hello", subprotocols=["chat"]))


# Bad input


def test_target_that_is_not_there_is_told() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        with Relay(f"ws://127.0.0.1:{free.getsockname()[1]}/") as relay:
            with pytest.raises(InvalidStatus, match="502"):
                converse(relay.url)
            assert "refused" in (until(lambda: relay.run().attempts)[0].error or "").lower()


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (b"\x00\x00\x12\x04\x00\x00\x00\x00\x00", "HTTP/2"),
        (b"SSH-2.0-OpenSSH\r\n", "SSH"),
        (b"x" * 70_000, "not HTTP/1.1"),
        (b"HTTP/1.1 101 Switching Protocols\r\nX: " + b"x" * 70_000, "a head of more than 65,536 bytes"),
    ],
)
def test_target_that_speaks_something_else_is_told_in_words(said: bytes, words: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.sendall(said)
                connection.recv(1000)

        threading.Thread(target=serve, daemon=True).start()
        with Relay(f"ws://127.0.0.1:{listener.getsockname()[1]}/") as relay:
            with contextlib.suppress(Exception):
                converse(relay.url)
            assert words in (until(lambda: relay.run().attempts)[0].error or "")


def test_frames_beyond_the_bound_are_counted_and_not_kept(server: LabServer) -> None:
    with Relay(server.url, max_frames=3) as relay:
        converse(relay.url, "1", "2", "3")
        closure(relay)
        run = relay.run()
    assert len(run.frames) == 3
    assert run.info.partial
    assert "5 frames passed after the first 3" in run.info.losses[0]


def test_bad_argument_teaches(relay: Relay) -> None:
    with pytest.raises(ValueError, match="did you mean 'latency'"):
        relay.add("latensy")
    with pytest.raises(ValueError, match="latency_s is -1, but must be between 0 and 3,600 seconds"):
        relay.add("latency", latency_s=-1)
    with pytest.raises(ValueError, match="did you mean 'latency_s'"):
        relay.add("latency", latency=1)
    with pytest.raises(ValueError, match="no fault 'latency' is switched on; these are: none"):
        relay.remove("latency")
    with pytest.raises(LabServerError, match=f"port {relay.port} "):
        Relay("ws://127.0.0.1:1/", port=relay.port).start()
    with pytest.raises(ValueError, match="the relay's own address; name a server"):
        Relay("ws://localhost:8080/", port=8080)
    with pytest.raises(RelayError, match="certificate"):
        Relay("ws://127.0.0.1:1/", certificate="nowhere.pem")
    with pytest.raises(RelayError, match="does not run"):
        _ = Relay("ws://127.0.0.1:1/").url


def test_nothing_is_left_behind(server: LabServer) -> None:
    relay = Relay(server.url).start()
    url = relay.url
    relay.stop()
    relay.stop()
    assert wslab.send_message(url, "x").attempts[0].outcome == "refused"
