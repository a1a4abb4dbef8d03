"""The client under test: a command that is run with the URL of a stage, or a program started by hand."""

from __future__ import annotations

import asyncio
import contextlib
import shlex
import shutil
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Self

from wslab.checks.stage import Stage
from wslab.core.errors import BadValueError
from wslab.core.printable import printable
from wslab.net.guard import KILL, guarded

URL = "{url}"
GRACE_S = 0.5


@dataclass(frozen=True)
class ClientProgram:
    """How to start the client.

    Args:
        command: with `{url}` in place of the stage's URL. None: `tell` is called with the URL, and a person starts it.
        first_within_s: how long to wait for its first connection, in seconds.
    """

    command: str | None = None
    tell: Callable[[str], None] | None = None
    first_within_s: float = 10.0

    def __post_init__(self) -> None:
        if (self.command is None) is (self.tell is None):
            raise BadValueError("a client needs a command that starts it, or somebody who is told the URL; give one")
        if self.command is not None and URL not in self.command:
            raise BadValueError(f"exec is {self.command!r}, but must hold {URL}, where the server's URL belongs")

    @contextlib.asynccontextmanager
    async def brought_to(self, stage: Stage) -> AsyncIterator[Running]:
        """Start it, or ask for it to be started; on exit, none of its processes is left."""
        if self.command is None:
            assert self.tell is not None
            self.tell(stage.url)
            yield Running(None)
            return
        words = [word.replace(URL, stage.url) for word in shlex.split(self.command)]
        if shutil.which(words[0]) is None:
            raise BadValueError(f"exec is {words[0]!r}, which cannot be started: no program of this name is found")
        process = await ClientProcess.start(words)
        stage.expects_guests_until(process.over)
        try:
            yield Running(process)
        finally:
            await process.end()


@dataclass(frozen=True)
class Running:
    """The client's process, if it was started here."""

    process: ClientProcess | None

    async def last_words(self) -> str:
        """Say how it exited and what it printed last, if it has exited."""
        if self.process is None:
            return "nobody connected"
        return await self.process.farewell() or "it runs, and does not connect"

    async def absence(self, within_s: float) -> str:
        """Say how long it did not come back, or that it exited."""
        ended = None if self.process is None else await self.process.farewell()
        return f"It did not come back within {within_s:g} s" if ended is None else f"It did not come back: {ended},"


class ClientProcess:
    """A client's process behind a guard. Its output is read continuously, and the last lines are kept.

    Fields:
        over: done shortly after it has exited, to let in the connections that it opened last.
    """

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._lines: deque[str] = deque(maxlen=20)
        self._reading = asyncio.create_task(self._read())
        self.over = asyncio.create_task(self._wait())

    @classmethod
    async def start(cls, words: list[str]) -> Self:
        process = await asyncio.create_subprocess_exec(
            *guarded(words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        return cls(process)

    async def farewell(self) -> str | None:
        """Say how it exited and what it printed last, preferably an error; None while it runs."""
        if self._process.returncode is None:
            return None
        await self._reading
        errors = [line for line in self._lines if "error" in line.lower()]
        said = (errors or [*self._lines])[-1:]
        words = f", after printing “{printable(said[0])[:200]}”" if said else ""
        return f"it ended with exit code {self._process.returncode}{words}"

    async def end(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.send_signal(KILL)  # its guard kills all its child processes too
        await self._process.wait()
        self.over.cancel()
        await self._reading

    async def _wait(self) -> None:
        await self._process.wait()
        await asyncio.sleep(GRACE_S)

    async def _read(self) -> None:
        assert self._process.stdout is not None
        pending = b""
        while piece := await self._process.stdout.read(65_536):
            *lines, pending = (pending + piece).split(b"\n")
            self._keep(lines)
            pending = pending[-1000:]
        self._keep([pending])

    def _keep(self, lines: list[bytes]) -> None:
        self._lines.extend(text for line in lines if (text := line.decode(errors="replace").strip()))
