"""A server or proxy as a child process: started, restarted as its operator would do it, and ended for good."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from wslab.core.errors import WslabError
from wslab.core.target import Target
from wslab.fieldguide.catalogue import GuideSubject
from wslab.fieldguide.installing import GuideFolder
from wslab.net.guard import KILL, guarded

STARTS_WITHIN_S = 30.0
STOPS_WITHIN_S = 12.0
"""How long it may take after SIGTERM before it is killed."""

FREES_ITS_PORT_WITHIN_S = 5.0


class SubjectFailedError(WslabError):
    """A subject does not start, or does not answer."""


class SubjectServer:
    """A server, or a proxy in front of one, on its own port. Used by `served`."""

    def __init__(self, subject: GuideSubject, folder: GuideFolder, work: Path, argument: int) -> None:
        self.port = free_port()
        self.trouble: list[str] = []
        arguments = [str(self.port), str(argument)]
        if subject.group == "server" and subject.variant is not None:
            arguments.append(subject.variant)
        self._subject, self._work = subject, work
        self._command = guarded([*folder.command(subject), *arguments])
        self._environment = {**os.environ, "PATH": folder.search_path, "NODE_PATH": str(folder.modules)}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def target(self) -> Target:
        needs = self._subject.needs
        return Target(
            f"ws://127.0.0.1:{self.port}{needs.path}",
            template=needs.template,
            greeting=needs.greeting,
            answers=needs.answers,
        )

    def start(self) -> None:
        """Start it, and wait until it accepts connections.

        Raises:
            SubjectFailedError: it does not within `STARTS_WITHIN_S`; the message has the last line that it printed.
        """
        with (self._work / "output.txt").open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                cwd=self._work,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + STARTS_WITHIN_S
        while time.monotonic() < deadline and self._process.poll() is None:
            if _accepts(self.port):
                return
            time.sleep(0.02)
        raise SubjectFailedError(f"it did not start within {STARTS_WITHIN_S:g} s{self._last_words()}")

    def stop(self, number: int = signal.SIGTERM) -> None:
        """Stop it as its operator would: by a signal, and by SIGKILL if that is not enough."""
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(STOPS_WITHIN_S)
        except subprocess.TimeoutExpired:
            self._note(f"it had not ended {STOPS_WITHIN_S:g} s after {signal.Signals(number).name}, and was killed")
            self._process.send_signal(KILL)
            self._process.wait()
        self._process = None

    def restart(self) -> None:
        """Stop it and start it again on the same port."""
        self.stop()
        deadline = time.monotonic() + FREES_ITS_PORT_WITHIN_S
        while _accepts(self.port):
            if time.monotonic() > deadline:
                raise SubjectFailedError(
                    f"something still answers on its port {FREES_ITS_PORT_WITHIN_S:g} s after it ended"
                )
            time.sleep(0.02)
        self.start()

    def _note(self, trouble: str) -> None:
        if trouble not in self.trouble:
            self.trouble.append(trouble)

    def _last_words(self) -> str:
        said = (self._work / "output.txt").read_text(errors="replace").strip().splitlines()
        return f"; its last line of output is “{said[-1][:200]}”" if said else ""


@contextlib.contextmanager
def served(
    subject: GuideSubject, folder: GuideFolder, *, limit_bytes: int = 0, behind: GuideSubject | None = None
) -> Iterator[tuple[SubjectServer, SubjectServer]]:
    """Run a server, or a proxy with the server behind it, and end both afterwards.

    Args:
        limit_bytes: the server's limit; 0: its default.
        behind: the server behind a proxy.

    Yields:
        The subject to connect to, and the server to restart: the same one, or the one behind the proxy.
    """
    with tempfile.TemporaryDirectory(prefix="wslab-", ignore_cleanup_errors=True) as scratch:
        running: list[SubjectServer] = []

        def start(one: GuideSubject, argument: int) -> SubjectServer:
            work = Path(scratch, one.group)
            work.mkdir()
            running.append(SubjectServer(one, folder, work, argument))
            running[-1].start()
            return running[-1]

        try:
            server = start(behind or subject, limit_bytes)
            yield (start(subject, server.port) if behind else server), server
        finally:
            for one in reversed(running):
                one.stop()


def free_port() -> int:
    """Return a port that is free for now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def _accepts(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
