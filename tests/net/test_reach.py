"""Every way to a server: TLS with an authority of its own, another address, IPv6, a Unix socket, proxies."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from proxies import http_proxy, socks_proxy
from websockets.asyncio.server import ServerConnection, serve, unix_serve

import wslab
from wslab.core.errors import WslabError
from wslab.core.records import Attempt, Send
from wslab.core.target import Target
from wslab.core.trust import Trust
from wslab.experiments import stay_connected
from wslab.net import reach, runtime
from wslab.net.client.client import Client
from wslab.net.recording import Recorder

AUTHORITY = trustme.CA()


async def echo(connection: ServerConnection) -> None:
    async for message in connection:
        await connection.send(message)


@contextlib.asynccontextmanager
async def serving(host: str = "127.0.0.1", **options: Any) -> AsyncIterator[int]:
    async with serve(echo, host, 0, close_timeout=1, **options) as server:
        yield server.sockets[0].getsockname()[1]


def tls(*names: str, wants_a_certificate: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(*names).configure_cert(context)
    if wants_a_certificate:
        AUTHORITY.configure_trust(context)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@pytest.fixture
def ca(tmp_path: Path) -> Path:
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")
    return tmp_path / "ca.pem"


async def exchange(target: Target) -> tuple[Attempt, Send]:
    client = Client(target, Recorder())
    attempt = await client.open()
    send = await client.send_message("hello")
    await client.close()
    return attempt, send


def reaches(target: Target) -> bool:
    attempt, send = runtime.run(exchange(target))
    assert attempt.outcome == "opened", attempt.error
    return send.reply == "hello"


# TLS


async def over_tls(server: ssl.SSLContext, trust: Trust, **options: Any) -> Attempt:
    async with serving(ssl=server) as port:
        attempt, _ = await exchange(Target(f"wss://127.0.0.1:{port}/", trust=trust, **options))
    return attempt


def test_server_of_ones_own_authority_is_trusted_by_its_file(ca: Path) -> None:
    attempt = runtime.run(over_tls(tls("127.0.0.1"), Trust(ca=ca)))
    assert attempt.outcome == "opened", attempt.error


def test_server_of_an_unknown_authority_says_how_to_trust_it() -> None:
    attempt = runtime.run(over_tls(tls("127.0.0.1"), Trust()))
    assert attempt.outcome == "failed"
    assert "its certificate is not trusted" in (attempt.error or "")
    assert "--ca" in (attempt.error or "")


def test_name_that_the_certificate_is_not_for_is_refused_unless_it_is_given(ca: Path) -> None:
    server = tls("app.example.org")
    assert "not trusted" in (runtime.run(over_tls(server, Trust(ca=ca))).error or "")
    assert runtime.run(over_tls(server, Trust(ca=ca, server_name="app.example.org"))).outcome == "opened"


def test_insecure_believes_anybody_and_the_run_says_so() -> None:
    async def with_port() -> tuple[Attempt, int]:
        async with serving(ssl=tls("somebody.else")) as port:
            target = Target(f"wss://127.0.0.1:{port}/", trust=Trust(insecure=True))
            run = await asyncio.to_thread(wslab.send_message, target, "hello")
            assert run.info.warnings
            assert "not checked" in run.info.warnings[0]
            assert run.info.parameters["target"]["trust"] == {"insecure": "True"}
            return run.attempts[0], port

    attempt, _ = asyncio.run(with_port())
    assert attempt.outcome == "opened"


def test_client_certificate_is_presented(ca: Path, tmp_path: Path) -> None:
    mine = AUTHORITY.issue_cert("client@example.org")
    mine.private_key_and_cert_chain_pem.write_to_path(tmp_path / "mine.pem")
    server = tls("127.0.0.1", wants_a_certificate=True)
    assert runtime.run(over_tls(server, Trust(ca=ca))).outcome != "opened"
    assert runtime.run(over_tls(server, Trust(ca=ca, certificate=tmp_path / "mine.pem"))).outcome == "opened"


def test_port_without_tls_says_that_ws_is_meant() -> None:
    async def mistaken() -> Attempt:
        async with serving() as port:
            attempt, _ = await exchange(Target(f"wss://127.0.0.1:{port}/"))
        return attempt

    attempt = runtime.run(mistaken())
    assert attempt.outcome in ("failed", "reset")
    assert "write ws://" in (attempt.error or "") or attempt.outcome == "reset"


def test_port_with_tls_says_that_wss_is_meant() -> None:
    async def mistaken() -> Attempt:
        async with serving(ssl=tls("127.0.0.1")) as port:
            attempt, _ = await exchange(Target(f"ws://127.0.0.1:{port}/"))
        return attempt

    attempt = runtime.run(mistaken())
    assert attempt.outcome != "opened"
    assert "write wss://" in (attempt.error or "") or attempt.outcome == "reset"


def test_refusal_over_tls_is_told_as_without() -> None:
    async def refused() -> Send:
        async with serving(ssl=tls("127.0.0.1"), max_size=1000) as port:
            client = Client(Target(f"wss://127.0.0.1:{port}/", trust=Trust(insecure=True)), Recorder())
            await client.open()
            send = await client.send_message("x" * 1001)
            await client.close()
        return send

    send = runtime.run(refused())
    assert (send.outcome, send.close_code) == ("closed", 1009)


# Another way than by the URL's host


def test_address_may_be_another_than_the_urls() -> None:
    async def overridden() -> bool:
        async with serving() as port:
            _, send = await exchange(Target("ws://staging.example.org/", resolve=f"127.0.0.1:{port}"))
        return send.reply == "hello"

    assert runtime.run(overridden())


def test_ipv6_is_reached() -> None:
    async def over_ipv6() -> bool:
        async with serving("::1") as port:
            _, send = await exchange(Target(f"ws://[::1]:{port}/"))
        return send.reply == "hello"

    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6")
    assert runtime.run(over_ipv6())


def test_unix_socket_is_reached_and_a_stale_one_is_told(tmp_path: Path) -> None:
    path = tmp_path / "socket"

    async def over_a_file() -> bool:
        async with unix_serve(echo, str(path)):
            _, send = await exchange(Target("ws://app.example.org/", unix_socket=path))
        return send.reply == "hello"

    assert runtime.run(over_a_file())
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    attempt, _ = runtime.run(exchange(Target("ws://localhost/", unix_socket=path)))
    assert attempt.outcome == "refused"
    assert "the socket is stale" in (attempt.error or "")


def test_name_of_this_machine_that_resolves_elsewhere_is_not_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    async def lied_to() -> list[reach.AddressInfo]:
        async def elsewhere(*_: object, **__: object) -> list[Any]:
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 80))]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", elsewhere)
        return await reach.resolve(Target("ws://app.localhost/"))

    with pytest.raises(OSError, match="has no address on this machine"):
        asyncio.run(lied_to())


# Proxies


async def through(proxy: Any, scheme: str, userinfo: str = "", host: str = "127.0.0.1", **options: Any) -> Attempt:
    async with serving(**options) as port, await asyncio.start_server(proxy, "127.0.0.1", 0) as standing:
        at = standing.sockets[0].getsockname()[1]
        trust = Trust(insecure="ssl" in options)
        url = f"{'wss' if 'ssl' in options else 'ws'}://{host}:{port}/"
        attempt, send = await exchange(Target(url, proxy=f"{scheme}://{userinfo}127.0.0.1:{at}", trust=trust))
        assert attempt.outcome != "opened" or send.reply == "hello"
    return attempt


@pytest.mark.parametrize(
    ("proxy", "scheme", "userinfo", "host"),
    [
        (http_proxy, "http", "bob:swordfish@", "127.0.0.1"),
        (socks_proxy, "socks5h", "", "inside.example"),
        (socks_proxy, "socks5", "", "127.0.0.1"),
    ],
    ids=["http", "socks5h", "socks5"],
)
@pytest.mark.parametrize("encrypted", [False, True], ids=["ws", "wss"])
def test_proxy_leads_to_the_server(proxy: Any, scheme: str, userinfo: str, host: str, encrypted: bool) -> None:
    options = {"ssl": tls("somebody")} if encrypted else {}
    attempt = runtime.run(through(proxy, scheme, userinfo, host, **options))
    assert attempt.outcome == "opened", attempt.error


def test_proxy_that_refuses_is_told_without_its_password() -> None:
    attempt = runtime.run(through(http_proxy, "http", "bob:wrong-password@"))
    assert attempt.outcome == "failed"
    assert "does not connect: 407 Proxy Authentication Required" in (attempt.error or "")
    assert "wrong-password" not in (attempt.error or "")


def test_proxy_that_is_not_there_is_not_taken_for_the_server() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        proxy = f"http://127.0.0.1:{unused.getsockname()[1]}"
        attempt, _ = runtime.run(exchange(Target("ws://127.0.0.1:9/", proxy=proxy)))
    assert attempt.outcome == "failed"
    assert "the proxy http://127.0.0.1" in (attempt.error or "")


# Permission


@pytest.mark.parametrize("target", ["ws://192.0.2.1/", Target("ws://localhost/", resolve="192.0.2.1")])
def test_nothing_is_sent_to_another_machine_that_was_not_named(target: Target | str) -> None:
    with pytest.raises(WslabError, match=r"--i-may-probe 192\.0\.2\.1"):
        wslab.send_message(target, "hello")
    with pytest.raises(WslabError, match=r"--i-may-probe 192\.0\.2\.1"):
        wslab.payload_sweep(target, [1])
    with pytest.raises(WslabError, match=r"--i-may-probe 192\.0\.2\.1"):
        stay_connected(target, duration_s=0.1)


def test_sweep_uses_the_targets_template() -> None:
    async def swept() -> Any:
        async with serving() as port:
            target = Target(f"ws://127.0.0.1:{port}/", template='{"data": "{filler}"}')
            return await asyncio.to_thread(wslab.payload_sweep, target, [12, 100])

    run = asyncio.run(swept())
    assert [(send.payload_kind, send.payload_bytes, send.outcome) for send in run.sends] == [
        ("template", 12, "accepted"),
        ("template", 100, "accepted"),
    ]
    assert run.info.parameters["payload"] == '{"data": "{filler}"}'
