"""The client under test: a program that is started with the URL of a stage, or one that somebody starts by hand."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shlex
import signal
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from wslab.checks.stage import Stage
from wslab.core.errors import BadValueError, in_words
from wslab.core.printable import printable

URL = "{url}"


@dataclass(frozen=True)
class ClientProgram:
    """How the client is brought to a stage.

    Args:
        command: with `{url}` where the stage's URL belongs. None: `tell` is told the URL, and somebody starts it.
        first_within_s: how long its first connection is waited for.
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
    async def brought_to(self, stage: Stage, instances: int = 1) -> AsyncIterator[Running]:
        """Start it, or ask for it; at the end nothing of it runs any more."""
        if self.command is None:
            assert self.tell is not None
            self.tell(stage.url)
            yield Running([])
            return
        words = [word.replace(URL, stage.url) for word in shlex.split(self.command)]
        processes: list[asyncio.subprocess.Process] = []
        try:
            while len(processes) < instances:
                processes.append(await _start(words))
            yield Running(processes)
        finally:
            await asyncio.gather(*map(_end, processes))


@dataclass(frozen=True)
class Running:
    """Its processes, if there are any."""

    processes: list[asyncio.subprocess.Process]

    async def last_words(self) -> str:
        """Say how it ended and what it printed last, where it has ended."""
        for process in self.processes:
            if process.returncode is not None:
                assert process.stdout is not None
                said = (await process.stdout.read(65_536)).decode(errors="replace").strip().splitlines()
                words = f", after printing “{printable(said[-1])[:200]}”" if said else ""
                return f"it ended with exit code {process.returncode}{words}"
        return "it runs, and does not connect" if self.processes else "nobody connected"


async def _start(words: list[str]) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,  # so that all that it starts ends with it
            limit=2**20,
        )
    except OSError as error:
        raise BadValueError(f"exec is {words[0]!r}, which cannot be started: {in_words(error, named=False)}") from None


async def _end(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
