"""A herd reaches whatever a Target describes: TLS, greetings, subprotocols, headers of each client, a Unix socket."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
from websockets.asyncio.server import ServerConnection, serve, unix_serve

from wslab.core.policies.textbook import constant
from wslab.core.records import Attempt, Close, Closure
from wslab.core.target import Target
from wslab.core.trust import Trust
from wslab.net import runtime
from wslab.net.herds.herd import Herd
from wslab.net.herds.worker_protocol import Tally
from wslab.net.recording import Recorder

AUTHORITY = trustme.CA()
CLIENTS = 5


@dataclass
class Heard:
    """What a server was told: the request's fields, its clients' messages, and the names that TLS asked for."""

    requests: list[Any] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    names: list[str | None] = field(default_factory=list)
    subprotocols: list[str | None] = field(default_factory=list)


def server_side(heard: Heard, *names: str) -> ssl.SSLContext:
    """TLS that wants a client certificate, and notes which name is asked for."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    AUTHORITY.issue_cert(*names).configure_cert(context)
    AUTHORITY.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED
    context.sni_callback = lambda sock, name, _: heard.names.append(name)
    return context


@contextlib.asynccontextmanager
async def listening(heard: Heard, *, path: Path | None = None, **options: Any) -> AsyncIterator[int]:
    """A server that says hello, answers what begins with "login", and a heartbeat's answer with "thanks"."""

    async def converse(connection: ServerConnection) -> None:
        assert connection.request is not None
        heard.requests.append(dict(connection.request.headers.raw_items()))
        heard.subprotocols.append(connection.subprotocol)
        await connection.send("hello, who are you?")
        async for message in connection:
            assert isinstance(message, str)
            heard.messages.append(message)
            if message == "pong-2":
                await connection.send("thanks")
            elif message.startswith("login"):
                await connection.send(["wel", f"come {message}"])  # in fragments
                await connection.send("ping-2")

    if path is not None:
        async with unix_serve(converse, str(path), close_timeout=1, **options):
            yield 0
        return
    async with serve(converse, "127.0.0.1", 0, close_timeout=1, **options) as server:
        yield server.sockets[0].getsockname()[1]


def herded(
    target: Callable[[int], Target], heard: Heard, reached: Callable[[Tally], bool], **options: Any
) -> tuple[Recorder, list[Attempt], list[Closure]]:
    """Gather a herd at a server until `reached`, and let it go."""
    recorder = Recorder()

    async def gathered() -> None:
        async with (
            listening(heard, **options) as port,
            Herd(target(port), recorder, CLIENTS, constant(delay_s=0.05).giving_up_after(1)) as herd,
            asyncio.timeout(20),
        ):
            while not reached(herd.tally):
                await asyncio.sleep(0.01)

    runtime.run(gathered())
    records = recorder.records
    return (
        recorder,
        [record for record in records if isinstance(record, Attempt)],
        [record for record in records if isinstance(record, Closure)],
    )


GREETING = ["< hello", "> login {client}", "< welcome login {client}"]


def test_herd_over_tls_with_a_greeting_a_subprotocol_and_a_header_of_each_client(tmp_path: Path) -> None:
    AUTHORITY.cert_pem.write_to_path(tmp_path / "ca.pem")
    AUTHORITY.issue_cert("client@example.org").private_key_and_cert_chain_pem.write_to_path(tmp_path / "mine.pem")
    heard = Heard()
    recorder, attempts, closures = herded(
        lambda port: Target(
            f"wss://user:word@127.0.0.1:{port}/",
            headers={"X-Client": "c-{client}"},
            subprotocols=["chat.v2", "chat.v1"],
            greeting=GREETING,
            answers={"ping-2": "pong-2"},
            trust=Trust(ca=tmp_path / "ca.pem", certificate=tmp_path / "mine.pem", server_name="app.example.org"),
        ),
        heard,
        lambda _: heard.messages.count("pong-2") == CLIENTS,
        ssl=server_side(heard, "app.example.org"),
        subprotocols=["chat.v1"],
    )
    assert Counter(attempt.outcome for attempt in attempts) == {"opened": CLIENTS}
    assert Counter(heard.messages) == {**{f"login {number}": 1 for number in range(CLIENTS)}, "pong-2": CLIENTS}
    assert {request["X-Client"] for request in heard.requests} == {f"c-{number}" for number in range(CLIENTS)}
    assert {request["Authorization"] for request in heard.requests} == {"Basic dXNlcjp3b3Jk"}
    assert (set(heard.subprotocols), set(heard.names)) == ({"chat.v1"}, {"app.example.org"})
    assert {(closure.received, closure.clean) for closure in closures} == {(Close(code=1000), True)}
    assert not recorder.warnings


@pytest.mark.parametrize(
    ("trust", "words"),
    [(Trust(), ("its certificate is not trusted",)), (Trust(insecure=True), ("CERTIFICATE_REQUIRED", "EOF", "eset"))],
    ids=["unknown authority", "no client certificate"],
)
def test_certificate_that_is_missing_on_either_side_is_an_outcome(trust: Trust, words: tuple[str, ...]) -> None:
    heard = Heard()
    _, attempts, closures = herded(
        lambda port: Target(f"wss://127.0.0.1:{port}/", trust=trust),
        heard,
        lambda now: now.attempted == CLIENTS,
        ssl=server_side(heard, "127.0.0.1"),
    )
    assert not [attempt for attempt in attempts if attempt.outcome == "opened"]
    assert not closures
    assert not heard.requests
    for attempt in attempts:
        assert any(word in (attempt.error or "") for word in words), attempt.error


def test_greeting_that_is_not_answered_is_told_and_the_clients_stay() -> None:
    heard = Heard()
    recorder, attempts, _ = herded(
        lambda port: Target(
            f"ws://127.0.0.1:{port}/",
            greeting=["> who", "< nobody says this"],
            ping_interval_s=5,
            open_timeout_s=0.05,
        ),
        heard,
        lambda now: now.held == CLIENTS and len(heard.messages) == CLIENTS,
    )
    assert {attempt.outcome for attempt in attempts} == {"opened"}
    pings, greeting = recorder.warnings
    assert "send no pings" in pings
    assert "waited 0.05 s in vain for “nobody says this”" in greeting


def test_unix_socket_is_reached_by_all(tmp_path: Path) -> None:
    heard = Heard()
    path = tmp_path / "socket"

    def target(_: int) -> Target:
        return Target("ws://app.example.org/", unix_socket=path, greeting=GREETING)

    _, attempts, _ = herded(target, heard, lambda _: len(heard.messages) == CLIENTS, path=path)
    assert {attempt.outcome for attempt in attempts} == {"opened"}
    assert {request["Host"] for request in heard.requests} == {"app.example.org"}


def test_what_a_herd_has_not_is_refused_with_what_to_do() -> None:
    def gather(**options: Any) -> None:
        Herd(Target("ws://127.0.0.1:1/", **options), Recorder(), 1, constant(delay_s=1))

    with pytest.raises(ValueError, match=r"proxy, which.*resolve names the address"):
        gather(proxy="http://127.0.0.1:3128", allow_hosts=["127.0.0.1"])
    with pytest.raises(ValueError, match=r"says 9,000 bytes.*at most 8,192"):
        gather(greeting="x" * 9000)
