"""Subjects that are programs: started at the first order, asked line by line, restarted if one gets stuck."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NamedTuple

from wslab.fieldguide.clients.orders import ClientReport, Order, decode_answer, encode
from wslab.fieldguide.clients.subject import Ask
from wslab.net.child import child_environment

HERE = Path(__file__).parent


class ProgramSubject(NamedTuple):
    """A subject that is a program.

    Args:
        name: its name in tables and figures.
        file: the program, beside this module; this interpreter runs .py, node runs .js.
        needs: the Python module or node package that must be installed.
    """

    name: str
    file: str
    needs: str

    def missing(self) -> str | None:
        if self.file.endswith(".py"):
            return None if importlib.util.find_spec(self.needs) else f"no Python module {self.needs!r} is installed"
        node = shutil.which("node")
        if node is None:
            return "node is not installed"
        script = f"require.resolve({self.needs!r}, {{paths: [process.cwd()]}})"
        found = subprocess.run([node, "-e", script], capture_output=True, check=False).returncode == 0
        return None if found else f"no node package {self.needs!r} is installed here (npm install {self.needs})"

    @property
    def command(self) -> list[str]:
        if self.file.endswith(".py"):
            return [sys.executable, "-m", f"{__package__}.{Path(self.file).stem}"]
        return ["node", str(HERE / self.file)]

    @contextlib.asynccontextmanager
    async def asking(self) -> AsyncIterator[Ask]:
        running = _Running(self.command)
        try:
            yield running.ask
        finally:
            await running.stop()


class _Running:
    """A program's process, replaced if it ends."""

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._process: asyncio.subprocess.Process | None = None

    async def ask(self, order: Order, timeout_s: float) -> ClientReport:
        try:
            async with asyncio.timeout(timeout_s):
                if line := await self._exchange(encode(order)):
                    return decode_answer(line)
            error = f"the program ended; by hand: {' '.join(self._command)}"
        except TimeoutError:
            error = f"nothing within {timeout_s} s"
        await self.stop()  # the next order starts it anew
        return ClientReport(close_code=None, error=error)

    async def stop(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
            self._process = None

    async def _exchange(self, line: bytes) -> bytes:
        if self._process is None:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,  # libraries log closures there
                start_new_session=True,  # a notebook's interrupt must not reach it
                env=child_environment(),
            )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + b"\n")
        return await self._process.stdout.readline()
