"""herd_drill: what restart_drill does, with more clients, the same records and an error bar."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from typing import Any

import psutil
import pytest
from websockets.asyncio.server import ServerConnection, serve

import wslab
from wslab.core.herds.summaries import herd_summary
from wslab.core.knobs import Knobs
from wslab.core.records import Attempt, Closure, Outage, RestartKind
from wslab.core.runs import Run, load
from wslab.experiments import Cancel, Progress, herd_drill, restart_drill
from wslab.net.server.lab_server import LabServer

QUICK = Knobs(downtime_s=0.1)
CLIENTS = 150


@pytest.fixture(scope="module")
def steps() -> list[Progress]:
    """What the drill `graceful` tells while it runs."""
    return []


@pytest.fixture(scope="module")
def graceful(steps: list[Progress]) -> Run:
    return herd_drill(QUICK, clients=CLIENTS, seed=1, progress=steps.append)


@pytest.mark.parametrize(("kind", "close_code"), [("graceful", 1012), ("crash", 1006)])
def test_every_client_is_away_and_back(kind: RestartKind, close_code: int, graceful: Run) -> None:
    run = graceful if kind == "graceful" else herd_drill(QUICK, clients=CLIENTS, kind=kind)
    assert Counter(outage.client for outage in run.outages) == Counter(range(CLIENTS))
    assert {outage.close_code for outage in run.outages} == {close_code}
    assert all(outage.reopened_at_s is not None for outage in run.outages)
    assert run.restarts[0].kind == kind
    assert not run.info.partial


def test_run_is_made_of_the_records_of_a_small_drill() -> None:
    runs = [drill(QUICK, clients=5) for drill in (restart_drill, herd_drill)]
    small, herd = (Counter(type(record) for record in run.records if not isinstance(record, Attempt)) for run in runs)
    assert small == herd
    theirs = {account.connection_id: account for account in runs[1].accounts}
    for closure in runs[1].closures:
        assert theirs[closure.connection_id or ""].sent == closure.received


def test_outage_is_told_by_its_closure_and_attempts() -> None:
    run = herd_drill(QUICK, clients=20, repeats=2)
    assert Counter(outage.number for outage in run.outages) == {1: 20, 2: 20}
    for outage in run.outages:
        attempts = [a for a in run.attempts if (a.client, a.outage) == (outage.client, outage.number)]
        assert [attempt.number for attempt in attempts] == list(range(1, outage.attempts + 1))
        assert attempts[0].due_at_s == pytest.approx(outage.closed_at_s + attempts[0].delay_s)
        assert attempts[-1].ended_at_s == outage.reopened_at_s
        assert all(attempt.started_at_s >= attempt.due_at_s for attempt in attempts)


def test_run_survives_its_file(graceful: Run, tmp_path: Any) -> None:
    again = load(graceful.save(tmp_path / "herd.jsonl.gz"))
    assert again == graceful
    assert again.info.measured.keys() == {"client_bytes_per_connection"}


def test_summary_is_of_the_run(graceful: Run) -> None:
    summary = herd_summary(graceful)
    assert summary["clients"] == CLIENTS
    assert summary["close_codes"] == {1012: CLIENTS}
    assert summary["gave_up"] == 0
    assert summary["attempts"] == sum(outage.attempts for outage in graceful.outages)
    assert summary["connects_per_s"] > 0
    assert summary["client_bytes_per_connection"] > 0
    assert summary["lag_p99_s"] == graceful.info.loop_lag_p99_s
    times = summary["time_to_reconnect_s"]
    assert 0 < times["p50"] <= times["p90"] <= times["p99"] <= times["max"]
    assert summary["peak_attempts_per_s"] * 60 >= CLIENTS


def test_client_closed_again_by_a_flapping_server_is_waited_for() -> None:
    knobs = Knobs(while_down="flap", downtime_s=0.5)
    run = herd_drill(knobs, clients=20, policy=lambda rng: iter([0.05] * 1000))
    last = {outage.client: outage for outage in run.outages}
    assert max(outage.number for outage in run.outages) > 1
    assert all(outage.reopened_at_s is not None for outage in last.values())
    assert {outage.close_code for outage in run.outages} == {1012}


def test_restart_that_is_never_over_makes_everyone_give_up() -> None:
    run = herd_drill(Knobs(comes_back=False), clients=20, policy=lambda rng: iter([0.01, 0.01]))
    assert herd_summary(run)["gave_up"] == 20
    assert run.restarts[0].up_at_s is None
    assert {attempt.outcome for attempt in run.attempts if attempt.outage} == {"refused"}


def test_rolling_restart_of_a_fleet_is_survived() -> None:
    run = herd_drill(QUICK, clients=60, kind="rolling", policy=lambda rng: iter([0.01] * 100))
    assert len(run.restarts) == 3
    assert {outage.client for outage in run.outages} == set(range(60))
    assert "refused" not in {attempt.outcome for attempt in run.attempts}
    assert {outage.gave_up for outage in run.outages} == {None}


def test_progress_tells_of_everyone(graceful: Run, steps: list[Progress]) -> None:
    finished = [step for step in steps if step.done == step.total]
    assert list(dict.fromkeys(step.doing for step in finished)) == ["connected", "back"]


def test_cancelled_drill_returns_what_it_saw_and_leaves_no_process() -> None:
    cancel = Cancel()

    def stop_when_away(step: Progress) -> None:
        if step.doing == "back":
            cancel.cancel()

    run = herd_drill(
        Knobs(downtime_s=30), clients=CLIENTS, policy="constant", workers=2, progress=stop_when_away, cancel=cancel
    )
    assert run.info.partial
    assert len([attempt for attempt in run.attempts if not attempt.outage]) == CLIENTS
    assert {outage.gave_up for outage in run.outages} <= {"the run ended first"}
    assert len(run.closures) == CLIENTS
    assert not psutil.Process().children(recursive=True)


def test_drill_leaves_no_descriptor_and_no_thread() -> None:
    def left() -> tuple[int, int]:
        herd_drill(QUICK, clients=10, workers=2)
        return psutil.Process().num_fds(), threading.active_count()

    first = left()
    assert left() <= first


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clients": 0}, "clients is 0.*on this machine.*simulate"),
        ({"clients": 50_000_000}, "clients is 50,000,000.*on this machine.*simulate"),
        ({"policy": "full_jiter"}, "'full_jitter'"),
        ({"kind": "crush"}, "'crash'"),
        ({"repeats": 0}, "repeats is 0"),
        ({"workers": 65}, "workers is 65"),
        ({"timeout_s": 0}, "timeout_s is 0"),
        ({"changes": {"max_mesage_bytes": 1}}, "'max_message_bytes'"),
    ],
)
def test_bad_argument_teaches(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        herd_drill(QUICK, **arguments)


def test_running_server_goes_on() -> None:
    with LabServer(QUICK) as server:
        herd_drill(server, clients=10)
        assert len(server.restarts) == 1
        run = herd_drill(server, clients=10)
    assert len(run.restarts) == 1
    assert {type(record) for record in run.records} >= {Attempt, Closure, Outage}


def test_herd_of_somebodys_server_waits_until_it_is_restarted_and_names_each_client() -> None:
    """The server is somebody's: who runs it restarts it, once the clients are connected."""
    seen: set[str] = set()
    connected, restarted = threading.Event(), threading.Event()

    def note(progress: Progress) -> None:
        if progress.doing == "lost":  # all are there, and are waiting to be closed
            connected.set()

    async def hold(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.add(connection.request.headers["X-Client"])
        await connection.wait_closed()

    async def run_and_restart(port: list[int], ready: threading.Event) -> None:
        for number in range(2):
            async with serve(hold, "127.0.0.1", port[0] if port else 0, close_timeout=1) as server:
                if not port:
                    port.append(server.sockets[0].getsockname()[1])
                ready.set()
                await asyncio.to_thread((connected, restarted)[number].wait, 30)

    port: list[int] = []
    ready = threading.Event()
    serving = threading.Thread(target=lambda: asyncio.run(run_and_restart(port, ready)))
    serving.start()
    assert ready.wait(10)
    target = wslab.Target(f"ws://127.0.0.1:{port[0]}/?key=query-value-1", headers={"X-Client": "c-{client}"})
    try:
        run = herd_drill(target, clients=20, policy="constant", workers=1, timeout_s=20, progress=note)
    finally:
        connected.set()
        restarted.set()
        serving.join(10)
    assert len(run.outages) == 20
    assert all(outage.reopened_at_s is not None for outage in run.outages)
    assert {closure.close_code for closure in run.closures} <= {1001, 1000, 1005, 1006}
    assert seen == {f"c-{number}" for number in range(20)}
    assert run.info.url is not None
    assert "query-value-1" not in run.info.url


def test_herd_of_another_machine_needs_a_statement() -> None:
    with pytest.raises(wslab.WslabError, match=r"--i-may-probe 192\.0\.2\.1"):
        herd_drill("ws://192.0.2.1/", clients=2)
