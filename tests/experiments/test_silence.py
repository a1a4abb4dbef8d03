"""A peer that vanishes without a word, and a machine that has no descriptors left: both are rows, and nothing hangs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from wslab import LabServer, restart_drill
from wslab.core.findings import find
from wslab.core.records import Close, Record
from wslab.experiments import stay_connected


def test_server_that_is_stopped_is_an_outage_and_not_a_hang() -> None:
    """SIGSTOP leaves TCP open and the kernel acknowledging: only a ping that nobody answers finds out."""
    with LabServer() as server:

        def freeze(record: Record) -> None:
            if getattr(record, "outcome", "") == "opened" and getattr(record, "outage", 1) == 0:
                os.kill(server.pid, signal.SIGSTOP)
                threading.Timer(1.0, os.kill, (server.pid, signal.SIGCONT)).start()

        run = stay_connected(
            server, "constant", duration_s=4, ping_interval_s=0.2, ping_timeout_s=0.2, on_record=freeze
        )
    (outage,) = run.outages
    closure = run.closures[0]
    assert (closure.close_code, closure.closed_by) == (1006, "client")
    assert closure.sent == Close(code=1011, reason="keepalive ping timeout")
    assert outage.close_code == 1006
    assert any(finding.rule == "own_keepalive" for finding in find(run))


def test_clients_of_a_drill_ping_too() -> None:
    with LabServer() as server:
        run = restart_drill(server, clients=2, policy="constant", downtime_s=0.1, ping_interval_s=0.05)
        assert all(outage.reopened_at_s is not None for outage in run.outages)
    assert run.info.parameters["ping_interval_s"] == 0.05


SCRIPT = """
import json, resource, sys
import wslab
from wslab.net import runtime

with wslab.LabServer() as server:
    wslab.send_message(server, "warm up")  # what is imported late is there, and the loop has its descriptors
    in_use = len(__import__("os").listdir("/proc/self/fd"))
    resource.setrlimit(resource.RLIMIT_NOFILE, (in_use + 5, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    run = wslab.restart_drill(server, clients=12, policy="constant", downtime_s=0.1, timeout_s=3, repeats=1)
    resource.setrlimit(resource.RLIMIT_NOFILE, (1000, 1000))
    print(json.dumps({"errors": sorted({a.error for a in run.attempts if a.error}), "partial": run.info.partial,
                      "losses": run.info.losses, "attempts": len(run.attempts)}))
"""


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="descriptors are counted in /proc")
def test_drill_out_of_descriptors_keeps_its_run_and_says_what_to_do() -> None:
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=False, timeout=90)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    words = [*told["errors"], *told["losses"]]
    assert told["attempts"]
    assert any("raise its limit (ulimit -n)" in said for said in words), words
