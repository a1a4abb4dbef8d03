"""Faults of the machine and of the library that clients are made of: each is told, and no measurement is lost."""

from __future__ import annotations

import contextlib
import json
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

import wslab
from wslab.core.records import Restart
from wslab.experiments import stay_connected
from wslab.net import recording
from wslab.net.client.connection import RecordingConnection

ROOT = Path(wslab.__file__).parent

READS_THE_SYSTEM_CLOCK = {
    "net/recording.py": "the beginning of a run, and whether the clock was set meanwhile",
    "net/heads.py": "Retry-After may be a date",
    "checks/retry_after.py": "likewise, to a client under check",
    "course/progress.py": "the day of a lesson",
    "fieldguide/survey.py": "when a survey was made",
    "panels/panel.py": "the name of a file",
    "reports/execution.py": "the beginning of a report",
}


def test_system_clock_is_read_for_dates_alone() -> None:
    """So that no duration depends on it; a module that needs it is named here, with what for."""
    reads = re.compile(r"time\.time(_ns)?\(|datetime\.(now|utcnow|today)\(|date\.today\(")
    found = {str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py") if reads.search(path.read_text())}
    assert found == set(READS_THE_SYSTEM_CLOCK)


@pytest.mark.skipif(not hasattr(time, "CLOCK_BOOTTIME"), reason="no clock to compare the system's with")
@pytest.mark.parametrize(("by_s", "words"), [(3600.0, "set forward by 3,600 s"), (-86_400.0, "set back by 86,400 s")])
def test_system_clock_that_is_set_changes_no_duration_and_is_told(
    by_s: float, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    began_s = time.monotonic()

    def set_clock(record: Any) -> None:
        monkeypatch.setattr(recording, "_wall_s", lambda: time.time() + by_s)

    run = stay_connected(wslab.Knobs(), "none", duration_s=0.3, on_record=set_clock)
    assert 0.3 <= run.info.duration_s <= time.monotonic() - began_s
    assert all(0 <= closure.opened_at_s <= closure.closed_at_s <= run.info.duration_s for closure in run.closures)
    assert [warning for warning in run.info.warnings if words in warning]
    monkeypatch.undo()
    assert stay_connected(wslab.Knobs(), "none", duration_s=0.1).info.warnings == []


ASLEEP = """
import json, sys, wslab
from wslab.experiments import herd_drill

def told(record):
    if not said: print("measures", flush=True)
    said.append(record)

said, knobs = [], wslab.Knobs(downtime_s=0.2)
if sys.argv[1] == "drill":
    run = wslab.restart_drill(knobs, clients=3, policy="constant", on_record=told)
else:
    run = herd_drill(knobs, clients=20, policy="constant", workers=2, on_record=told)
returned = {outage.client for outage in run.outages if outage.reopened_at_s is not None}
print(json.dumps([len(returned), run.info.partial, run.info.loop_lag_max_s]))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="no signal that stops a process")
def test_machine_that_sleeps_in_a_drill_or_a_herd_costs_time_and_nothing_else() -> None:
    """All processes stand still, as with a closed laptop; both at once, so that it takes half as long."""
    running = [
        psutil.Popen([sys.executable, "-c", ASLEEP, name], stdout=subprocess.PIPE, text=True)
        for name in ("drill", "herd")
    ]
    for one in running:
        assert one.stdout.readline() == "measures\n"
    asleep = [process for one in running for process in [one, *one.children(recursive=True)]]
    for process in asleep:
        with contextlib.suppress(psutil.NoSuchProcess):  # a server that ended just then: it restarts
            process.suspend()
    time.sleep(2)  # which the loop's lag must show
    for process in asleep:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.resume()
    (drill, herd) = (json.loads(one.communicate(timeout=60)[0]) for one in running)
    assert drill[:2] == [3, False]
    assert herd[:2] == [20, False]
    assert min(drill[2], herd[2]) > 1


@pytest.mark.parametrize("method", ["send", "recv"])
def test_library_that_raises_is_a_row(method: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("a fault of the library")

    with wslab.LabServer() as server:
        monkeypatch.setattr(RecordingConnection, method, fail)
        run = wslab.send_message(server, "x", timeout_s=5)
        (send,) = run.sends
        assert send.outcome == "closed"
        assert send.error is not None
        assert "a fault of the library" in send.error
        assert len(run.closures) == 1
        monkeypatch.undo()
        assert wslab.send_message(server, "x").sends[0].outcome == "accepted"


def test_port_that_is_stolen_in_the_downtime_ends_a_drill_and_keeps_what_it_saw() -> None:
    with wslab.LabServer(downtime_s=0.3) as server, socket.socket() as thief:

        def steal(record: Any) -> None:
            is_down = isinstance(record, Restart) and record.down_at_s is not None
            if is_down and not thief.getsockname()[1]:
                assert server._starts is not None
                with server._starts._reservation._shared():  # as where the system has other rules
                    thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    thief.bind((server.host, server.port))
                    thief.listen()

        run = wslab.restart_drill(server, clients=2, policy="constant", timeout_s=3, on_record=steal)
    assert run.info.partial
    assert any("was lost to another program" in loss for loss in run.info.losses), run.info.losses
    assert {closure.close_code for closure in run.closures} >= {1012}
    assert len([attempt for attempt in run.attempts if attempt.outcome == "opened"]) >= 2
