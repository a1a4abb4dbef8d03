"""A connection ends by the knob that says so, when it says so, with its code; and the account names the knob."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from wslab.core.knobs import Knobs
from wslab.core.records import Account
from wslab.net import runtime
from wslab.net.server.allowances import Allowances, Bucket
from wslab.net.server.lab_server import LabServer

SOON_S = 0.1
OVER_FIVE = "frame with 6 bytes exceeds limit of 5 bytes"


@pytest.fixture(scope="module")
def running() -> Iterator[LabServer]:
    with LabServer() as server:
        yield server


@pytest.fixture
def server(running: LabServer) -> LabServer:
    turn(running)
    return running


def turn(server: LabServer, **changes: Any) -> None:
    """Set these knobs for the connections to come, and all others to their defaults."""
    defaults = dict(zip(Knobs.__struct_fields__, Knobs.__struct_defaults__, strict=True))
    server.tune(**defaults | changes)


class Ended:
    """How a connection ended, as its client saw it and as the server accounts for it."""

    def __init__(self, connection: ClientConnection, opened_at: float, messages: list[Any]) -> None:
        received = connection.protocol.close_rcvd
        self.connection_id = connection.response.headers["X-Wslab-Connection"] if connection.response else ""
        self.close = (received.code, received.reason) if received else None
        self.sent_code = connection.protocol.close_sent.code if connection.protocol.close_sent else None
        self.after_s = time.monotonic() - opened_at
        self.messages = messages
        self.account: Account | None = None


def outlast(server: LabServer, *messages: str | bytes | list[str], ping_every_s: float | None = None) -> Ended:
    """Connect, send the messages, and stay until the server ends it. A list is one message in fragments."""

    async def stay() -> Ended:
        async with connect(server.url, ping_interval=None, proxy=None, compression=None) as connection:
            opened_at, received = time.monotonic(), []
            pinging = asyncio.create_task(ping(connection))
            with contextlib.suppress(ConnectionClosed):
                for message in messages:
                    await connection.send(message)
                async with asyncio.timeout(10):
                    while True:
                        received.append(await connection.recv())
            pinging.cancel()
            return Ended(connection, opened_at, received)

    async def ping(connection: ClientConnection) -> None:
        while ping_every_s is not None:
            await asyncio.sleep(ping_every_s)
            await connection.ping()

    ended = asyncio.run(stay())
    ended.account = account_of(server, ended.connection_id)
    return ended


def account_of(server: LabServer, connection_id: str) -> Account:
    """Return the complete account of a connection that has ended."""
    runtime.run(server.settle([connection_id], timeout_s=10))
    (account,) = (one for one in server.accounts if one.connection_id == connection_id)
    assert account.closed_at_s is not None
    return account


async def stay_mute(server: LabServer) -> str:
    """Open a connection, answer nothing until TCP ends, and return the connection's id."""
    reader, writer = await asyncio.open_connection(server.host, server.port)
    head = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    writer.write(f"{head}Sec-WebSocket-Key: {'A' * 22}==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    async with asyncio.timeout(10):
        while await reader.read(100):
            pass
    writer.close()
    return answer.decode().partition("X-Wslab-Connection: ")[2].partition("\r\n")[0]


@pytest.mark.parametrize(
    ("knobs", "messages", "close", "because"),
    [
        ({"idle_timeout_s": SOON_S}, [], (1001, "idle timeout"), "idle_timeout_s"),
        (
            {"idle_timeout_s": SOON_S, "idle_close_code": 4000, "idle_close_reason": "zzz"},
            [],
            (4000, "zzz"),
            "idle_timeout_s",
        ),
        ({"idle_timeout_s": SOON_S, "idle_close_code": 1006}, [], None, "idle_timeout_s"),
        ({"max_age_s": SOON_S, "max_age_jitter_s": SOON_S}, [], (1001, "maximum connection age"), "max_age_s"),
        ({"max_age_s": SOON_S, "age_close_code": 1005, "age_close_reason": "lost"}, [], (1005, ""), "max_age_s"),
        ({"max_messages_per_s": 2}, ["x"] * 3, (1008, "rate limit exceeded"), "max_messages_per_s"),
        ({"max_bytes_per_s": 1000}, ["x" * 600] * 2, (1008, "rate limit exceeded"), "max_bytes_per_s"),
        (
            {"max_connection_messages": 2, "count_close_code": 1013},
            ["x"] * 3,
            (1013, "connection limit exceeded"),
            "max_connection_messages",
        ),
        (
            {"max_connection_frames": 3},
            [["x", "x"], ["x", "x"]],
            (1008, "connection limit exceeded"),
            "max_connection_frames",
        ),
        (
            {"max_connection_bytes": 10},
            ["x" * 10, "x"],
            (1008, "connection limit exceeded"),
            "max_connection_bytes",
        ),
        ({"close_after_message": True}, ["x"], (1000, ""), "close_after_message"),
        (
            {"max_message_bytes": 5},
            ["x" * 6],
            (1009, "frame with 6 bytes exceeds limit of 5 bytes"),
            "max_message_bytes",
        ),
        (
            {"max_message_bytes": 5, "max_frame_bytes": 4},
            ["x" * 5],
            (1009, "frame with 5 bytes exceeds limit of 4 bytes"),
            "max_frame_bytes",
        ),
    ],
)
def test_knob_closes_with_its_code_and_the_account_names_it(
    server: LabServer, knobs: dict[str, Any], messages: list[Any], close: Any, because: str
) -> None:
    turn(server, **knobs)
    ended = outlast(server, *messages)
    assert ended.account is not None
    assert (ended.close, ended.account.because) == (close, because)
    assert ended.account.closed_by == ("server" if close else "network")


def test_account_says_restart_and_stop_and_nothing_where_the_client_closed() -> None:
    async def stay(server: LabServer, end: Callable[[], Any]) -> str | None:
        async with connect(server.url, proxy=None) as connection:
            await asyncio.to_thread(end)
        assert connection.response is not None
        return account_of(server, connection.response.headers["X-Wslab-Connection"]).because

    with LabServer(downtime_s=0) as server:
        ends: list[Callable[[], Any]] = [lambda: None, server.restart, server.stop]
        assert [asyncio.run(stay(server, end)) for end in ends] == [None, "restart", "stop"]


def test_traffic_puts_the_idle_timeout_off_and_pings_only_where_they_count(server: LabServer) -> None:
    turn(server, idle_timeout_s=0.3, max_age_s=1.0)
    pinged = outlast(server, ping_every_s=0.05)
    turn(server, idle_timeout_s=0.3, max_age_s=10, idle_counts_pings=False)
    ignored = outlast(server, ping_every_s=0.05)
    assert pinged.account is not None
    assert ignored.account is not None
    assert (pinged.account.because, ignored.account.because) == ("max_age_s", "idle_timeout_s")
    assert ignored.after_s >= 0.29


def test_keepalive_without_a_pong_is_its_own_cause(server: LabServer) -> None:
    turn(server, ping_interval_s=SOON_S, ping_timeout_s=SOON_S, close_timeout_s=SOON_S)
    account = account_of(server, asyncio.run(stay_mute(server)))
    assert (account.because, account.sent and account.sent.code) == ("ping_timeout_s", 1011)


def test_greeting_comes_first_and_a_denial_answers(server: LabServer) -> None:
    turn(server, greeting="hello", reply="deny", denial="no", max_age_s=SOON_S)
    assert outlast(server, "x").messages == ["hello", "no"]


@pytest.mark.parametrize("status", [401, 429, 599])
def test_handshake_is_refused_with_the_chosen_status(server: LabServer, status: int) -> None:
    async def knock() -> Any:
        with pytest.raises(InvalidStatus) as refused:
            await connect(server.url, proxy=None)
        return refused.value.response

    turn(server, handshake_status=status, retry_after_s=7)
    response = asyncio.run(knock())
    assert (response.status_code, response.headers["Retry-After"]) == (status, "7")


@pytest.mark.parametrize(
    ("close_frame", "sent_code"),
    [("one_byte", 1002), ("invalid_code", 1002), ("invalid_utf8", 1007), ("too_long", 1002)],
)
def test_invalid_close_frame_is_what_a_client_must_refuse(server: LabServer, close_frame: str, sent_code: int) -> None:
    turn(server, max_age_s=SOON_S, close_frame=close_frame, close_timeout_s=SOON_S)
    ended = outlast(server)
    assert (ended.close, ended.sent_code) == (None, sent_code)


def test_connection_whose_client_ignores_the_close_frame_is_ended(server: LabServer) -> None:
    turn(server, max_age_s=SOON_S, close_timeout_s=SOON_S)
    assert account_of(server, asyncio.run(stay_mute(server))).because == "max_age_s"


def test_tune_reaches_the_clocks_of_open_connections_where_asked(server: LabServer) -> None:
    async def stay() -> int | None:
        async with connect(server.url, proxy=None) as connection:
            await asyncio.to_thread(server.tune, open_ones_too=True, idle_timeout_s=SOON_S)
            await connection.wait_closed()
            return connection.close_code

    assert asyncio.run(asyncio.wait_for(stay(), 10)) == 1001


@given(st.floats(0.01, 1e6), st.lists(st.tuples(st.floats(0, 10), st.floats(0, 1e6)), max_size=50))
def test_bucket_gives_no_more_than_a_burst_and_the_rate(per_s: float, spendings: list[tuple[float, float]]) -> None:
    bucket, now, spent = Bucket(per_s, 0.0), 0.0, 0.0
    for pause_s, amount in spendings:
        now += pause_s
        if bucket.spend(amount, now):
            spent += amount
        assert spent <= (max(1.0, per_s) + now * per_s) * (1 + 1e-9)


@given(st.integers(1, 20), st.lists(st.integers(0, 30), max_size=40))
def test_counts_are_inclusive(limit: int, sizes: list[int]) -> None:
    allowances = Allowances(Knobs(max_connection_bytes=limit), 0.0)
    total = 0
    for size in sizes:
        knob = allowances.spend(size, begins_message=True, now=0.0)
        assert (knob is None) == (total + size <= limit)
        total += size if knob is None else 0
