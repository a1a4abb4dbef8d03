"""The server's cases, tried on lab servers that behave in every way, and on others that nobody here wrote."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import msgspec
import psutil
import pytest
from commandline import wslab_command
from rich.console import Console
from steady import STARVED, measured_steadily
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request

from wslab.checks import SERVER_CASES, Check, Restarter, check_server, differences
from wslab.checks.bench import ServerBench
from wslab.core.errors import BadValueError
from wslab.core.target import Target
from wslab.net.server.lab_server import LabServer
from wslab.views.checks import junit, page, render, sentence

LIMIT = 10_000


def judged(check: Check) -> dict[str, str]:
    return {result.case: result.judgement for result in check.results}


@pytest.fixture(scope="session")
def good() -> Check:
    with LabServer(max_message_bytes=LIMIT, compression=True, downtime_s=0.3) as server:
        return check_server(server.url, restart=server.restart, configured_bytes=LIMIT)


def test_good_server_passes(good: Check) -> None:
    counts = good.counts()
    assert set(counts) == {"passes", "informational"}, [result for result in good.results if result.seen.advice]
    assert [*judged(good)] == [name for name, case in SERVER_CASES.items() if not case.waits]
    assert good.stopped is None


def test_check_is_read_back_from_its_json_and_compared(good: Check) -> None:
    again = msgspec.json.decode(msgspec.json.encode(good), type=Check)
    assert again == good
    worse = msgspec.structs.replace(
        good.results[0], seen=msgspec.structs.replace(good.results[0].seen, judgement="fails")
    )
    now = msgspec.structs.replace(good, results=(worse, *good.results[1:-1]))
    assert differences(good, now) == [
        "answers_pings: passes → fails",
        "answers_what_it_took: informational → not in this check",
    ]


@pytest.mark.parametrize(
    ("knobs", "expected"),
    [
        ({"max_message_bytes": None}, {"has_a_limit": "surprises clients", "refuses_with_1009": "not applicable"}),
        ({"max_message_bytes": LIMIT, "after_refusal": "reset"}, {"drains_after_refusing": "surprises clients"}),
        (
            {"max_message_bytes": None, "max_frame_bytes": 100 * LIMIT},  # so that few frames come to the cap
            {"bounds_the_sum_of_fragments": "informational", "refuses_with_1009": "passes"},
        ),
    ],
)
def test_server_with_limits_of_another_kind(knobs: dict[str, Any], expected: dict[str, str]) -> None:
    with LabServer(**knobs) as server:
        found = judged(check_server(server.url, cases=expected))
    assert found == expected


@pytest.mark.parametrize(
    ("knobs", "kind", "expected"),
    [
        ({"restart_code": 1001}, "graceful", {"tells_idle_clients": "passes", "tells_busy_clients": "passes"}),
        ({"restart_code": 1000}, "graceful", {"tells_idle_clients": "surprises clients"}),
        ({}, "crash", {"tells_idle_clients": "fails", "comes_back": "passes"}),
        ({"while_down": "hang", "downtime_s": 2.0}, "graceful", {"refuses_quickly_while_down": "surprises clients"}),
        (
            {"while_down": "unavailable", "retry_after_s": 1, "downtime_s": 0.5},
            "graceful",
            {"refuses_quickly_while_down": "passes"},
        ),
        ({"comes_back": False}, "graceful", {"comes_back": "fails"}),
    ],
)
def test_restarts_are_told_apart(knobs: dict[str, Any], kind: Any, expected: dict[str, str]) -> None:
    with LabServer(**({"downtime_s": 0.2} | knobs)) as server:
        how = Restarter(do=lambda: server.restart(kind), return_within_s=4)
        found = judged(check_server(server.url, restart=how, cases=expected))
    assert found == expected


@pytest.mark.parametrize(
    ("knobs", "expected"),
    [
        ({"idle_timeout_s": 0.6}, {"tells_idle_clients_why": "passes", "tells_old_clients_why": "not applicable"}),
        ({"max_age_s": 0.9}, {"tells_idle_clients_why": "not applicable", "tells_old_clients_why": "passes"}),
        ({}, {"tells_idle_clients_why": "not applicable", "tells_old_clients_why": "not applicable"}),
    ],
)
def test_clocks_are_told_apart(knobs: dict[str, Any], expected: dict[str, str]) -> None:
    def found() -> dict[str, str]:
        with LabServer(**knobs) as server:
            return judged(check_server(server.url, clock_s=1.5, cases=expected))

    # Two ends of one clock agree within 2 % of it.
    seen, steady = measured_steadily(found, late_s=0.01, good=lambda seen: seen == expected)
    if not steady and seen != expected:
        pytest.skip(STARVED)
    assert seen == expected


def test_closures_that_came_before_the_restart_make_it_uncertain() -> None:
    with LabServer(max_age_s=0.4, downtime_s=0.1) as server:
        check = check_server(server.url, restart=server.restart, cases=["tells_idle_clients"])
    [result] = check.results
    assert result.judgement == "not run"
    assert "before anybody restarted anything" in result.seen.seen


def test_restart_command_that_fails_is_told_and_the_rest_is_kept() -> None:
    restart = Restarter(command="echo no such unit >&2; exit 4", return_within_s=1)
    with LabServer(max_message_bytes=LIMIT) as server:
        check = check_server(server.url, restart=restart, cases=["refuses_with_1009", "tells_idle_clients"])
    assert judged(check) == {"refuses_with_1009": "passes", "tells_idle_clients": "not run"}
    assert "exit code 4: no such unit" in check.results[-1].seen.seen


def test_server_that_is_a_process_is_signalled(tmp_path: Path) -> None:
    program = (
        "import asyncio, signal\n"
        "from websockets.asyncio.server import serve\n"
        "async def main():\n"
        "    stop = asyncio.Event()\n"
        "    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)\n"
        "    server = await serve(lambda c: c.wait_closed(), '127.0.0.1', 0)\n"
        "    print(server.sockets[0].getsockname()[1], flush=True)\n"
        "    await stop.wait()\n"
        "    server.close(code=1012)\n"
        "    await server.wait_closed()\n"
        "asyncio.run(main())\n"
    )
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = f"ws://127.0.0.1:{int(process.stdout.readline())}/"
        how = Restarter(pid=process.pid, return_within_s=2)
        found = judged(check_server(url, restart=how, cases=["tells_idle_clients", "comes_back"]))
        process.wait(timeout=10)
    assert found == {"tells_idle_clients": "passes", "comes_back": "fails"}  # nobody starts it anew


def test_server_that_answers_neither_ping_nor_close() -> None:
    async def deaf(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from websockets.server import ServerProtocol

        protocol = ServerProtocol()
        protocol.receive_data(await reader.read(65_536))
        (request,) = protocol.events_received()
        assert isinstance(request, Request)
        protocol.send_response(protocol.accept(request))
        writer.writelines(protocol.data_to_send())
        await reader.read()  # whatever comes, it says nothing
        writer.close()

    async def check() -> Check:
        async with await asyncio.start_server(deaf, "127.0.0.1", 0) as server:
            url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
            names = ["answers_pings", "answers_the_closing_handshake"]
            return await asyncio.to_thread(check_server, url, cases=names)

    assert judged(asyncio.run(check())) == {"answers_pings": "fails", "answers_the_closing_handshake": "fails"}


def test_server_that_wants_json_is_refused_by_size_alone() -> None:
    """What the limit search found out about messages holds for all that comes after it."""
    seen: list[str] = []

    async def answer(connection: ServerConnection) -> None:
        async for message in connection:
            seen.append(str(message))
            if not str(message).startswith("{"):
                await connection.close(1007, "no JSON")
            await connection.send('{"ok": true}')

    async def check() -> None:
        async with serve(answer, "127.0.0.1", 0, max_size=5000) as server:
            port = server.sockets[0].getsockname()[1]
            bench = ServerBench(Target(f"ws://127.0.0.1:{port}/"))
            verdict = await asyncio.to_thread(lambda: bench.verdict)
            assert (verdict.max_single_frame_bytes, verdict.takes) == (5000, "json")
            seen.clear()
            endured = await asyncio.to_thread(bench.endure, 4000, 3)
            assert (endured.refused, len(seen)) == (0, 3)
            assert all(message.startswith("{") for message in seen)

    asyncio.run(check())


def test_nobody_there_leaves_an_empty_check() -> None:
    check = check_server("ws://127.0.0.1:9/")
    assert check.results == ()
    assert "no connection opens" in (check.stopped or "")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"target": "http://127.0.0.1/"}, "ws://"),
        ({"target": "ws://192.0.2.1/"}, "i-may-probe|allow_hosts"),
        ({"cases": ["refuses_with_1010"]}, "did you mean 'refuses_with_1009'"),
        ({"budget_s": 1}, "budget_s is 1"),
        ({"configured_bytes": 0}, "configured_bytes is 0"),
    ],
)
def test_bad_argument_raises_at_the_call(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(BadValueError, match=words):
        check_server(**({"target": "ws://127.0.0.1:9/"} | arguments))


@pytest.mark.parametrize(
    "given", [{}, {"command": "true", "pid": 1}, {"pid": 2**22 + 1}, {"pid": 1, "signal_name": "X"}]
)
def test_bad_way_to_restart_raises_at_the_call(given: dict[str, Any]) -> None:
    with pytest.raises(BadValueError):
        Restarter(**given)


def test_hostile_reason_is_escaped_wherever_a_check_is_shown(good: Check) -> None:
    hostile = "<script>alert(1)</script>\x1b[31m]]>&"
    seen = msgspec.structs.replace(good.results[0].seen, seen=hostile, advice=hostile, judgement="fails")
    check = msgspec.structs.replace(
        good, subject=hostile, results=(msgspec.structs.replace(good.results[0], seen=seen),)
    )
    assert "<script>" not in page(check)
    [case] = ElementTree.fromstring(junit(check)).iter("testcase")
    [failure] = case.iter("failure")
    assert "<script>alert(1)</script>" in str(failure.get("message"))
    shown = io.StringIO()
    Console(width=200, file=shown).print(render(check))
    assert "\x1b" not in shown.getvalue()
    assert "fails 1" in sentence(check)


def test_command_writes_every_form_and_its_exit_code_says_what_came_of_it(tmp_path: Path) -> None:
    with LabServer(max_message_bytes=LIMIT) as server:
        files = ["--junit", str(tmp_path / "check.xml"), "--html", str(tmp_path / "check.html")]
        done = wslab_command(
            "check", "server", server.url, "--case", "refuses_with_1009", "--case", "answers_pings", "--json", *files
        )
        assert done.returncode == 0, done.stderr
        document = json.loads(done.stdout)
        assert [result["seen"]["judgement"] for result in document["results"]] == ["passes", "passes"]
        assert "refuses_with_1009" in (tmp_path / "check.html").read_text()
        (tmp_path / "earlier.json").write_text(done.stdout)
        done = wslab_command(
            "check", "server", server.url, "--case", "answers_pings", "--compare", str(tmp_path / "earlier.json")
        )
        assert "refuses_with_1009: passes → not in this check" in " ".join(done.stdout.split())
    assert wslab_command("check", "server", "ws://127.0.0.1:9/").returncode == 2
    assert wslab_command("check", "server", "ws://127.0.0.1:9/", "--compare", str(tmp_path)).returncode == 2


def test_budget_ends_a_case_that_is_under_way_and_what_it_started() -> None:
    """Five seconds, since no budget is smaller."""
    before = set(psutil.Process().children(recursive=True))
    with LabServer() as server:
        check = check_server(server.url, restart="exec sleep 60", cases=["answers_pings", "comes_back"], budget_s=5)
        assert [result.case for result in check.results] == ["answers_pings"]
        assert check.stopped == "the budget of 5 s was used up; give more, or name cases"
        left = {child for child in psutil.Process().children(recursive=True) if child.pid != server.pid} - before
    assert not [child for child in left if "sleep" in child.name()]
