"""find_limit against real servers: libraries as they are, servers made by hand, and peers that misbehave."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import socket
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.server import serve
from websockets.http11 import Request
from websockets.server import ServerProtocol

from wslab.core.limits.verdicts import Verdict, verdict_schema
from wslab.core.target import Target
from wslab.core.trust import Trust
from wslab.net.limits import probe
from wslab.net.limits.probe import LimitProbe, find_limit
from wslab.net.limits.request import ProbeRequest

from .conftest import After, Checks, Manners, Raw, Replies, accept

LIMIT = 70_000  # a size that no rounding finds by luck
CAP = 2**20
MAX_CONNECTIONS, MAX_PROBE_BYTES = 42, 512

OF_THE_TARGET = {each.name for each in dataclasses.fields(Target)}

Server = Callable[[], AbstractAsyncContextManager[str]]


def probed(server: AbstractAsyncContextManager[Any], **options: Any) -> Verdict:
    """The verdict on a server that lives as long as the probe."""

    async def both() -> Verdict:
        async with server as made:
            url = made if isinstance(made, str) else made[0]
            target = Target(url, **{name: options.pop(name) for name in [*options] if name in OF_THE_TARGET})
            return await find_limit(target, **{"cap_bytes": CAP, "hold_s": 0.3, **options})

    verdict = asyncio.run(both())
    assert msgspec.json.decode(msgspec.json.encode(verdict), type=Verdict) == verdict
    assert verdict.explanation.endswith(".")
    return verdict


# --- libraries ---------------------------------------------------------------------------------------------------


@asynccontextmanager
async def websockets_server(**options: Any) -> AsyncIterator[str]:
    async def echo(websocket: Any) -> None:
        async for message in websocket:
            await websocket.send(message)

    async with serve(echo, "127.0.0.1", 0, logger=silent(), **{"max_size": LIMIT, **options}) as server:
        yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


@asynccontextmanager
async def aiohttp_server() -> AsyncIterator[str]:
    web = pytest.importorskip("aiohttp.web")

    async def echo(request: Any) -> Any:
        websocket = web.WebSocketResponse(max_msg_size=LIMIT)
        await websocket.prepare(request)
        async for message in websocket:
            if isinstance(message.data, str):
                await websocket.send_str(message.data)
        return websocket

    app = web.Application()
    app.router.add_get("/", echo)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield f"ws://127.0.0.1:{runner.addresses[0][1]}/"
    await runner.cleanup()


@asynccontextmanager
async def tornado_server() -> AsyncIterator[str]:
    from tornado.httpserver import HTTPServer
    from tornado.netutil import bind_sockets
    from tornado.web import Application
    from tornado.websocket import WebSocketHandler

    class Echo(WebSocketHandler):
        def on_message(self, message: str | bytes) -> None:
            self.write_message(message, binary=isinstance(message, bytes))

        def get_compression_options(self) -> dict[str, Any]:
            return {}

    sockets = bind_sockets(0, "127.0.0.1")
    server = HTTPServer(Application([("/", Echo)], websocket_max_message_size=LIMIT))
    server.add_sockets(sockets)
    yield f"ws://127.0.0.1:{sockets[0].getsockname()[1]}/"
    server.stop()
    await server.close_all_connections()


async def asgi_echo(scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while (event := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": event.get("text"), "bytes": event.get("bytes")})


def uvicorn_server(implementation: str) -> Server:
    @asynccontextmanager
    async def start() -> AsyncIterator[str]:
        uvicorn = pytest.importorskip("uvicorn")
        pytest.importorskip("wsproto")
        config = uvicorn.Config(
            asgi_echo, ws=implementation, ws_max_size=LIMIT, log_level="critical", lifespan="off", ws_ping_interval=None
        )
        server = uvicorn.Server(config)
        server.capture_signals = contextlib.nullcontext
        with socket.create_server(("127.0.0.1", 0)) as listener:
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            while not server.started:
                await asyncio.sleep(0.01)
            yield f"ws://127.0.0.1:{listener.getsockname()[1]}/"
            server.should_exit = True
            await serving

    return start


@asynccontextmanager
async def picows_server() -> AsyncIterator[str]:
    picows = pytest.importorskip("picows")

    class Echo(picows.WSListener):  # type: ignore[misc, name-defined]
        def on_ws_frame(self, transport: Any, frame: Any) -> None:
            if frame.msg_type == picows.WSMsgType.PING:
                transport.send_pong(frame.get_payload_as_bytes())
            elif frame.msg_type == picows.WSMsgType.CLOSE:
                transport.disconnect()
            else:
                transport.send(frame.msg_type, frame.get_payload_as_bytes(), frame.fin)

    server = await picows.ws_create_server(lambda _: Echo(), "127.0.0.1", 0, max_frame_size=LIMIT)
    yield f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    server.close()


def silent() -> logging.Logger:
    logger = logging.getLogger("test.silent")
    logger.disabled = True
    return logger


BY_MESSAGE = {"counts": "message", "max_fragmented_bytes": LIMIT, "text_unit": "bytes"}
LIBRARIES = [
    pytest.param(
        websockets_server,
        BY_MESSAGE | {"inclusive": True, "compression_counts": "both", "after_refusal": "drain"},
        id="websockets",
    ),
    pytest.param(
        aiohttp_server,
        {
            "max_single_frame_bytes": LIMIT - 1,
            "max_fragmented_bytes": LIMIT - 1,
            "compression_counts": "both",
            "after_refusal": "reset",
        },
        id="aiohttp",
    ),
    pytest.param(tornado_server, BY_MESSAGE | {"compression_counts": "both", "after_refusal": "reset"}, id="tornado"),
    pytest.param(
        uvicorn_server("websockets-sansio"),
        BY_MESSAGE | {"inclusive": True, "compression_counts": "both", "after_refusal": "reset"},
        id="uvicorn-sansio",
    ),
    pytest.param(
        picows_server,
        {"counts": "frame", "max_fragmented_bytes": None, "inclusive": True, "compression_counts": None},
        id="picows",
    ),
]


@pytest.mark.parametrize(("server", "expected"), LIBRARIES)
def test_library_that_refuses_headers(server: Server, expected: dict[str, Any]) -> None:
    verdict = probed(server(), cap_bytes=64 * CAP)
    expected = {"max_single_frame_bytes": LIMIT, "over_limit": "close_frame", "close_code": 1009} | expected
    assert {name: getattr(verdict, name) for name in expected} == expected
    assert verdict.smallest_refused_bytes == expected["max_single_frame_bytes"] + 1
    assert verdict.connections <= MAX_CONNECTIONS
    assert verdict.probe_wire_bytes <= MAX_PROBE_BYTES


def test_library_that_refuses_payloads() -> None:
    verdict = probed(uvicorn_server("wsproto")())
    assert (verdict.status, verdict.max_single_frame_bytes, verdict.inclusive) == ("limit_found", LIMIT, True)
    assert (verdict.counts, verdict.compression_counts, verdict.after_refusal) == ("message", "inflated", "reset")


def test_library_without_a_limit() -> None:
    verdict = probed(websockets_server(max_size=None))
    assert (verdict.status, verdict.max_single_frame_bytes, verdict.smallest_refused_bytes) == (
        "no_limit_below_cap",
        CAP,
        None,
    )


def test_library_with_a_limit_for_frames_and_one_for_messages() -> None:
    verdict = probed(websockets_server(max_size=(LIMIT, 10_000)))
    assert (verdict.max_single_frame_bytes, verdict.max_fragmented_bytes) == (10_000, LIMIT)
    assert (verdict.counts, verdict.inclusive) == ("both", True)


# --- manners -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("after", ["drain", "reset", "abort", "hold"])
@pytest.mark.parametrize("checks", ["header", "bytes", "message"])
def test_what_follows_a_refusal(raw: type[Raw], after: After, checks: Checks) -> None:
    verdict = probed(raw.mannered(Manners(max_message=LIMIT, checks=checks, after=after)))
    assert (verdict.max_single_frame_bytes, verdict.over_limit) == (LIMIT, "close_frame")
    assert (verdict.close_code, verdict.close_frame_hex) == (1009, "880203f1")
    assert verdict.after_refusal == {"abort": "reset"}.get(after, after)


@pytest.mark.parametrize(
    ("over", "checks", "replies", "close_code", "close_frame_hex"),
    [
        ("empty_close_frame", "header", "own", 1005, "8800"),
        ("empty_close_frame", "message", "echo", 1005, "8800"),
        ("no_close_frame", "header", "none", 1006, None),
        ("no_close_frame", "message", "echo", 1006, None),
    ],
)
def test_over_the_limit_by_a_closure(
    raw: type[Raw], over: str, checks: Checks, replies: Replies, close_code: int, close_frame_hex: str | None
) -> None:
    manners = Manners(max_message=500, checks=checks, over=over, replies=replies, after="reset")
    verdict = probed(raw.mannered(manners))
    assert (verdict.max_single_frame_bytes, verdict.over_limit, verdict.counts) == (500, over, "message")
    assert (verdict.close_code, verdict.close_frame_hex) == (close_code, close_frame_hex)


@pytest.mark.parametrize("replies", ["echo", "own"])
def test_over_the_limit_by_a_silent_drop(raw: type[Raw], replies: Replies) -> None:
    verdict = probed(raw.mannered(Manners(max_message=500, over="silent_drop", replies=replies)), cap_bytes=2000)
    assert (verdict.max_single_frame_bytes, verdict.over_limit) == (500, "silent_drop")
    assert (verdict.close_code, verdict.after_refusal, verdict.counts) == (None, None, "message")


def test_over_the_limit_held_open(raw: type[Raw]) -> None:
    verdict = probed(raw.mannered(Manners(max_message=500, over="held_open", replies="none")), cap_bytes=600)
    assert (verdict.max_single_frame_bytes, verdict.over_limit) == (500, "held_open")


def test_silent_drop_by_a_server_that_never_answers_is_not_claimed(raw: type[Raw]) -> None:
    verdict = probed(raw.mannered(Manners(max_message=500, over="silent_drop", replies="none")), cap_bytes=2000)
    assert verdict.status == "no_limit_below_cap"
    assert any("answers no message" in remark for remark in verdict.remarks)


def test_another_close_code(raw: type[Raw]) -> None:
    manners = Manners(max_message=LIMIT, close_code=1008, reason=f"max {LIMIT:,} bytes")
    verdict = probed(raw.mannered(manners))
    assert (verdict.max_single_frame_bytes, verdict.close_code, verdict.inclusive) == (LIMIT, 1008, True)
    assert verdict.close_reason == "max 70,000 bytes"
    assert verdict.connections <= 14  # of which eight are controls


def test_characters(raw: type[Raw]) -> None:
    manners = Manners(max_message=LIMIT, checks="message", unit="characters")
    verdict = probed(raw.mannered(manners))
    assert (verdict.max_single_frame_bytes, verdict.text_unit) == (LIMIT, "characters")


def test_frames_of_64_kib_and_messages_of_1_mib(raw: type[Raw]) -> None:
    verdict = probed(raw.mannered(Manners(max_frame=2**16, max_message=2**20)), cap_bytes=2**24)
    assert (verdict.max_single_frame_bytes, verdict.max_fragmented_bytes, verdict.counts) == (2**16, 2**20, "both")


@pytest.mark.parametrize(("greetings", "replies"), [(0, "own"), (3, "own"), (1, "none")])
def test_greetings_are_no_answers(raw: type[Raw], greetings: int, replies: Replies) -> None:
    verdict = probed(raw.mannered(Manners(max_message=LIMIT, greetings=greetings, replies=replies)))
    assert (verdict.max_single_frame_bytes, verdict.counts) == (LIMIT, "message")


@pytest.mark.parametrize(
    ("replies", "over"), [("echo", "silent_drop"), ("echo", "close_frame"), ("none", "close_frame")]
)
def test_messages_that_nobody_asked_for(raw: type[Raw], replies: Replies, over: str) -> None:
    manners = Manners(max_message=500, checks="message", chatter_s=0.01, replies=replies, over=over)
    verdict = probed(raw.mannered(manners), cap_bytes=2000)
    assert (verdict.max_single_frame_bytes, verdict.over_limit) == (500, over)


@pytest.mark.parametrize("replies", ["echo", "own", "none"])
def test_server_that_closes_after_each_message(raw: type[Raw], replies: Replies) -> None:
    verdict = probed(raw.mannered(Manners(max_message=LIMIT, ends=True, replies=replies)))
    assert (verdict.max_single_frame_bytes, verdict.close_code) == (LIMIT, 1009)


def test_server_without_pongs(raw: type[Raw]) -> None:
    verdict = probed(raw.mannered(Manners(max_message=LIMIT, pongs=False)))
    assert (verdict.max_single_frame_bytes, verdict.over_limit) == (LIMIT, "close_frame")


def test_greeting_that_the_server_wants(raw: type[Raw]) -> None:
    manners = Manners(max_message=LIMIT, wants="40")
    assert probed(raw.mannered(manners)).status == "needs_greeting"
    verdict = probed(raw.mannered(manners), greeting="40", filler="4")
    assert (verdict.status, verdict.max_single_frame_bytes) == ("limit_found", LIMIT)


def test_server_that_refuses_everything(raw: type[Raw]) -> None:
    verdict = probed(raw.mannered(Manners(max_message=0)))
    assert (verdict.status, verdict.max_single_frame_bytes, verdict.close_code) == ("refuses_everything", None, 1009)


def test_configured_limit_is_tried_first(raw: type[Raw]) -> None:
    verdict = probed(raw.mannered(Manners(max_message=LIMIT - 1, checks="message")), configured_bytes=LIMIT)
    assert (verdict.max_single_frame_bytes, verdict.inclusive) == (LIMIT - 1, False)
    assert verdict.probe_wire_bytes < MAX_PROBE_BYTES


def test_configured_limit_that_another_one_hides(raw: type[Raw]) -> None:
    verdict = probed(raw.mannered(Manners(max_message=LIMIT)), configured_bytes=100_000)
    assert (verdict.max_single_frame_bytes, verdict.inclusive) == (LIMIT, None)
    assert any("said to be 100,000 bytes" in remark for remark in verdict.remarks)


def test_costs_are_what_the_server_saw(raw: type[Raw]) -> None:
    async def check() -> None:
        async with raw.mannered(Manners(max_message=LIMIT)) as (url, received):
            verdict = await find_limit(url)
            assert verdict.connections == received.connections
            sent = verdict.probe_wire_bytes + verdict.confirmation_wire_bytes
            assert sent + verdict.control_wire_bytes == received.wire_bytes
            assert verdict.probe_wire_bytes <= MAX_PROBE_BYTES
            assert sent <= MAX_PROBE_BYTES + 2 * (LIMIT + 15)

    asyncio.run(check())


# --- failures ----------------------------------------------------------------------------------------------------


def answers(data: bytes) -> Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)

    return answer


@pytest.mark.parametrize(
    ("head", "status", "http_status"),
    [
        (b"HTTP/1.1 200 OK", "not_a_websocket_server", 200),
        (b"HTTP/1.1 302 Found\r\nLocation: ws://example.org/", "redirected", 302),
        (b"HTTP/1.1 400 Bad Request\r\nContent-Length: 20\r\n\r\nmissing subprotocol!", "needs_subprotocol", 400),
        (b"HTTP/1.1 401 Unauthorized", "unauthorized", 401),
        (b"HTTP/1.1 403 Forbidden", "unauthorized", 403),
        (b"HTTP/1.0 404 Not Found", "not_a_websocket_server", 404),
        (b"HTTP/1.1 426 Upgrade Required\r\nSec-WebSocket-Version: 14", "not_a_websocket_server", 426),
        (b"HTTP/1.1 429 Too Many Requests", "overloaded", 429),
        (b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5", "overloaded", 503),
        (b"HTTP/1.1 101 Switching Protocols", "not_a_websocket_server", 101),
        (b"SSH-2.0-OpenSSH_9.2p1 Debian-2", "not_a_websocket_server", None),
        (b"", "not_a_websocket_server", None),
    ],
)
def test_no_websocket_here(raw: type[Raw], head: bytes, status: str, http_status: int | None) -> None:
    verdict = probed(raw.tcp(answers(head + b"\r\n\r\n" if head else b"")))
    assert (verdict.status, verdict.http_status) == (status, http_status)
    assert (verdict.max_single_frame_bytes, verdict.connections) == (None, 1)


def test_redirect_is_named_and_not_followed(raw: type[Raw]) -> None:
    verdict = probed(raw.tcp(answers(b"HTTP/1.1 307 Elsewhere\r\nLocation: ws://example.org/x\r\n\r\n")))
    assert "ws://example.org/x" in verdict.explanation


def test_subprotocol_that_the_server_wants() -> None:
    assert probed(websockets_server(subprotocols=["chat"])).status == "needs_subprotocol"
    assert probed(websockets_server(subprotocols=["chat"]), subprotocols=["talk"]).status == "needs_subprotocol"
    verdict = probed(websockets_server(subprotocols=["chat"]), subprotocols=["talk", "chat"])
    assert verdict.max_single_frame_bytes == LIMIT


def test_subprotocol_that_was_not_offered(raw: type[Raw]) -> None:
    async def impose(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        protocol = ServerProtocol()
        protocol.receive_data(await reader.readuntil(b"\r\n\r\n"))
        (request,) = protocol.events_received()
        assert isinstance(request, Request)
        response = protocol.accept(request)
        response.headers["Sec-WebSocket-Protocol"] = "chat"
        protocol.send_response(response)
        writer.write(b"".join(protocol.data_to_send()))

    assert probed(raw.tcp(impose)).status == "needs_subprotocol"


def test_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"ws://127.0.0.1:{free.getsockname()[1]}/"
        assert probed(contextlib.nullcontext(url)).status == "unreachable"


def test_name_that_cannot_be() -> None:
    verdict = probed(contextlib.nullcontext(f"ws://{'a' * 64}.localhost:9/"))  # too long a label to be looked up
    assert (verdict.status, verdict.connections) == ("unreachable", 0)


def test_server_that_says_nothing(raw: type[Raw]) -> None:
    async def say_nothing(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
        await asyncio.Event().wait()

    assert probed(raw.tcp(say_nothing), open_timeout_s=0.2).status == "no_answer"


def test_tls_with_a_certificate_of_ones_own(tmp_path: Path) -> None:
    trustme = pytest.importorskip("trustme")
    authority = trustme.CA()
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(server)

    def encrypted() -> Any:
        @asynccontextmanager
        async def start() -> AsyncIterator[str]:
            async with websockets_server(ssl=server) as url:
                yield url.replace("ws://", "wss://")

        return start()

    assert probed(encrypted()).status == "tls_error"
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    verdict = probed(encrypted(), trust=Trust(ca=tmp_path / "ca.pem"))
    # asyncio cannot half-close under TLS, so the very server that drains without it closes at once.
    assert (verdict.max_single_frame_bytes, verdict.after_refusal) == (LIMIT, "reset")


def test_tls_where_there_is_none(raw: type[Raw]) -> None:
    async def check() -> Verdict:
        async with raw.mannered(Manners()) as (url, _):
            return await find_limit(Target(url.replace("ws://", "wss://"), open_timeout_s=0.5))

    assert asyncio.run(check()).status in ("tls_error", "no_answer")


def test_server_that_dies_half_way(raw: type[Raw]) -> None:
    verdict = probed(raw.mannered(Manners(max_message=LIMIT, dies_at=9)))
    assert verdict.status == "went_away"
    assert (verdict.max_single_frame_bytes, verdict.smallest_refused_bytes) == (1, None)


@pytest.mark.parametrize(("code", "status"), [(1012, "went_away"), (1013, "overloaded")])
def test_server_that_asks_to_be_left_alone(raw: type[Raw], code: int, status: str) -> None:
    verdict = probed(raw.mannered(Manners(max_message=0, close_code=code)))
    assert (verdict.status, verdict.connections) == (status, 1)


def test_frames_that_are_none(raw: type[Raw]) -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        writer.write(b"\xff\xff\xff\xff")
        await reader.read()

    assert probed(raw.tcp(babble)).status == "breaks_protocol"


def test_flood_is_left(raw: type[Raw]) -> None:
    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        with contextlib.suppress(ConnectionError):
            while True:
                writer.write(b"\x81\x04tick" * 1000)
                await writer.drain()

    assert probed(raw.tcp(flood), cap_bytes=64).status == "out_of_bounds"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(opening=st.booleans(), noise=st.binary(max_size=200), listens=st.integers(0, 40))
def test_any_noise_ends_in_a_verdict(raw: type[Raw], opening: bool, noise: bytes, listens: int) -> None:
    """A peer that says `noise`, at the opening handshake or after it, and leaves once it has heard `listens` bytes."""

    async def make_noise(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if opening:
            await reader.readuntil(b"\r\n\r\n")
        else:
            await accept(reader, writer)
        writer.write(noise)
        with contextlib.suppress(asyncio.IncompleteReadError, TimeoutError):
            await asyncio.wait_for(reader.readexactly(listens), 0.02)

    assert probed(raw.tcp(make_noise), cap_bytes=64, open_timeout_s=0.2).status != "limit_found"


def test_cancelled_probe_says_what_it_knew(raw: type[Raw]) -> None:
    async def check() -> Verdict:
        async with raw.mannered(Manners(max_message=LIMIT, checks="message")) as (url, _):
            seen = asyncio.Event()
            search = LimitProbe(ProbeRequest(url), lambda trial, _: seen.set() if trial.form == "frame" else None)
            task = asyncio.create_task(search.run())
            await seen.wait()
            await asyncio.sleep(0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            return search.verdict()

    verdict = asyncio.run(check())
    assert (verdict.status, verdict.smallest_refused_bytes) == ("cancelled", None)


# --- permission --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url", ["ws://example.org/", "wss://192.0.2.1:8000/", "ws://localhost.example.org/", "ws://[2001:db8::1]/"]
)
def test_other_hosts_need_a_statement(url: str) -> None:
    with pytest.raises(ValueError, match="is not this machine"):
        ProbeRequest(Target(url, allow_hosts=["example.com"]))


@pytest.mark.parametrize(
    "url", ["ws://127.0.0.1/", "ws://127.8.8.8:80/", "ws://[::1]:9/", "ws://localhost/", "ws://a.localhost/"]
)
def test_this_machine_needs_none(url: str) -> None:
    assert ProbeRequest(url).bounds.open_interval_s == 0


def test_stated_host_is_treated_gently() -> None:
    bounds = ProbeRequest(Target("ws://Example.org/", allow_hosts=["example.ORG"])).bounds
    assert bounds.open_interval_s > 0
    assert bounds.max_sent_bytes < ProbeRequest("ws://localhost/").bounds.max_sent_bytes


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"target": "http://localhost/"}, "write ws://"),
        ({"cap_bytes": 1}, "between 2 and"),
        ({"configured_bytes": CAP + 1, "cap_bytes": CAP}, "raise cap_bytes"),
        ({"max_elapsed_s": 0}, "max_elapsed_s is 0"),
        ({"hold_s": 100}, "hold_s is 100"),
        ({"filler": "é"}, "one ASCII character"),
        (
            {"target": Target("ws://localhost/", template="{filler}" + "x" * 99), "cap_bytes": 50},
            "smallest message has 99",
        ),
    ],
)
def test_bad_argument(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        ProbeRequest(**{"target": "ws://localhost/", **options})


@pytest.mark.parametrize("options", [{"filler": 4}, {"keep_replies": "no"}, {"cap_bytes": 2.0**20}])
def test_argument_of_the_wrong_kind(options: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=next(iter(options))):
        ProbeRequest("ws://localhost/", **options)


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make of the name server.test a host that is not this machine, and lead its connections to this one."""

    async def resolve(target: Any) -> list[Any]:
        _, port = target.address
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(probe, "resolve", resolve)


def elsewhere_at(url: str) -> Target:
    return Target(url.replace("127.0.0.1", "server.test"), allow_hosts=["server.test"])


@pytest.mark.usefixtures("elsewhere")
def test_other_host_is_told_who_asks(raw: type[Raw]) -> None:
    async def check() -> None:
        async with raw.mannered(Manners(max_message=LIMIT, reason=f"limit {LIMIT}")) as (url, received):
            verdict = await find_limit(elsewhere_at(url))
            assert verdict.max_single_frame_bytes == LIMIT
            assert all(b"User-Agent: wslab/" in request for request in received.requests)
            assert verdict.elapsed_s >= 0.1 * (verdict.connections - 1)

    asyncio.run(check())


@pytest.mark.usefixtures("elsewhere")
def test_other_host_gets_no_more_than_the_bound(raw: type[Raw]) -> None:
    async def check() -> None:
        async with raw.mannered(Manners(replies="none")) as (url, received):
            verdict = await find_limit(elsewhere_at(url), cap_bytes=100_000)
            assert received.wire_bytes <= 6 * 100_000 + MAX_PROBE_BYTES
            assert verdict.status == "no_limit_below_cap"

    asyncio.run(check())


@pytest.mark.usefixtures("elsewhere")
def test_other_host_that_asks_to_be_left_alone_is(raw: type[Raw]) -> None:
    async def check() -> None:
        async with raw.mannered(Manners(max_message=LIMIT, close_code=1013)) as (url, received):
            verdict = await find_limit(elsewhere_at(url))
            assert (verdict.status, received.connections) == ("overloaded", 1)

    asyncio.run(check())


# --- proxies -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def proxies() -> Iterator[dict[str, str]]:
    """The URLs of a process that is an HTTP proxy and a SOCKS5 proxy."""
    program = Path(__file__).parents[2] / "proxies.py"
    with subprocess.Popen([sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        http, socks = process.stdout.readline().split()
        yield {
            "http": f"http://bob:swordfish@127.0.0.1:{int(http)}",
            "socks5": f"socks5://127.0.0.1:{int(socks)}",
            "wrong": f"http://bob:wrong-password@127.0.0.1:{int(http)}",
        }
        process.communicate()


@pytest.mark.parametrize("proxy", ["http", "socks5"])
def test_limit_behind_a_proxy(raw: type[Raw], proxies: dict[str, str], proxy: str) -> None:
    """The proxy, which reads on, hides that the server does not: what follows a refusal is not called the server's."""
    server = raw.mannered(Manners(max_message=LIMIT, after="reset"))
    verdict = probed(server, proxy=proxies[proxy], allow_hosts=["127.0.0.1"])
    assert (verdict.status, verdict.max_single_frame_bytes, verdict.close_code) == ("limit_found", LIMIT, 1009)
    assert (verdict.counts, verdict.text_unit) == ("message", "bytes")
    assert "After refusing, the server" not in verdict.explanation
    assert any("through a proxy" in remark for remark in verdict.remarks)
    assert "swordfish" not in str(verdict)


def test_proxy_that_refuses_is_told_and_not_the_servers_doing(raw: type[Raw], proxies: dict[str, str]) -> None:
    verdict = probed(raw.mannered(Manners()), proxy=proxies["wrong"], allow_hosts=["127.0.0.1"])
    assert verdict.status == "unreachable"
    assert "does not connect: 407" in verdict.explanation
    assert "wrong-password" not in str(verdict)


def test_host_behind_a_proxy_needs_a_statement() -> None:
    with pytest.raises(ValueError, match="is the proxy's own"):
        ProbeRequest(Target("ws://127.0.0.1/", proxy="socks5://127.0.0.1:1080"))


def test_schema_names_every_field() -> None:
    schema = verdict_schema()
    (definition,) = [value for name, value in schema["$defs"].items() if name == "Verdict"]
    assert {*definition["properties"]} - {"record"} == {*Verdict.__struct_fields__}
    assert all(f"{name}:" in definition["description"] for name in Verdict.__struct_fields__)
