"""Starts a learner's server and client, checks each, and watches both through a relay.

The programs are given as source text, so that a mended one needs no file, and a replay knows which program a recording
belongs to. Each runs in a process of its own, which ends with the call.
"""

from __future__ import annotations

import contextlib
import os
import select
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from wslab.checks.client import check_client
from wslab.checks.server import check_server
from wslab.core.arguments import check_number
from wslab.core.checks import Check
from wslab.core.errors import LabServerError
from wslab.core.printable import printable
from wslab.core.recordings import Asked, read_check
from wslab.core.runs import Run, load
from wslab.net import replay
from wslab.net.relay.relay import Relay

SERVER = Path(__file__).with_name("server.py").read_text(encoding="utf-8")
"""The source of the server. Started with a port, it prints its URL; it ends when its standard input does."""

CLIENT = Path(__file__).with_name("client.py").read_text(encoding="utf-8")
"""The source of the client. Started with a URL, it stays connected to it."""

SERVER_CASES = ("refuses_with_1009", "reason_names_the_limit")
CLIENT_CASES = (
    "comes_back_after_1012",
    "waits_before_coming_back",
    "backs_off_while_down",
    "backs_off_when_closed_at_once",
    "sends_no_poison_again",
)
"""The cases that this pair is about."""

STARTS_WITHIN_S = 20.0

R = TypeVar("R", Run, Check)


@contextlib.contextmanager
def listening(server: str) -> Iterator[str]:
    """Run a server from this source within the block, and yield its URL.

    Raises:
        LabServerError: it printed no URL within `STARTS_WITHIN_S`; the message quotes its last line.
    """
    with _kept(server) as program, (program.parent / "log").open("w+b") as log:
        process = _started([str(program), "0"], log.fileno())
        assert process.stdout is not None
        try:
            ready, _, _ = select.select([process.stdout], [], [], STARTS_WITHIN_S)
            said = process.stdout.readline(1024).decode(errors="replace").strip() if ready else ""
            if not said.startswith("ws://"):
                log.seek(0)
                words = log.read(65_536).decode(errors="replace").strip().splitlines()
                raise LabServerError(_without_url(said, words[-1] if words else "", ended=bool(ready)))
            yield said
        finally:
            _end(process)


def _without_url(said: str, last: str, *, ended: bool) -> str:
    """Say what the server did instead of printing its URL."""
    if said:
        did = f"printed {printable(said)!r} in place of its URL"
    else:
        did = "printed no URL and ended" if ended else f"printed no URL within {STARTS_WITHIN_S:g} s"
    return f"the server {did}" + (f"; its last words: {printable(last)!r}" if last else "")


def try_server(server: str) -> Check:
    """Check how a server from this source refuses. Raises LabServerError as `listening` does."""

    def tried() -> Check:
        with listening(server) as url:
            return check_server(url, cases=SERVER_CASES)

    return _kept_or_made("try_server", {"server": server}, read_check, tried)


def try_client(client: str) -> Check:
    """Check when a client from this source comes back, and with what."""

    def tried() -> Check:
        with _kept(client) as program:
            check = check_client(f"{shlex.join([sys.executable, str(program)])} {{url}}", cases=CLIENT_CASES)
            return msgspec.structs.replace(check, subject="the client")  # its command names local folders

    return _kept_or_made("try_client", {"client": client}, read_check, tried)


def watch_pair(server: str, client: str, *, duration_s: float = 2.0) -> Run:
    """Let both talk for 0.1 to 60 seconds after the first connection, and return what a relay between them saw.

    Raises:
        ValueError: the duration is out of bounds. LabServerError: as `listening`.
    """
    check_number("duration_s", duration_s, low=0.1, high=60, unit="seconds")

    def watched() -> Run:
        with listening(server) as url, Relay(url) as relay, _kept(client) as program:
            process = _started([str(program), relay.url], subprocess.DEVNULL)
            try:
                deadline_s = time.monotonic() + STARTS_WITHIN_S
                while not relay.run().attempts and time.monotonic() < deadline_s:
                    time.sleep(0.01)
                time.sleep(duration_s)
                return relay.run()
            finally:
                _end(process)

    asked = {"server": server, "client": client, "duration_s": duration_s}
    return _kept_or_made("watch_pair", asked, load, watched)


def _kept_or_made(call: str, asked: dict[str, object], read: Callable[[Path], R], make: Callable[[], R]) -> R:
    """Return what was recorded of these programs in a replay; otherwise make it, and keep it if recordings are made."""
    known = Asked(experiment=call, parameters=asked)
    if replay.replaying():
        return replay.recall(known, read)
    made = make()
    replay.keep(known, made)
    return made


@contextlib.contextmanager
def _kept(source: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="wslab-practice-") as folder:
        program = Path(folder) / "program.py"
        program.write_text(source, encoding="utf-8")
        yield program


def _started(words: Sequence[str], stderr: int) -> subprocess.Popen[bytes]:
    """Start a Python program in a session of its own, so that a notebook's interrupt reaches only the call."""
    return subprocess.Popen(
        [sys.executable, *words],
        stdin=subprocess.PIPE,  # which ends when this process does
        stdout=subprocess.PIPE,
        stderr=stderr,
        start_new_session=True,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
