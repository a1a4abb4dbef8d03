"""The watch, on lab servers whose clocks are known; all in fractions of a second."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from steady import STARVED, measured_steadily

from wslab.core.errors import BadValueError, UnwritableError
from wslab.core.findings import Finding, find
from wslab.core.knobs import Knobs
from wslab.core.records import Attempt, Closure, Pause, Record
from wslab.core.runs import Run, load
from wslab.core.watch.roles import Role
from wslab.experiments import Cancel, Progress, watch
from wslab.net.server.lab_server import LabServer

FAST: dict[str, Any] = {
    "interval_s": 0.4,
    "apart_s": 0.06,
    "messages_per_min": 60_000,
    "connections_per_min": 6_000,
}


def surest(run: Run) -> tuple[str, str]:
    found = find(run)
    return (found[0].rule, found[0].sure) if found else ("none", "none")


CLOCKS = {
    "idle_timeout": Knobs(idle_timeout_s=0.7, ping_interval_s=None),
    "idle_timeout, pings do not count": Knobs(idle_timeout_s=0.7, idle_counts_pings=False, ping_interval_s=None),
    "max_age": Knobs(max_age_s=0.8, ping_interval_s=None),
    "server_keepalive": Knobs(ping_interval_s=0.4, ping_timeout_s=0.6),
    "too_fast": Knobs(max_messages_per_s=5, ping_interval_s=None),
    "too_fast, for bytes": Knobs(max_bytes_per_s=4000, ping_interval_s=None),
    "too_many": Knobs(max_connection_messages=6, ping_interval_s=None),
}


class Watched(NamedTuple):
    """The run of a watch, and whether the machine kept up meanwhile."""

    run: Run
    steady: bool


@pytest.fixture(scope="module")
def watched() -> Iterator[dict[str, Future[Watched]]]:
    """A watch of each, three at a time: they mostly wait."""

    def one(name: str) -> Watched:
        expected = (name.partition(",")[0], "shown")
        return Watched(
            *measured_steadily(
                lambda: watch(CLOCKS[name], duration_s=6, **FAST),
                late_s=0.03,
                good=lambda run: surest(run) == expected,
            )
        )

    with ThreadPoolExecutor(3) as pool:
        yield {name: pool.submit(one, name) for name in CLOCKS}


def finding_of(watched: Watched) -> Finding:
    """Return the surest finding; skip where the machine starved the watch and nothing was sure, as is right then."""
    finding = next(iter(find(watched.run)), None)
    if not watched.steady and (finding is None or finding.sure != "shown"):
        pytest.skip(STARVED)
    assert finding is not None
    return finding


@pytest.mark.parametrize("name", CLOCKS)
def test_watch_finds_why_the_lab_server_closes(name: str, watched: dict[str, Future[Watched]]) -> None:
    finding = finding_of(watched[name].result())
    assert (finding.rule, finding.sure) == (name.partition(",")[0], "shown")


def test_watch_tells_which_traffic_keeps_a_connection(watched: dict[str, Future[Watched]]) -> None:
    counts = finding_of(watched["idle_timeout, pings do not count"].result()).facts["counts"]
    assert (counts["the client's messages"], counts["the client's pings"]) == (True, False)


@pytest.mark.parametrize(("name", "fact"), [("too_fast", "messages"), ("too_fast, for bytes", "bytes")])
def test_watch_tells_a_cap_on_messages_from_one_on_bytes(
    name: str, fact: str, watched: dict[str, Future[Watched]]
) -> None:
    finding = finding_of(watched[name].result())
    assert f"a cap on the rate of {fact}." in finding.what
    assert [*finding.facts] == [f"max_{fact}_per_s"]


def test_watch_of_a_server_that_closes_nobody_finds_nothing() -> None:
    run = watch(Knobs(ping_interval_s=None), duration_s=1.5, **FAST)
    assert find(run) == ()
    assert len(run.closures) == run.info.parameters["clients"]


@pytest.mark.parametrize(("kind", "rule"), [("graceful", "announced_restart"), ("crash", "crash")])
def test_restart_during_a_watch_is_no_clock(kind: Any, rule: str) -> None:
    with LabServer(Knobs(downtime_s=0.4, ping_interval_s=None)) as server:
        restarting = threading.Timer(1.5, server.restart, [kind])
        restarting.start()
        run = watch(server, duration_s=3.5, **FAST)
        restarting.join()
    assert surest(run) == (rule, "shown")
    assert {finding.rule for finding in find(run)}.isdisjoint({"idle_timeout", "max_age"})


def test_each_closure_is_told_as_it_happens() -> None:
    told: list[tuple[Closure, Role, Finding]] = []
    run = watch(
        Knobs(max_age_s=0.6, ping_interval_s=None), duration_s=3, on_finding=lambda *what: told.append(what), **FAST
    )
    assert len(told) > 5
    assert {role.name for _, role, _ in told} >= {"silent", "talking", "pinging"}
    assert told[-1][2].rule == "max_age"
    assert all(closure in run.closures for closure, _, _ in told)


def test_server_that_is_down_for_the_whole_watch_is_told() -> None:
    with LabServer() as server:
        url = server.url
    run = watch(url, duration_s=1, clients=5, **FAST)
    assert surest(run) == ("unreachable", "shown")
    assert len(run.attempts) < 60  # it backs off


def test_bounds_are_kept() -> None:
    run = watch(
        Knobs(max_age_s=0.1, ping_interval_s=None),
        duration_s=3,
        interval_s=0.05,
        apart_s=0.01,
        messages_per_min=20,
        connections_per_min=15,
    )
    assert len(run.attempts) <= 15
    assert len(run.sends) + len([ping for ping in run.pings if ping.sent_by == "client"]) + len(run.pongs) <= 20
    assert run.info.parameters["messages_per_min"] == 20


def test_watch_says_what_it_waits_for() -> None:
    steps: list[Progress] = []
    watch(Knobs(ping_interval_s=None), duration_s=1, progress=steps.append, **FAST)
    assert any("waits for the first end" in step.doing for step in steps)


def test_watch_that_was_stopped_returns_what_it_saw(tmp_path: Path) -> None:
    cancel = Cancel()

    def on_record(record: Record) -> None:
        if isinstance(record, Closure):
            cancel.cancel()

    knobs = Knobs(max_age_s=0.3, ping_interval_s=None)
    run = watch(knobs, out=tmp_path / "w.jsonl", on_record=on_record, cancel=cancel, **FAST)
    assert run.info.partial
    assert run.closures
    assert load(tmp_path / "w.jsonl") == run


def test_watch_is_written_as_it_goes_and_read_when_it_was_killed(tmp_path: Path) -> None:
    file = tmp_path / "w.jsonl"
    program = (
        "import sys; from pathlib import Path; from wslab import Knobs; from wslab.experiments import watch\n"
        f"watch(Knobs(max_age_s=0.3, ping_interval_s=None), out=Path(sys.argv[1]), **{FAST!r})"
    )
    child = subprocess.Popen([sys.executable, "-c", program, str(file)])
    try:
        deadline = time.monotonic() + 30
        while not (file.exists() and file.read_bytes().count(b'"closure"') > 3):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    run = load(file)
    assert run.info.partial
    assert "cut off" in run.info.losses[-1]
    assert len(run.closures) > 3


def test_watch_resumes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "w.jsonl"
    file.write_text("what was here before")
    with pytest.raises(UnwritableError, match="already exists"):
        watch(Knobs(), duration_s=0.1, out=file, **FAST)
    assert file.read_text() == "what was here before"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is always full")
def test_full_disk_is_told_and_the_run_is_kept(tmp_path: Path) -> None:
    from wslab.net.watch.journal import Journal

    said: list[str] = []
    run = watch(Knobs(ping_interval_s=None), duration_s=0.3, clients=5, **FAST)
    journal = Journal(tmp_path / "w.jsonl", run.info, said.append)
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, journal._file.fileno())
    os.close(full)
    for record in run.records:
        journal.add(record)
    journal.flush()
    journal.close()
    assert "No space left" in said[0]
    assert "in memory" in said[0]


def test_process_that_was_stopped_is_told_as_the_observers_own_gap() -> None:
    program = (
        "import wslab; from wslab.core.findings import find; from wslab.experiments import watch\n"
        "knobs = wslab.Knobs(idle_timeout_s=1.0, ping_interval_s=None)\n"
        f"run = watch(knobs, duration_s=6, progress=lambda step: print(step.doing, flush=True), **{FAST!r})\n"
        "print(len(run.pauses), *{finding.rule for finding in find(run)})"
    )
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    child.stdout.readline()  # it has begun
    child.send_signal(signal.SIGSTOP)
    time.sleep(2.8)
    child.send_signal(signal.SIGCONT)
    pauses, *rules = child.communicate(timeout=30)[0].splitlines()[-1].split()
    assert pauses == "1"
    assert "observer_paused" in rules
    assert "all_at_once" not in rules


def test_foreign_host_is_watched_only_where_the_user_says_so() -> None:
    with pytest.raises(BadValueError, match="allow_hosts"):
        watch("ws://example.org/", duration_s=1)


def test_records_are_of_the_kinds_that_a_run_keeps() -> None:
    run = watch(Knobs(ping_interval_s=0.2), duration_s=1, **FAST)
    assert {ping.sent_by for ping in run.pings} == {"client", "server"}
    assert run.receipts
    assert run.of(Pause) == ()
    assert all(isinstance(each, Attempt) for each in run.attempts)
    assert json.dumps(run.info.parameters)
