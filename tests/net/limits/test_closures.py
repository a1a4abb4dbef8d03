"""Servers that close for other reasons than size, over real sockets: no wrong limit, and the right one if there is one.

What the search makes of all kinds of them is tested without sockets, in tests/core/limits/test_controls.py.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import random
import socket
import ssl
import struct
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
import trustme

from wslab.core.limits import doubts, lots, traffic
from wslab.core.limits.verdicts import Verdict
from wslab.core.target import Target
from wslab.core.trust import Trust
from wslab.net.limits.probe import find_limit

from .conftest import CLOSE, PING, PONG, TEXT, Conversation, Manners, Raw, Received, accept

AUTHORITY = trustme.CA()
CAP = 2**18
LIMIT = 20_000
WINDOW_S = 0.25

Verdict_ = Callable[["Server", "Judged", int], tuple[int, str] | None]
"""What a server closes on: given itself, the connection and a message's size, code and reason; None: it passes."""


class Server:
    """Echoes messages, and closes on what its rule says. `log` are the times of all its messages."""

    def __init__(self, rule: Verdict_, *, manners: Manners | None = None) -> None:
        self.rule = rule
        self.manners = manners or Manners(checks="message")
        self.received = Received()
        self.log: list[float] = []
        self.messages = 0

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await Judged(reader, writer, self).hold()


class Judged(Conversation):
    """One connection: how many messages and bytes it has carried, and since when."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, server: Server) -> None:
        super().__init__(reader, writer, server.manners, server.received)
        self.server = server
        self.opened_at_s = time.monotonic()
        self.log: list[float] = []
        self.messages = self.bytes = 0

    async def _message(self, last_frame: int) -> bool:
        size = len(self.content)
        now_s = time.monotonic()
        self.messages += 1
        self.bytes += size
        self.server.messages += 1
        self.log.append(now_s)
        self.server.log.append(now_s)
        if (closed := self.server.rule(self.server, self, size)) is not None:
            code, reason = closed
            self.send(CLOSE, struct.pack("!H", code) + reason.encode())
            await self._afterwards()
            return False
        return await super()._message(last_frame)


def recent(log: list[float]) -> int:
    now_s = time.monotonic()
    return sum(at_s > now_s - WINDOW_S for at_s in log)


def too_big(size: int) -> tuple[int, str] | None:
    return (1008, "") if size > LIMIT else None


@pytest.fixture(autouse=True)
def _short_rests(monkeypatch: pytest.MonkeyPatch) -> None:
    """The windows of these servers are a quarter of a second."""
    for module in (doubts, lots, traffic):
        monkeypatch.setattr(module, "RESTS_S", (1.1 * WINDOW_S, 3 * WINDOW_S))


def probed(
    converse: Any, *, cap_bytes: int = CAP, template: Any = None, encrypted: bool = False, **options: Any
) -> Verdict:
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if encrypted else None
    if tls is not None:
        AUTHORITY.issue_cert("127.0.0.1").configure_cert(tls)

    async def both() -> Verdict:
        async with Raw.tcp(converse, ssl=tls) as url:
            trust = Trust(insecure=True) if encrypted else Trust()
            target = Target(url.replace("ws:", "wss:") if encrypted else url, template=template, trust=trust)
            return await find_limit(target, cap_bytes=cap_bytes, hold_s=0.3, **options)

    return asyncio.run(both())


def causes(verdict: Verdict) -> list[tuple[str, str | None]]:
    return [(cause.kind, cause.unit) for cause in verdict.closes_on]


@pytest.mark.parametrize(
    ("limit", "where", "reason"),
    [(None, "connection", "too many requests"), (None, "server", ""), (LIMIT, "server", "")],
)
def test_rate_of_messages(limit: int | None, where: str, reason: str) -> None:
    """At most so many messages in a time, as in BlinkTradeJS#57 and nodetool-ai/nodetool#3732."""

    def rule(server: Server, connection: Judged, size: int) -> tuple[int, str] | None:
        log = server.log if where == "server" else connection.log
        return (1008, reason) if recent(log) > 6 else (too_big(size) if limit else None)

    verdict = probed(Server(rule).converse)
    if limit is None:
        assert (verdict.status, verdict.max_single_frame_bytes) == ("no_limit_below_cap", CAP)
        assert ("rate", "messages_per_s") in causes(verdict)
        assert "closes on rate" in verdict.explanation
        assert (reason or "without a reason") in verdict.explanation
    else:
        assert (verdict.status, verdict.max_single_frame_bytes) == ("limit_found", LIMIT)


@pytest.mark.parametrize("most", [1, 3])
def test_count_of_messages(most: int) -> None:
    verdict = probed(
        Server(lambda _, connection, __: (1008, "enough") if connection.messages > most else None).converse
    )
    assert (verdict.status, verdict.max_single_frame_bytes) == ("no_limit_below_cap", CAP)
    assert causes(verdict) == [("count", "messages")]
    assert verdict.closes_on[0].number == most


def test_count_of_bytes() -> None:
    verdict = probed(Server(lambda _, connection, __: (1009, "") if connection.bytes > 30_000 else None).converse)
    assert verdict.status == "closes_on_count"
    assert causes(verdict) == [("count", "bytes")]
    assert "cannot be told" in verdict.explanation


@pytest.mark.parametrize("limits", [(LIMIT, 50_000), (LIMIT, 50_000, 50_000), (LIMIT, CAP)])
def test_servers_by_turns_behind_one_address(limits: tuple[int, ...]) -> None:
    """Each connection goes to the next: no one number is the limit, also where one of them has none."""
    turns = itertools.cycle(limits)
    theirs: dict[Judged, int] = {}

    def rule(_server: Server, connection: Judged, size: int) -> tuple[int, str] | None:
        return (1009, "") if size > theirs.setdefault(connection, next(turns)) else None

    verdict = probed(Server(rule).converse)
    assert (verdict.status, verdict.closes_on) == ("inconsistent", ())
    assert "servers with different limits behind one address" in verdict.explanation


def test_every_third_large_message() -> None:
    large = itertools.count(1)

    def rule(_server: Server, _connection: Judged, size: int) -> tuple[int, str] | None:
        return (1009, "") if size > LIMIT or (size > 5000 and next(large) % 3 == 0) else None

    verdict = probed(Server(rule).converse)
    assert (verdict.status, verdict.max_single_frame_bytes) == ("limit_found", LIMIT)
    assert [(cause.unit, cause.number) for cause in verdict.closes_on] == [("messages", 3)]
    assert "one in 3 by turns" in verdict.explanation


def test_few_large_messages_a_connection_are_not_so_many_bytes() -> None:
    large: Counter[Judged] = Counter()

    def rule(_server: Server, connection: Judged, size: int) -> tuple[int, str] | None:
        large[connection] += size > 1000
        return (1009, "") if large[connection] > 2 else None

    verdict = probed(Server(rule).converse)
    assert (verdict.status, verdict.max_single_frame_bytes) == ("no_limit_below_cap", CAP)
    assert [(cause.unit, cause.number) for cause in verdict.closes_on] == [("messages", 2)]
    assert "it is not their bytes that count" in verdict.explanation


def test_first_message_that_must_be_shorter() -> None:
    """As before a login: the limit depends on what was said, and no number is named."""
    verdict = probed(
        Server(
            lambda _, connection, size: (1009, "") if size > (1000 if connection.messages == 1 else LIMIT) else None
        ).converse
    )
    assert verdict.status == "inconsistent"
    assert "passes behind a small one" in verdict.explanation


def test_limit_that_changes_during_the_search() -> None:
    server = Server(lambda this, _, size: (1009, "") if size > (LIMIT if this.messages < 40 else 50_000) else None)
    assert probed(server.converse).max_single_frame_bytes in (None, 50_000)


@pytest.mark.parametrize("limit", [None, LIMIT])
def test_echo_that_is_cut_is_no_silence(limit: int | None) -> None:
    class Cutting(Judged):
        async def _message(self, last_frame: int) -> bool:
            if limit is not None and len(self.content) > limit:
                self.send(CLOSE, struct.pack("!H", 1009))
                return False
            self.content, self.total = self.content[:1000], 0
            return await super()._message(last_frame)

    server = Server(lambda *_: None)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await Cutting(reader, writer, server).hold()

    verdict = probed(converse)
    expected = ("no_limit_below_cap", CAP) if limit is None else ("limit_found", limit)
    assert (verdict.status, verdict.max_single_frame_bytes) == expected
    assert verdict.answer_changes_at_bytes == 1001
    assert "messages up to 1,000 bytes come back whole" in verdict.explanation


def test_large_messages_that_must_be_json() -> None:
    def rule(_server: Server, connection: Judged, size: int) -> tuple[int, str] | None:
        return (1007, "not JSON") if size > 1000 and not connection.content.startswith(b"{") else None

    verdict = probed(Server(rule).converse)
    assert (verdict.status, verdict.max_single_frame_bytes) == ("no_limit_below_cap", CAP)
    assert "passes as JSON, 3 of 3 times" in verdict.explanation


def test_text_that_must_be_ascii_tells_nothing_of_bytes_and_characters() -> None:
    def rule(_server: Server, connection: Judged, size: int) -> tuple[int, str] | None:
        if not connection.content.isascii():
            return 1007, ""
        return (1009, "") if size > LIMIT else None

    verdict = probed(Server(rule).converse)
    assert (verdict.max_single_frame_bytes, verdict.text_unit) == (LIMIT, None)


@pytest.mark.parametrize("limit", [None, LIMIT])
def test_chance(limit: int | None) -> None:
    dice = random.Random(3)

    def rule(_server: Server, _connection: Judged, size: int) -> tuple[int, str] | None:
        if dice.random() < 0.15:
            return 1011, ""
        return too_big(size) if limit else None

    verdict = probed(Server(rule).converse)
    if verdict.status == "limit_found":
        assert verdict.max_single_frame_bytes == LIMIT
    assert (verdict.status == "no_limit_below_cap") is (limit is None)


def test_content() -> None:
    def rule(_server: Server, connection: Judged, size: int) -> tuple[int, str] | None:
        return (1008, "spam") if size > 100 and len(set(connection.content)) == 1 else None

    verdict = probed(Server(rule).converse)
    assert (verdict.status, verdict.max_single_frame_bytes) == ("no_limit_below_cap", CAP)
    assert causes(verdict) == [("content", None)]


@pytest.mark.parametrize("delay_s", [0.0, 0.05])
def test_orderly_closure_after_the_answer_to_a_large_message(delay_s: float) -> None:
    """An answer and then 1000, for large messages only: they are not accepted as small ones are."""

    class Closing(Judged):
        async def _message(self, last_frame: int) -> bool:
            size = len(self.content)
            goes_on = await super()._message(last_frame)
            if size > LIMIT:
                await self.writer.drain()
                await asyncio.sleep(delay_s)
                self.send(CLOSE, struct.pack("!H", 1000))
                await self._afterwards()
                return False
            return goes_on

    server = Server(lambda *_: None)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await Closing(reader, writer, server).hold()

    verdict = probed(converse)
    assert (verdict.status, verdict.max_single_frame_bytes, verdict.close_code) == ("limit_found", LIMIT, 1000)


@pytest.mark.parametrize(
    "close", [struct.pack("!H", 1000), b"", struct.pack("!H", 1001), b"\x03", struct.pack("!H", 999)]
)
def test_closure_after_every_message_is_no_acceptance(raw: type[Raw], close: bytes) -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        conversation = Conversation(reader, writer, Manners(), Received())
        await accept(reader, writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            first, second = await reader.readexactly(2)
            if first & 0x0F == PING:
                await conversation._control(PING, await reader.readexactly(second & 0x7F + 4))
            conversation.send(CLOSE, close)
            while await reader.read(65_536):
                pass

    verdict = probed(converse)
    assert verdict.status in ("cannot_tell", "refuses_everything", "breaks_protocol")
    assert verdict.max_single_frame_bytes is None


def answering(answer: Callable[[bytes], bytes], *, wants_json: bool = False) -> Any:
    """A server that answers each message in its own words."""

    class Answering(Conversation):
        async def _message(self, _last_frame: int) -> bool:
            content = bytes(self.content)
            self.content.clear()
            self.total = 0
            if wants_json:
                try:
                    json.loads(content)
                except ValueError:
                    self.send(CLOSE, struct.pack("!H", 1007) + b"not JSON")
                    return False
            self.send(TEXT, answer(content))
            return True

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await Answering(reader, writer, Manners(checks="message"), Received()).hold()

    return converse


def no_in_words(content: bytes) -> bytes:
    """As in fremantle-industries/tai#56."""
    if len(content) > 1000:
        return b'{"error": "message too long, dropping"}'
    return json.dumps({"ok": True, "id": random.random(), "bytes": len(content)}).encode()


def test_no_in_words() -> None:
    verdict = probed(answering(no_in_words))
    assert (verdict.status, verdict.over_limit) == ("limit_found", "other_answer")
    assert (verdict.max_single_frame_bytes, verdict.answer_changes_at_bytes) == (1000, 1001)
    assert "message too long, dropping" in verdict.explanation
    assert verdict.answer_below is not None
    assert '"ok": true' in verdict.answer_below


def test_answers_are_kept_only_where_they_may_be() -> None:
    verdict = probed(answering(no_in_words), keep_replies=False)
    assert (verdict.max_single_frame_bytes, verdict.answer_above, verdict.answer_below) == (1000, None, None)
    assert "dropping" not in str(verdict)


def test_answers_cannot_steer_a_terminal() -> None:
    verdict = probed(answering(lambda content: b"\x1b[2J error" if len(content) > 1000 else b"ok"))
    assert verdict.max_single_frame_bytes == 1000
    assert "\\x1b[2J error" in verdict.explanation


def test_answer_that_changes_without_a_no_is_a_finding_and_no_limit() -> None:
    def in_units(content: bytes) -> bytes:
        size = len(content)
        return f"got {size // 1024} KiB".encode() if size >= 1024 else f"got {size} B".encode()

    verdict = probed(answering(in_units))
    assert (verdict.status, verdict.max_single_frame_bytes) == ("no_limit_below_cap", CAP)
    assert verdict.answer_changes_at_bytes == 1024


def test_answer_that_says_no_to_everything_tells_nothing() -> None:
    verdict = probed(answering(lambda _: b'{"error": "unknown op"}'))
    assert (verdict.status, verdict.max_single_frame_bytes) == ("cannot_tell", None)


def test_template_reaches_a_server_that_wants_json() -> None:
    converse = answering(lambda content: b"error: too large" if len(content) > 3000 else b"ok", wants_json=True)
    verdict = probed(converse)  # which tries JSON by itself, of its own
    assert (verdict.status, verdict.max_single_frame_bytes) == ("limit_found", 3000)
    verdict = probed(converse, template='{"op": "echo", "data": "{filler}"}')
    assert (verdict.status, verdict.max_single_frame_bytes) == ("limit_found", 3000)
    made = probed(converse, template=lambda size: json.dumps({"data": "x" * (size - 12)}) if size >= 12 else _small())
    assert (made.status, made.max_single_frame_bytes) == ("limit_found", 3000)


def _small() -> str:
    raise ValueError("too small")


def test_keepalive_behind_a_slow_line(raw: type[Raw]) -> None:
    """A ping that times out with 1011 while a large message crosses the line, as in router-for-me/CLIProxyAPI#5734."""
    line_bytes_per_s, timeout_s = 400_000, 0.3

    class Kept(Conversation):
        pong = True

        async def hold(self) -> None:
            keeping = asyncio.create_task(self._keep())
            try:
                await super().hold()
            finally:
                keeping.cancel()

        async def _keep(self) -> None:
            await asyncio.sleep(timeout_s)
            while self.pong:
                self.pong = False
                self.send(PING, b"")
                await asyncio.sleep(timeout_s)
            self.send(CLOSE, struct.pack("!H", 1011) + b"keepalive ping timeout")
            self.writer.close()

        async def _control(self, opcode: int, payload: bytes) -> bool:
            self.pong = self.pong or opcode == PONG
            return await super()._control(opcode, payload)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        slow = asyncio.StreamReader()
        pumping = asyncio.create_task(_pump(reader, slow, line_bytes_per_s))
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await Kept(slow, writer, Manners(checks="message"), Received()).hold()
        pumping.cancel()

    verdict = probed(converse, cap_bytes=2**22)
    assert (verdict.status, verdict.smallest_refused_bytes) == ("closes_on_time", None)
    assert causes(verdict) == [("time", "sending_s")]
    assert "1011 “keepalive ping timeout”" in verdict.explanation


async def _pump(reader: asyncio.StreamReader, slow: asyncio.StreamReader, bytes_per_s: float) -> None:
    """A line of so many bytes per second."""
    while data := await reader.read(8192):
        await asyncio.sleep(len(data) / bytes_per_s)
        slow.feed_data(data)
    slow.feed_eof()


@pytest.mark.parametrize("status", [429, 503])
def test_connections_of_each_client(status: int) -> None:
    """So many connections from one address: the search goes on from others of this machine's."""
    seen: dict[str, int] = {}

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        address = writer.get_extra_info("peername")[0]
        seen[address] = seen.get(address, 0) + 1
        if seen[address] > 9:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 %d No\r\nRetry-After: 60\r\n\r\n" % status)
            return
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await Conversation(reader, writer, Manners(max_message=LIMIT), Received()).hold()

    verdict = probed(converse)
    assert (verdict.status, verdict.max_single_frame_bytes) == ("limit_found", LIMIT)
    assert causes(verdict) == [("count", "connections")]


@pytest.mark.parametrize("refusal", ["429", "1008"])
def test_connections_in_a_time(refusal: str) -> None:
    opened: list[float] = []

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        is_full = recent(opened) >= 8
        if is_full and refusal == "429":
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 429 Too Many Requests\r\n\r\n")
            return
        opened.append(time.monotonic())
        conversation = Conversation(reader, writer, Manners(max_message=LIMIT), Received())
        if is_full:
            await accept(reader, writer)
            conversation.send(CLOSE, struct.pack("!H", 1008) + b"too many connections")
            await conversation._afterwards()
            return
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await conversation.hold()

    verdict = probed(converse)
    assert (verdict.status, verdict.max_single_frame_bytes) == ("limit_found", LIMIT)


def test_restart_in_the_middle(raw: type[Raw]) -> None:
    """Connections are refused for a while: what was refused as it went down was no refusal of a size."""

    async def check() -> Verdict:
        received = Received()
        server: list[asyncio.Server] = []

        async def restart(port: int) -> None:
            server[0].close()
            await asyncio.sleep(0.4)
            server[0] = await asyncio.start_server(converse, "127.0.0.1", port)

        async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
                if received.connections == 9:
                    received.connections += 1
                    restarting.append(asyncio.create_task(restart(port)))
                    await accept(reader, writer)
                    writer.write(b"\x88\x02\x03\xf4")
                else:
                    await Conversation(reader, writer, Manners(max_message=LIMIT), received).hold()
            writer.close()

        restarting: list[asyncio.Task[None]] = []
        server.append(await asyncio.start_server(converse, "127.0.0.1", 0))
        port = server[0].sockets[0].getsockname()[1]
        try:
            return await find_limit(f"ws://127.0.0.1:{port}/", cap_bytes=CAP, hold_s=0.3)
        finally:
            server[0].close()
            await asyncio.sleep(0)  # what was accepted last has its turn, and ends

    verdict = asyncio.run(check())
    assert (verdict.status, verdict.max_single_frame_bytes) == ("limit_found", LIMIT)


@pytest.mark.parametrize(
    ("after", "afterwards", "reading", "blocking"),
    [
        ("a moment", "reset", 1009, 1006),
        ("two megabytes", "reset", 1009, 1006),
        ("for ever", "drain", 1009, 1009),
        ("for ever, half closed", "drain", 1009, 1009),
    ],
)
@pytest.mark.parametrize("encrypted", [False, True], ids=["ws", "wss"])
def test_what_clients_with_megabytes_left_are_told(
    after: str, afterwards: str, reading: int, blocking: int, encrypted: bool
) -> None:
    """Half closed under TLS, without its closing alert: the server reads on, whatever libraries make of that."""

    class Refusing(Conversation):
        async def _afterwards(self) -> None:
            most = {"a moment": 0, "two megabytes": 2_000_000}.get(after, 2**40)
            await self.writer.drain()
            await asyncio.sleep(0.002)
            if after.endswith("half closed"):
                self.writer.get_extra_info("socket").shutdown(socket.SHUT_WR)
            while most > 0 and (data := await self.reader.read(65_536)):
                most -= len(data)
            self.writer.transport.abort()  # under TLS, asyncio's close() would read on

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await Refusing(reader, writer, Manners(max_message=LIMIT), Received()).hold()

    verdict = probed(converse, encrypted=encrypted)
    assert (verdict.max_single_frame_bytes, verdict.after_refusal) == (LIMIT, afterwards)
    assert (verdict.reading_client_told, verdict.blocking_client_told) == ({reading: 4}, {blocking: 4})


def test_ping_decides_nothing() -> None:
    """A ping behind a refused message is what this server dies of: it drops the message in silence."""

    class Fragile(Conversation):
        is_hurt = False

        async def _refuse(self, unread: int) -> bool:
            self.is_hurt = True
            return await super()._refuse(unread)

        async def _control(self, opcode: int, payload: bytes) -> bool:
            return False if self.is_hurt and opcode == PING else await super()._control(opcode, payload)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        manners = Manners(max_message=500, checks="message", over="silent_drop")
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await Fragile(reader, writer, manners, Received()).hold()

    verdict = probed(converse, cap_bytes=600)
    assert (verdict.max_single_frame_bytes, verdict.over_limit) == (500, "silent_drop")


def test_time_of_the_search_is_bounded() -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            manners = Manners(max_message=500, checks="message", over="held_open", replies="none")
            await Conversation(reader, writer, manners, Received()).hold()

    verdict = probed(converse, max_elapsed_s=1.0)
    assert verdict.status == "out_of_bounds"
    assert "bound of 1 seconds" in verdict.explanation
