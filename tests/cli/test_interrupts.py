"""Ctrl-C at whatever moment: a command ends with 130 and few words, and keeps what it measured."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

import wslab

COMMANDS = {
    "probe": ("probe", "{url}"),
    "check": ("check", "server", "{url}", "--clock", "20"),
    "watch": ("watch", "{url}", "--for", "60s", "--out", "{folder}/watch.jsonl"),
    "demo": ("demo",),
    "herd": ("herd", "{url}", "--clients", "50"),
    "relay": ("relay", "0", "{url}", "--out", "{folder}/relay.jsonl"),
    "serve": ("serve", "--port", "0"),
    "simulate": ("simulate", "--clients", "1000000"),
}
AFTER_S = (0.4, 1.0, 1.6)
"""On a quiet machine: before there is anything to interrupt, as the command begins, and in the middle of its work."""


@pytest.fixture(scope="module")
def server() -> Iterator[wslab.LabServer]:
    """One that has a probe wait, so that none ends of itself first."""
    with wslab.LabServer(wslab.Knobs(max_messages_per_s=2)) as server:
        yield server


@pytest.mark.parametrize("after_s", AFTER_S)
def test_interrupted_command_ends_at_once_and_leaves_nothing(
    after_s: float, server: wslab.LabServer, tmp_path: Path
) -> None:
    """All commands at the same time: they mostly wait."""
    running: dict[str, psutil.Popen] = {}
    for name, words in COMMANDS.items():
        filled = [word.format(url=server.url, folder=tmp_path) for word in words]
        running[name] = psutil.Popen(
            [sys.executable, "-m", "wslab", *filled],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
    time.sleep(after_s)
    children = [child for one in running.values() for child in one.children(recursive=True)]
    for one in running.values():
        one.send_signal(signal.SIGINT)
    ended = {name: (one, one.communicate(timeout=30)[1]) for name, one in running.items()}
    for name, (one, told) in ended.items():
        over_first = name == "simulate" and one.returncode == 0  # on a quick machine, by the last moment
        assert over_first or one.returncode in (130, -signal.SIGINT), (name, told)
        assert "Traceback" not in told or "_get_module_details" in told, (name, told)  # Python had not found wslab yet
    assert psutil.wait_procs(children, timeout=5)[1] == []
    for path in tmp_path.iterdir():
        assert wslab.load(path).info.experiment


IGNORED = """
import sys, time, weakref
from wslab.__main__ import interrupt_again

class Loading: ...

def interrupt(_):
    raise KeyboardInterrupt

sys.unraisablehook = interrupt_again
loading = Loading()
reference = weakref.ref(loading, interrupt)
del loading
try:
    time.sleep(20)
except KeyboardInterrupt:
    print("again")
"""


def test_interrupt_that_python_ignores_comes_again() -> None:
    """As where it hits the callback that ends an import."""
    done = subprocess.run([sys.executable, "-c", IGNORED], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("again\n", "")
