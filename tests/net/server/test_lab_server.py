"""The lab server does what its knobs say, restarts for real, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import psutil
import pytest

import wslab
from wslab.core.errors import LabServerError
from wslab.core.knobs import Knobs, WhileDown
from wslab.core.records import Attempt, Closure, RestartKind, Send
from wslab.core.runs import Run
from wslab.core.target import Target
from wslab.net import runtime
from wslab.net.client.client import Client
from wslab.net.recording import Recorder
from wslab.net.server.fleet import LabFleet
from wslab.net.server.lab_server import LabServer

DOWN_S = 0.05


@pytest.fixture
def server() -> Iterator[LabServer]:
    with LabServer(max_message_bytes=1000, downtime_s=DOWN_S) as running:
        yield running


def first_send(run: Run) -> Send:
    return run.sends[0]


def seen_at_restart(server: LabServer, kind: RestartKind = "graceful") -> Closure:
    """Connect a client, restart the server, and return the closure that the client saw."""

    async def watch() -> Closure:
        client = Client(server.url, Recorder())
        await client.open()
        await server.restart_async(kind)
        return await client.closed()

    return runtime.run(watch())


# Knobs


def test_limit_is_inclusive_and_names_itself(server: LabServer) -> None:
    assert first_send(wslab.send_message(server, "x" * 1000)).outcome == "accepted"
    refused = first_send(wslab.send_message(server, "x" * 1001))
    assert (refused.outcome, refused.close_code) == ("closed", 1009)
    assert "1000" in (refused.close_reason or "")


@pytest.mark.parametrize("fragment_bytes", [None, 100])
def test_message_limit_counts_fragments_together(server: LabServer, fragment_bytes: int | None) -> None:
    run = wslab.send_message(server, "x" * 1001, fragment_bytes=fragment_bytes)
    assert first_send(run).close_code == 1009


def test_frame_limit_lets_fragments_pass() -> None:
    with LabServer(max_frame_bytes=100) as server:
        whole = first_send(wslab.send_message(server, "x" * 1000))
        cut = first_send(wslab.send_message(server, "x" * 1000, fragment_bytes=100))
    assert (whole.close_code, whole.fragment_count) == (1009, 1)
    assert (cut.outcome, cut.fragment_count) == ("accepted", 10)


@pytest.mark.parametrize(("reply", "reply_bytes"), [("echo", 5), (0, 0), (77, 77)])
def test_reply_is_of_the_chosen_size(reply: Literal["echo"] | int, reply_bytes: int) -> None:
    run = wslab.send_message(Knobs(reply=reply), "hello")
    assert first_send(run).reply_bytes == reply_bytes


def test_sink_does_not_reply_but_reads() -> None:
    with LabServer(reply="sink") as server:
        assert first_send(wslab.send_message(server, "hello", confirm="ping")).outcome == "accepted"
        assert first_send(wslab.send_message(server, "hello", timeout_s=0.05)).outcome == "timeout"


def test_large_reply_meets_the_clients_own_limit() -> None:
    run = wslab.send_message(Knobs(reply=2000), "hello", max_message_bytes=1999)
    (closure,), (account,) = run.closures, run.accounts
    assert closure.closed_by == "client"
    assert closure.sent is not None
    assert closure.sent.code == 1009
    assert account.received is not None
    assert (account.received.code, account.closed_by) == (1009, "client")


def test_compression_is_offered_where_the_knob_says_so() -> None:
    def wire_bytes(offered: bool) -> int:
        sent = first_send(wslab.send_message(Knobs(compression=offered), "x" * 10_000, compression=True))
        assert sent.wire_bytes is not None
        return sent.wire_bytes

    assert wire_bytes(offered=True) < 1000
    assert wire_bytes(offered=False) > 10_000


@pytest.mark.parametrize(("after_refusal", "tcp_end"), [("drain", "fin"), ("reset", "reset"), ("hold", "aborted")])
def test_after_refusal_decides_how_tcp_ends(after_refusal: str, tcp_end: str) -> None:
    async def overshoot(url: str) -> Closure:
        client = Client(Target(url, close_timeout_s=0.3), Recorder())
        await client.open()
        await client.send_message(b"x" * 8_000_000)
        return await client.closed()

    with LabServer(after_refusal=after_refusal) as server:
        closure = runtime.run(overshoot(server.url))
    assert (closure.close_code, closure.tcp_end) == (1009, tcp_end)


def test_admissions_wait_their_turn() -> None:
    async def connect_all(url: str) -> list[Attempt]:
        import asyncio

        clients = [Client(url, recorder, client=number) for number in range(4)]
        attempts = await asyncio.gather(*(client.open() for client in clients))
        for client in clients:
            await client.close()
        return attempts

    recorder = Recorder()
    with LabServer(max_admissions_per_s=20) as server:
        attempts = runtime.run(connect_all(server.url))
    opened = sorted(attempt.ended_at_s for attempt in attempts)
    assert all(attempt.outcome == "opened" for attempt in attempts)
    assert opened[-1] - opened[0] >= 3 / 20 * 0.9  # a law of the knob, whatever the machine


def test_page_of_another_origin_is_not_let_in(server: LabServer) -> None:
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect
    from websockets.typing import Origin

    with pytest.raises(InvalidStatus, match="403"), connect(server.url, origin=Origin("https://example.com")):
        pass
    with connect(server.url, origin=Origin("http://localhost:8888")):
        pass


def test_page_of_a_named_origin_is_let_in_after_a_restart_too() -> None:
    from websockets.exceptions import InvalidStatus
    from websockets.sync.client import connect
    from websockets.typing import Origin

    with LabServer(origins=["https://example.com"], downtime_s=DOWN_S) as server:
        server.restart()
        with connect(server.url, origin=Origin("https://example.com")):
            pass
        with pytest.raises(InvalidStatus, match="403"), connect(server.url, origin=Origin("https://sub.example.com")):
            pass


# Restarts


@pytest.mark.parametrize(("kind", "close_code"), [("graceful", 1012), ("crash", 1006), ("reload", 1012)])
def test_restart_shows_its_code_and_keeps_the_port(server: LabServer, kind: RestartKind, close_code: int) -> None:
    port, pid = server.port, server.pid
    closure = seen_at_restart(server, kind)
    assert closure.close_code == close_code
    assert (closure.received is None) == (close_code == 1006)
    assert server.port == port
    assert server.pid != pid
    assert first_send(wslab.send_message(server, "back")).outcome == "accepted"


@pytest.mark.parametrize("code", [1000, 1001, 1005, 1006, 1011, 1013, 4321])
def test_restart_code_is_what_clients_see(code: int) -> None:
    with LabServer(restart_code=code, downtime_s=0) as server:
        closure = seen_at_restart(server)
    assert closure.close_code == code
    assert closure.closed_by == ("network" if code == 1006 else "server")


def test_reload_brings_the_new_limit_and_says_so(server: LabServer) -> None:
    restart = server.restart("reload", max_message_bytes=2000)
    assert restart.knobs_after == server.knobs
    assert first_send(wslab.send_message(server, "x" * 2000)).outcome == "accepted"


def test_tune_changes_new_connections_and_open_ones_where_asked(server: LabServer) -> None:
    async def send_twice(open_ones_too: bool) -> str:
        client = Client(server.url, Recorder())
        await client.open()
        await server.tune_async(max_message_bytes=10, open_ones_too=open_ones_too)
        outcome = (await client.send_message("x" * 11)).outcome
        await client.close()
        await server.tune_async(max_message_bytes=1000)
        return outcome

    assert runtime.run(send_twice(open_ones_too=False)) == "accepted"
    assert runtime.run(send_twice(open_ones_too=True)) == "closed"


@pytest.mark.parametrize(
    ("while_down", "outcome", "http_status"),
    [("refuse", "refused", None), ("unavailable", "rejected", 503), ("hang", "timeout", None)],
)
def test_while_down_decides_what_a_handshake_meets(
    while_down: WhileDown, outcome: str, http_status: int | None
) -> None:
    knobs = Knobs(while_down=while_down, retry_after_s=7 if while_down == "unavailable" else None, downtime_s=0.5)
    attempt = attempt_while_down(knobs)
    assert (attempt.outcome, attempt.http_status) == (outcome, http_status)
    assert attempt.retry_after_s == knobs.retry_after_s


@pytest.mark.parametrize(("while_down", "close_code"), [("try_again_later", 1013), ("flap", 4321)])
def test_while_down_can_open_and_close_again(while_down: str, close_code: int) -> None:
    async def closed_at_once(server: LabServer) -> Closure:
        import asyncio

        restarting = asyncio.create_task(server.restart_async())
        client = Client(server.url, Recorder())
        while not server.restarts or server.restarts[-1].down_at_s is None:
            await asyncio.sleep(0.005)
        while (await client.open()).outcome != "opened":
            await asyncio.sleep(0.005)
        closure = await client.closed()
        await restarting
        return closure

    with LabServer(while_down=while_down, restart_code=4321, downtime_s=0.5) as server:
        assert runtime.run(closed_at_once(server)).close_code == close_code


def test_restart_that_is_never_over_leaves_the_port_to_a_later_one() -> None:
    with LabServer(comes_back=False) as server:
        url = server.url
        assert server.restart().up_at_s is None
        assert runtime.run(Client(url, Recorder()).open()).outcome == "refused"
        assert server.restart("reload", comes_back=True, downtime_s=0).up_at_s is not None
        assert server.url == url
        assert first_send(wslab.send_message(server, "back")).outcome == "accepted"


def test_restart_that_is_never_over_can_keep_telling_so() -> None:
    with LabServer(comes_back=False, while_down="unavailable") as server:
        assert server.restart().up_at_s is None
        assert runtime.run(Client(server.url, Recorder()).open()).http_status == 503


def attempt_while_down(knobs: Knobs) -> Attempt:
    async def attempt(server: LabServer) -> Attempt:
        import asyncio

        restarting = asyncio.create_task(server.restart_async())
        while not server.restarts or server.restarts[-1].down_at_s is None:
            await asyncio.sleep(0.005)
        await asyncio.sleep(0.1)  # the stand-in takes a moment to listen
        found = await Client(Target(server.url, open_timeout_s=0.2), Recorder()).open()
        await restarting
        return found

    with LabServer(knobs) as server:
        return runtime.run(attempt(server))


def test_drain_spreads_the_closures() -> None:
    run = wslab.restart_drill(Knobs(drain_s=0.4, drain_batch=2, downtime_s=0.1), clients=6)
    closed = sorted(closure.close_started_at_s for closure in run.closures if closure.close_code == 1012)
    assert len(closed) == 6
    assert closed[-1] - closed[0] >= 0.2  # three batches over 0.4 s: the last begins 0.27 s after the first


def test_server_killed_from_outside_restarts(server: LabServer) -> None:
    os.kill(server.pid, signal.SIGKILL)
    server.restart()
    assert first_send(wslab.send_message(server, "back")).outcome == "accepted"


def test_account_joins_the_clients_closure(server: LabServer) -> None:
    run = wslab.send_message(server, "x" * 1001)
    (closure,), (account,) = run.closures, run.accounts
    assert closure.connection_id == account.connection_id
    assert account.sent == closure.received
    assert account.opened_at_s < (account.closed_at_s or 0)


def listens_beside(port: int, *options: int) -> bool:
    """Whether another program's listener, with these options, gets the port."""
    with socket.socket() as thief:
        for option in options:
            thief.setsockopt(socket.SOL_SOCKET, option, 1)
        try:
            thief.bind(("127.0.0.1", port))
            thief.listen()
        except OSError:
            return False
        return True


def anybody_listens_beside(port: int) -> bool:
    options = [[], [socket.SO_REUSEADDR], [socket.SO_REUSEPORT, socket.SO_REUSEADDR]]
    return any(listens_beside(port, *each) for each in options)


@pytest.mark.parametrize("chosen", [False, True])
def test_port_is_kept_from_everybody_through_every_downtime(chosen: bool) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1] if chosen else 0
    with LabServer(port=port, comes_back=False) as server:
        assert not anybody_listens_beside(server.port)
        for kind in ("graceful", "crash"):
            server.restart(kind)
            assert not anybody_listens_beside(server.port)
            server.restart("reload", comes_back=True, downtime_s=0)
            server.restart("reload", comes_back=False)
            assert not anybody_listens_beside(server.port)


def test_server_comes_back_to_its_port_although_another_program_never_stops_trying() -> None:
    with LabServer(downtime_s=0.05) as server:
        thief = subprocess.Popen([sys.executable, "-c", THIEF, str(server.port)], stdout=subprocess.PIPE)
        try:
            assert thief.stdout is not None
            assert thief.stdout.readline()
            for _ in range(3):
                server.restart()
                assert first_send(wslab.send_message(server, "back")).outcome == "accepted"
        finally:
            thief.kill()
            thief.communicate()


THIEF = """
import socket, sys
print("trying", flush=True)
while True:
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            thief.bind(("127.0.0.1", int(sys.argv[1])))
            thief.listen()
        except OSError:
            pass
"""


def test_port_that_was_lost_after_all_is_told() -> None:
    with LabServer(downtime_s=0, comes_back=False) as server, socket.socket() as thief:
        server.restart()
        assert server._starts is not None
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with server._starts._reservation._shared():  # as where the system has other rules
            thief.bind(("127.0.0.1", server.port))
            thief.listen()
        with pytest.raises(LabServerError, match=f"port {server.port} was lost to another program"):
            server.restart("reload", comes_back=True)


def test_port_of_connections_that_wait_in_time_wait_can_be_taken_again() -> None:
    async def close_first(server: LabServer) -> None:
        client = Client(server.url, Recorder())
        await client.open()
        await server.stop_async()  # the server ends TCP first, so its port is the one that waits
        await client.closed()

    with LabServer() as server:
        port = server.port
        runtime.run(close_first(server))
    with LabServer(port=port) as again:
        assert again.port == port
        again.restart("reload", comes_back=False)
        assert not listens_beside(port, socket.SO_REUSEADDR)


# Bad input


def test_port_in_use_is_named() -> None:
    with LabServer() as taken, pytest.raises(LabServerError, match=f"port {taken.port} "):
        LabServer(port=taken.port).start()


def test_host_of_another_machine_is_named() -> None:
    with pytest.raises(LabServerError, match="the host must be an address of this machine"):
        LabServer(host="192.0.2.1", expose=True).start()  # TEST-NET-1 (RFC 5737)


@pytest.mark.parametrize("knobs", [1024, {}, {"max_message_bytes": 1024}])
def test_knobs_of_another_kind_say_how_to_write_them(knobs: object) -> None:
    for lab in (LabServer, LabFleet):
        with pytest.raises(
            TypeError, match="must be Knobs; write single knobs by name, such as max_message_bytes=1024"
        ):
            lab(knobs)  # type: ignore[arg-type]


def test_address_that_others_reach_needs_consent() -> None:
    with pytest.raises(ValueError, match="expose=True"):
        LabServer(host="0.0.0.0")


def test_unknown_knob_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="max_message_bytes"):
        LabServer(max_mesage_bytes=1)


def test_changes_need_a_reload(server: LabServer) -> None:
    with pytest.raises(ValueError, match="kind='reload'"):
        server.restart("crash", max_message_bytes=1)


def test_unknown_kind_names_the_nearest(server: LabServer) -> None:
    with pytest.raises(ValueError, match="'graceful'"):
        server.restart("gracefull")  # type: ignore[arg-type]


def test_stopped_server_says_so() -> None:
    with LabServer() as server:
        pass
    for use in (server.restart, lambda: server.url, server.start, lambda: server.tune(reply="sink")):
        with pytest.raises(LabServerError, match="was stopped"):
            use()
    server.stop()  # stopping twice is no error


def test_unstarted_server_says_so() -> None:
    with pytest.raises(LabServerError, match="not started"):
        _ = LabServer().url


# Nothing is left


def test_eight_servers_leave_nothing() -> None:
    with LabServer() as server:  # the background loop and its thread stay, so they are there before counting
        server.restart("crash")
    process = psutil.Process()
    before = (process.num_fds(), threading.active_count(), len(process.children(recursive=True)))
    ports = []
    for number in range(8):
        with LabServer(downtime_s=0) as server:
            ports.append(server.port)
            server.restart("crash" if number % 2 else "graceful")
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        after = (process.num_fds(), threading.active_count(), len(process.children(recursive=True)))
        if after <= before:
            break
        time.sleep(0.05)
    assert after <= before
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_child_leaves_when_its_parent_is_killed() -> None:
    script = textwrap.dedent(
        """
        import time
        from wslab import LabServer
        print(LabServer().start().pid, flush=True)
        time.sleep(60)
        """
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = psutil.Process(int(parent.stdout.readline()))
        parent.kill()
    child.wait(timeout=2)  # raises if it outlives its parent


@pytest.mark.parametrize("without_pidfd", [False, True])
def test_child_leaves_although_a_fork_of_its_killed_parent_lives_on(without_pidfd: bool) -> None:
    script = textwrap.dedent(
        f"""
        import os, time
        from wslab import LabServer
        if {without_pidfd}:
            os.environ["PYTHONPATH"] = os.environ["WITHOUT_PIDFD"]
        server = LabServer().start()
        if os.fork() == 0:
            time.sleep(60)
        print(server.pid, server.port, flush=True)
        time.sleep(60)
        """
    )
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(
            [sys.executable, "-W", "ignore", "-c", script],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"WITHOUT_PIDFD": folder},
        ) as parent,
    ):
        (Path(folder) / "sitecustomize.py").write_text("import os\nvars(os).pop('pidfd_open', None)")
        assert parent.stdout is not None
        pid, port = map(int, parent.stdout.readline().split())
        child = psutil.Process(pid)
        (fork,) = (other for other in psutil.Process(parent.pid).children() if other.pid != pid)
        try:
            parent.kill()
            child.wait(timeout=10)  # raises if it outlives its parent
            with socket.create_server(("127.0.0.1", port)):  # nor does the fork hold the port
                assert fork.is_running()
        finally:
            fork.kill()


def test_child_leaves_at_half_a_command_of_a_dying_parent() -> None:
    command = [sys.executable, "-m", "wslab.net.server.serving", str(os.getpid())]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        _, said = child.communicate(b'{"message":"listen","ho', timeout=20)  # raises if it stays
    assert b"DecodeError" in said


def test_async_context_manager_serves_another_loop() -> None:
    import asyncio

    async def use() -> str:
        async with LabServer() as server:
            return server.url

    assert asyncio.run(use()).startswith("ws://127.0.0.1:")
