"""A child process of the lab, a server or a herd's worker, as its parent sees it: spawn, command, hear, end.

The child runs in its own session, so that a notebook's interrupt does not reach it, and it watches its parent
(`wslab.net.parent`), which it never outlives. It needs both: without the second, every kernel restart would orphan it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self, TypeVar

from wslab.net import control

E = TypeVar("E", bound=control.Message)

Asides = Mapping[type[control.Message], Callable[[Any], None]]

REPLY_TIMEOUT_S = 30.0
MAX_LINE_BYTES = 2**30


class Child:
    """One process that runs a program of the lab. Lives on the background loop.

    Args:
        program: the program.
        asides: a callback for each kind of unsolicited event; all other events are for `expect`.
    """

    def __init__(self, process: asyncio.subprocess.Process, program: control.Program, asides: Asides) -> None:
        self._process = process
        self._program = program
        self._asides = asides
        self._events: asyncio.Queue[control.Message | None] = asyncio.Queue()
        self._last_words: deque[str] = deque(maxlen=20)
        self._listeners = [asyncio.create_task(self._hear()), asyncio.create_task(self._overhear())]

    @classmethod
    async def spawn(
        cls, program: control.Program, asides: Asides, *arguments: str, descriptors: Sequence[int] = ()
    ) -> Self:
        """Start the interpreter; `expect(Ready)` returns when it waits for its first command.

        The arguments only identify the process in listings such as `ps`; commands tell it what to do. It inherits the
        descriptors.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            program.module,
            str(os.getpid()),
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
            pass_fds=descriptors,
            env=child_environment(),
            limit=MAX_LINE_BYTES,
        )
        return cls(process, program, asides)

    def __str__(self) -> str:
        return f"process {self.pid} ({self._program.module})"

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.returncode is None

    def tell(self, command: control.Message) -> None:
        """Send a command. If the child is dead, it is lost, and the next `expect` raises."""
        assert self._process.stdin is not None
        if not self._process.stdin.is_closing():
            self._process.stdin.write(control.encode(command) + b"\n")

    async def expect(self, kind: type[E]) -> E:
        """Return the next event, which must be of this kind.

        Raises:
            RuntimeError: of the program's class: it reports a failure, ends, or is silent for `REPLY_TIMEOUT_S`.
        """
        try:
            event = await asyncio.wait_for(self._events.get(), REPLY_TIMEOUT_S)
        except TimeoutError:
            raise self._program.raises(f"{self} does not answer") from None
        if isinstance(event, kind):
            return event
        if isinstance(event, control.Failed):
            raise self._program.raises(event.error)
        if event is None:
            self._events.put_nowait(None)  # for the next call
        raise self._program.raises(f"{self} ended unexpectedly; {self.farewell()}")

    def kill(self) -> None:
        """Send SIGKILL: no close frame, no farewell; the kernel ends its connections."""
        if self.alive:
            # Not Process.kill: before Python 3.13 it polls the process, and can take the exit status away from asyncio
            # (python/cpython#87744).
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    async def ended(self) -> None:
        """Wait until the process is gone and all its output has been read."""
        await self._process.wait()
        await asyncio.gather(*self._listeners)

    async def retire(self, patience_s: float) -> None:
        """Wait for the process to leave by itself; after `patience_s`, kill it."""
        try:
            await asyncio.wait_for(self._process.wait(), patience_s)
        except TimeoutError:
            self.kill()
        await self.ended()

    async def _hear(self) -> None:
        assert self._process.stdout is not None
        decode = control.decoder(self._program.events | control.Ready | control.Failed).decode
        async for line in self._process.stdout:
            event = decode(line)
            self._asides.get(type(event), self._events.put_nowait)(event)
        self._events.put_nowait(None)

    async def _overhear(self) -> None:
        assert self._process.stderr is not None
        async for line in self._process.stderr:
            self._last_words.append(line.decode(errors="replace").rstrip())

    def farewell(self) -> str:
        """Return its last output, for a message about its end."""
        said = "\n".join(self._last_words)
        return f"its last words:\n{said}" if said else f"exit status {self._process.returncode}, nothing said"


def child_environment() -> dict[str, str]:
    """Return the environment of a child: it imports this very package, whatever its working directory."""
    here = str(Path(__file__).parents[2])
    return os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [here, os.environ.get("PYTHONPATH", "")]))}
