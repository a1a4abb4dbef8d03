"""Peers that end early, break rules or never read: the relay says so in words, holds little, and leaves nothing."""

from __future__ import annotations

import contextlib
import gc
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest
import trustme
from websockets.frames import Opcode

from wslab.core.findings import find
from wslab.core.records import Attempt, Closure
from wslab.core.relay.script import read_script
from wslab.net.frames import encode_frame, encode_header
from wslab.net.relay import memory, passage
from wslab.net.relay.passing_frames import PassingFrame
from wslab.net.relay.relay import Relay
from wslab.net.relay.switch import RESET_ON_CLOSE

T = TypeVar("T")

ASKS = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"
ANSWERS = b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"

Act = Callable[[socket.socket], object]


@contextlib.contextmanager
def relayed(act: Act, **options: Any) -> Iterator[Relay]:
    """Yield a relay to a target that treats each connection like this, and then ends it."""

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                with contextlib.suppress(ConnectionError), listener.accept()[0] as connection:
                    act(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        with Relay(f"ws://127.0.0.1:{listener.getsockname()[1]}/", **options) as relay:
            yield relay
        listener.shutdown(socket.SHUT_RDWR)


def answer(connection: socket.socket, data: bytes = b"") -> None:
    connection.recv(1000)
    connection.sendall(ANSWERS + data)


@contextlib.contextmanager
def client(relay: Relay, says: bytes = ASKS) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", relay.port), timeout=10) as sock:
        sock.sendall(says)
        yield sock


def read_all(sock: socket.socket) -> bytes:
    data = b""
    with contextlib.suppress(ConnectionError):
        while piece := sock.recv(65_536):
            data += piece
    return data


def until(condition: Callable[[], T]) -> T:
    deadline = time.monotonic() + 10
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return found


def attempt(relay: Relay) -> Attempt:
    return until(lambda: relay.run().attempts)[0]


def closure(relay: Relay) -> Closure:
    return until(lambda: relay.run().closures)[0]


# Who ended it, and how far it had come


@pytest.mark.parametrize("fault", [None, "latency"])
@pytest.mark.parametrize("resets", [False, True])
def test_target_that_is_gone_within_a_frame_did_that_itself(fault: str | None, resets: bool) -> None:
    def leave(connection: socket.socket) -> None:
        answer(connection, encode_header(Opcode.BINARY, 1000) + bytes(300))
        if resets:
            connection.recv(1000)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)

    with relayed(leave) as relay:
        if fault is not None:
            relay.add(fault, latency_s=0.01)
        with client(relay) as sock:
            assert sock.recv(len(ANSWERS))
            sock.sendall(encode_frame(Opcode.TEXT, b"go on"))
            read_all(sock)
        assert closure(relay).tcp_end == ("reset" if resets else "fin")
        (frame,) = [frame for frame in relay.run().frames if frame.sent_by == "server"]
        assert (frame.fate, frame.passed_bytes, frame.payload_bytes) == ("unfinished", 300, 1000)
        assert "by_relay" not in {finding.rule for finding in find(relay.run())}


def test_frame_that_comes_with_the_answer_is_cut_by_the_relay() -> None:
    with relayed(lambda connection: answer(connection, encode_frame(Opcode.TEXT, b"x" * 50, sender="server"))) as relay:
        relay.add("cut", after_bytes=3)
        with client(relay) as sock:
            assert read_all(sock).endswith(b"\x81\x32xxx")
        ended = closure(relay)
        assert (ended.tcp_end, ended.bound) == ("aborted", "a fault of the relay ended it")
        assert [finding.rule for finding in find(relay.run())] == ["by_relay"]


def test_connection_that_is_open_when_the_relay_stops_was_ended_by_the_relay() -> None:
    def stay(connection: socket.socket) -> None:
        answer(connection)
        connection.recv(10)

    with relayed(stay) as relay:
        with client(relay):
            until(lambda: relay.run().attempts)
            relay.stop()
        (finding,) = find(relay.run())
    assert (finding.rule, finding.whose, finding.sure) == ("by_relay", "relay", "shown")
    assert finding.what.startswith("The relay was stopped")


def test_client_that_half_closes_hears_all_that_comes_after() -> None:
    def go_on(connection: socket.socket) -> None:
        answer(connection)
        assert connection.recv(10) == b""
        connection.sendall(b"\x81\x02hi")

    with relayed(go_on) as relay, client(relay) as sock:
        sock.shutdown(socket.SHUT_WR)
        assert read_all(sock) == ANSWERS + b"\x81\x02hi"
        assert closure(relay).tcp_end == "aborted"


@pytest.mark.parametrize(
    ("says", "act", "words"),
    [
        (b"GET / HTT", answer, "the client ended TCP before its request was complete"),
        (ASKS, lambda connection: connection.recv(1000), "the target ended TCP before it had answered"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", lambda connection: connection.recv(1000), "the client: HTTP/2"),
        (ASKS, lambda connection: connection.sendall(b"\x00\x00\x12\x04" + bytes(20)), "the target: HTTP/2"),
    ],
)
def test_opening_that_fails_says_whose_doing_it_was(says: bytes, act: Act, words: str) -> None:
    with relayed(act) as relay:
        with client(relay, says) as sock:
            if b"\r\n\r\n" not in says:
                sock.shutdown(socket.SHUT_WR)
            read_all(sock)
        assert words in (attempt(relay).error or "")


def test_client_that_speaks_no_tls_is_told_and_let_go(tmp_path: Path) -> None:
    pem = tmp_path / "relay.pem"
    trustme.CA().issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(pem)
    with Relay("ws://127.0.0.1:1/", certificate=pem) as relay, client(relay) as sock:
        read_all(sock)
        assert "the client: its TLS handshake failed" in (attempt(relay).error or "")
        assert relay.connections == 0
        with client(relay, b""):  # which says nothing until the relay stops
            until(lambda: relay.connections)
            relay.stop()
        assert relay.run().attempts[1].error == "the relay was stopped"


# What waits is bounded, and goes


def test_thousands_of_waiting_frames_are_bytes_and_not_objects() -> None:
    def flood(connection: socket.socket) -> None:
        connection.settimeout(0.2)
        with contextlib.suppress(TimeoutError):
            answer(connection, encode_frame(Opcode.TEXT, sender="server") * 2_000_000)

    with relayed(flood, max_frames=0) as relay:
        relay.add("latency", latency_s=3600)
        with client(relay):
            until(lambda: relay.connections)
            time.sleep(0.3)
            assert sum(type(one) is PassingFrame for one in gc.get_objects()) < 5000


def test_client_that_never_reads_is_let_go_when_the_relay_ends_the_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passage, "LINGER_S", 0.1)
    big = encode_frame(Opcode.BINARY, bytes(20_000_000), sender="server")
    with relayed(lambda connection: answer(connection, big)) as relay, client(relay):
        until(lambda: relay.run().attempts)
        relay.add("down")
        until(lambda: not relay.connections)


def test_end_that_a_timeout_withholds_passes_once_it_is_removed() -> None:
    with relayed(answer) as relay:
        relay.add("timeout")
        with client(relay) as sock:
            sock.settimeout(0.1)
            with pytest.raises(TimeoutError):
                sock.recv(10)
            relay.remove("timeout")
            sock.settimeout(10)
            assert sock.recv(10) == b""


def test_connections_beyond_the_bound_are_counted_and_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "MAX_CONNECTIONS", 1)
    with relayed(answer) as relay:
        for _ in range(3):
            with client(relay) as sock:
                read_all(sock)
            until(lambda: not relay.connections)
        run = relay.run()
    assert (len(run.attempts), len(run.closures)) == (1, 1)
    assert run.info.partial
    assert run.info.losses == ["2 connections came after the first 1, and their attempts and closures were not kept"]


def test_step_of_a_script_that_fails_is_a_warning_and_the_next_one_follows() -> None:
    with Relay("ws://127.0.0.1:1/") as relay:
        told: list[str] = []
        relay.warners.append(told.append)
        relay.play(read_script("0 remove latency\n0 add timeout"))
        until(lambda: relay.faults)
        assert relay.run().info.warnings == told
        assert "the script's step at 0 s did nothing: no fault 'latency' is switched on" in told[0]
