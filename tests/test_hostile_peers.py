"""Every reader of the package meets every peer that keeps to no rule: bounded memory, its own time, an outcome."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hostile_peers import Manner, Met, call, manners, meet, serving

if TYPE_CHECKING:
    from wslab.core.records import Record
    from wslab.core.runs import Run
    from wslab.core.target import Target

MOST_BYTES = 100 * 2**20
GRACE_S = 1.0
THOROUGH = bool(os.environ.get("WSLAB_THOROUGH"))
"""Every reader meets every peer; without it, as in `make test`, each meets a fifth of them."""


def target(port: int, *, close_timeout_s: float = 0.3) -> Target:
    from wslab.core.target import Target

    return Target(f"ws://127.0.0.1:{port}/", open_timeout_s=0.5, close_timeout_s=close_timeout_s)


def outcomes(run: Run) -> str:
    said = [f"{attempt.outcome} {attempt.error}" for attempt in run.attempts]
    said += [f"{send.outcome} {send.error}" for send in run.sends]
    said += [f"{one.close_code} {one.sent} {one.bound} {one.send_error}" for one in run.closures]
    return f"{run.info.experiment}: {'; '.join(said[:6])}"


def probe(port: int) -> str:
    from wslab.experiments import find_limit

    verdict = find_limit(target(port), cap_bytes=1000, hold_s=0.1, max_elapsed_s=1.5)
    return f"{verdict.status}: {verdict.explanation} {' '.join(verdict.remarks)}"


def client(port: int) -> str:
    from wslab.experiments import send_message

    return outcomes(send_message(target(port), "x" * 100, timeout_s=0.5, compression=True))


def staying(port: int) -> str:
    from wslab.experiments import stay_connected

    return outcomes(stay_connected(target(port), "none", duration_s=1.5))


def herd(port: int) -> str:
    from wslab.core.policies.textbook import named
    from wslab.core.records import Attempt, Closure
    from wslab.net import runtime
    from wslab.net.herds.herd import Herd
    from wslab.net.recording import Recorder

    async def gather() -> list[Record]:
        recorder = Recorder()
        async with Herd(target(port), recorder, 3, named("none"), workers=1):
            await asyncio.sleep(1)
        return recorder.records

    seen = [one for one in runtime.run(gather()) if isinstance(one, Attempt | Closure)]
    return (
        "; ".join(f"{getattr(one, 'outcome', '')} {getattr(one, 'error', '')}" for one in seen[:4])
        + f" {len(seen)} records"
    )


def watched(port: int) -> str:
    from wslab.experiments import watch

    patient = target(port, close_timeout_s=5.0)  # which the watch's own time cuts short
    return outcomes(watch(patient, duration_s=1.5, clients=5, interval_s=0.2, apart_s=0.1, pong_timeout_s=0.5))


def check(port: int) -> str:
    from wslab.checks import check_server

    done = check_server(target(port, close_timeout_s=10.0), budget_s=5)
    return f"{done.stopped} {[(result.case, result.judgement) for result in done.results]}"


def relay(port: int) -> str:
    from wslab.net.relay.relay import Relay

    with Relay(f"ws://127.0.0.1:{port}/", max_frames=1000) as running:
        listener = threading.Thread(target=call, args=(running.port, Manner(b"", b"", 0.1, deflate=True)), daemon=True)
        listener.start()
        time.sleep(1)
    run = running.run()
    return f"{outcomes(run)} {len(run.frames)} frames {run.info.losses}"


def tunnel(port: int) -> str:
    from tornado.iostream import IOStream

    from wslab.core.errors import WslabError
    from wslab.jupyter.handler import ask
    from wslab.jupyter.tunnel import Tunnel

    async def carry() -> str:
        with socket.create_server(("127.0.0.1", 0)) as listener, socket.socket() as server:
            page = socket.create_connection(listener.getsockname())
            front = listener.accept()[0]
            server.connect(("127.0.0.1", port))
            for end in (front, server):
                end.setblocking(False)
            request = b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nSec-WebSocket-Key: a\r\n\r\n"
            try:
                answer, rest = await ask(server, request, within_s=0.5)
            except (WslabError, OSError) as error:
                return f"{type(error).__name__}: {error}"
            carrying = asyncio.create_task(Tunnel(IOStream(front), server).carry(rest))
            await asyncio.sleep(0.7)  # in which the page reads nothing
            page.close()
            await carrying
            return f"{answer.status} and the page ended it"

    return asyncio.run(carry())


BOUND_S = {probe: 1.5, client: 2.1, staying: 1.8, herd: 6.0, watched: 1.5, check: 5.0, relay: 2.0, tunnel: 1.2}
"""What each was told to take at most: its own bound, and the closing handshake behind it."""

HEADS = {
    "endless head": r"TooManyHeaders|65,536 bytes|16,384 bytes|256|too many|head|line|reset|refus",
    "endless line": r"HeaderLineTooLong|65,536 bytes|16,384 bytes|too long|head|line|reset",
    "1xx without end": r"interim|1xx|103|reset|status",
    "drip of a head": r"imeout|in time|no answer|within|failed",
}


def judge(met: Met, bound_s: float, named: str) -> None:
    assert met.grown_bytes < MOST_BYTES, met
    assert met.elapsed_s < bound_s + GRACE_S, met
    assert not met.outcome.startswith(("raised", "died", "never")), met
    assert re.search(named, met.outcome), met


def pairs(readers: list[Callable[..., str]], names: list[str]) -> list[tuple[Callable[..., str], str]]:
    every = [(number + at, reader, name) for number, reader in enumerate(readers) for at, name in enumerate(names)]
    once = (client, "endless fragments")  # where the library itself lost its place, when nobody waited any more
    return [(reader, name) for place, reader, name in every if THOROUGH or place % 5 == 0 or (reader, name) == once]


@pytest.mark.parametrize(("reader", "name"), pairs(list(BOUND_S), list(manners("server"))))
def test_reader_of_a_server_is_bounded(reader: Callable[..., str], name: str) -> None:
    with serving(manners("server")[name]) as port:
        judge(meet(reader, port), BOUND_S[reader], HEADS.get(name, "."))


def stage(name: str) -> str:
    from wslab.checks.stage import Stage

    async def play() -> str:
        async with Stage() as standing:
            port = int(standing.url.rsplit(":", 1)[1].strip("/"))
            threading.Thread(target=call, args=(port, manners("client")[name]), daemon=True).start()
            guest = await standing.guest(0.7)
            if guest is None:
                return "nobody came who asked for a WebSocket"
            await guest.accept()
            over = await guest.until_closed(0.7)
            return f"over: {over}, {len(guest.messages)} messages"

    return asyncio.run(play())


def lab_server(name: str) -> str:
    import psutil

    from wslab.net.server.lab_server import LabServer

    with LabServer(compression=True, max_message_bytes=2**20, close_timeout_s=0.3) as server:
        child = psutil.Process(server.pid)
        idle_bytes = child.memory_info().rss
        threading.Thread(target=call, args=(server.port, manners("client")[name]), daemon=True).start()
        time.sleep(1)
        grown_bytes = child.memory_info().rss - idle_bytes
        assert grown_bytes < MOST_BYTES, grown_bytes
        return f"grown by {grown_bytes:,} bytes"


def relay_of_clients(name: str) -> str:
    from wslab.net.relay.relay import Relay
    from wslab.net.server.lab_server import LabServer

    with (
        LabServer(max_message_bytes=2**20, close_timeout_s=0.3) as server,
        Relay(server.url, max_frames=1000) as running,
    ):
        threading.Thread(target=call, args=(running.port, manners("client")[name]), daemon=True).start()
        time.sleep(1)
    return outcomes(running.run())


SERVERS_BOUND_S = {stage: 1.5, lab_server: 2.5, relay_of_clients: 3.5}


@pytest.mark.parametrize(("reader", "name"), pairs(list(SERVERS_BOUND_S), list(manners("client"))))
def test_reader_of_a_client_is_bounded(reader: Callable[..., str], name: str) -> None:
    judge(meet(reader, name), SERVERS_BOUND_S[reader], ".")
