"""`wslab serve` in a terminal, in a pipe and in the background of a script: ready at its URL, gone at a signal."""

from __future__ import annotations

import contextlib
import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import psutil
import pytest
from commandline import wslab_command

import wslab
from wslab.core.bounds import fields
from wslab.core.knobs import Knobs

SERVE = [sys.executable, "-m", "wslab", "serve"]


@contextlib.contextmanager
def serving(*options: str, **streams: Any) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """Start it, and yield it and its URL once it is ready."""
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, **streams}
    with subprocess.Popen([*SERVE, *options], text=True, **streams) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


def outcome(url: str, payload_bytes: int = 1) -> str:
    return wslab.send_message(url, "x" * payload_bytes).sends[0].outcome


def test_without_standard_input_it_serves_until_a_signal_and_leaves_nothing() -> None:
    with serving("--max-message-bytes", "1,000", "--idle-timeout-s", "none") as (process, url):
        assert (outcome(url, 1000), outcome(url, 1001)) == ("accepted", "closed")
        children = psutil.Process(process.pid).children()
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert psutil.wait_procs(children, timeout=5)[1] == []


def test_pages_of_the_origins_that_were_named_may_connect() -> None:
    def status(url: str, origin: str) -> int | None:
        return wslab.send_message(wslab.Target(url, headers={"Origin": origin}), "x").attempts[0].http_status

    with serving("--origins", "https://hub.example.org") as (_, url):
        assert [status(url, f"https://{host}.example.org") for host in ("hub", "evil")] == [101, 403]


def test_with_closed_files_it_serves() -> None:
    closed = ["sh", "-c", 'exec "$@" <&- 2>&-', "sh", *SERVE]
    with subprocess.Popen(closed, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert outcome(process.stdout.readline().strip()) == "accepted"
        finally:
            process.terminate()
        assert process.wait(20) == 0


def test_commands_come_through_a_pipe_and_their_end_is_not_the_servers() -> None:
    with serving("--downtime-s", "0", stdin=subprocess.PIPE) as (process, url):
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write("restart\nlimit 10\ntune idle_timeout_s=5\nlimit x\ntune idle_timeout=5\nsing\n")
        process.stdin.close()
        said = [process.stdout.readline() for _ in range(6)]
        assert outcome(url, 11) == "closed"
        process.terminate()
        assert process.wait(20) == 0
    assert [line.partition(" ")[0] for line in said[:3]] == ["graceful:", "reload:", "tuned:"]
    assert "max_message_bytes is 'x', but must be 1 to 1,073,741,824 bytes" in said[3]
    assert "did you mean 'idle_timeout_s'" in said[4]
    assert "'sing'? Say restart" in said[5]


@pytest.mark.parametrize(("typed", "exit_code"), [(b"quit\n", 0), (b"\x04", 0), (b"\x03", 130)])
def test_terminal_ends_it(typed: bytes, exit_code: int) -> None:
    keyboard, terminal = pty.openpty()
    with serving(stdin=terminal, stderr=subprocess.DEVNULL, preexec_fn=lambda: own_terminal(terminal)) as (
        process,
        url,
    ):
        assert url.startswith("ws://127.0.0.1:")
        os.write(keyboard, typed)
        assert process.wait(20) == exit_code
    os.close(keyboard)
    os.close(terminal)


def own_terminal(terminal: int) -> None:
    """Make this the process that Ctrl-C in the terminal reaches."""
    import fcntl
    import termios

    os.setsid()
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def test_server_that_was_killed_is_told() -> None:
    with serving(stderr=subprocess.PIPE) as (process, _):
        (server,) = psutil.Process(process.pid).children()
        server.kill()
        assert process.wait(20) == 1
        assert process.stderr is not None
        assert "ended by another program" in process.stderr.read()


@pytest.mark.parametrize("command", ["serve", "herd"])
def test_help_names_every_knob_with_its_bounds(command: str) -> None:
    shown = wslab_command(command, "--help", COLUMNS="200", TERM="dumb").stdout
    words = " ".join(shown.replace("│", " ").split())
    for name, field in fields(Knobs).items():
        option = "--downtime" if (command, name) == ("herd", "downtime_s") else f"--{name.replace('_', '-')}"
        assert option in words
        assert field.kind is bool or str(field.values).split(";")[0][:40] in words, name


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--idle-timeout-s", "soon"], "idle_timeout_s is 'soon', but must be 0.01 to 86,400 seconds"),
        (["--max-message-bytes", "0"], "max_message_bytes is 0, but must be between 1 and 1,073,741,824 bytes; None"),
        (["--while-down", "refuze"], "did you mean 'refuse'"),
    ],
)
def test_wrong_knob_is_told_in_one_line(options: list[str], message: str) -> None:
    done = wslab_command("serve", *options)
    assert done.returncode == 2
    assert message in done.stderr
