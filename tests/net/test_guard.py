"""A guard ends what it guards: when it is told to, when its parent is gone, and with all that it left behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from wslab.net.guard import CANNOT_START, KILL, guarded

LEAVES_A_CHILD = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])"
STAYS = "; import time; time.sleep(60)"


def start(script: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(guarded([sys.executable, "-c", script]), start_new_session=True)


def until_children(process: psutil.Process, count: int) -> list[psutil.Process]:
    deadline = time.monotonic() + 30
    children: list[psutil.Process] = []
    while len(children := process.children(recursive=True)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return children


@pytest.mark.parametrize("number", [KILL, signal.SIGTERM])
def test_all_that_it_started_ends_with_it(number: signal.Signals) -> None:
    guard = start(LEAVES_A_CHILD + STAYS)
    children = until_children(psutil.Process(guard.pid), 2)
    guard.send_signal(number)
    assert guard.wait(20) == 128 + (signal.SIGKILL if number is KILL else signal.SIGTERM)
    gone, alive = psutil.wait_procs(children, timeout=10)
    assert (len(gone), alive) == (2, [])


def test_program_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    start_it = tmp_path / "parent.py"
    start_it.write_text(
        "import subprocess, sys, time\n"
        "from wslab.net.guard import guarded\n"
        "subprocess.Popen(guarded([sys.executable, '-c', 'import time; time.sleep(60)']), start_new_session=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, str(start_it)])
    children = until_children(psutil.Process(parent.pid), 2)
    parent.kill()
    parent.wait()
    assert psutil.wait_procs(children, timeout=20)[1] == []


def test_command_that_cannot_be_started_is_told() -> None:
    guard = subprocess.Popen(guarded(["no-such-program"]), stderr=subprocess.PIPE, text=True)
    assert "'no-such-program' cannot be started" in guard.communicate(timeout=20)[1]
    assert guard.returncode == CANNOT_START
