"""A guard for a foreign program: however we end, the program ends too, with everything that it started.

The guard is a separate process, `python -m wslab.net.guard PARENT COMMAND...`. It forwards SIGTERM and SIGINT to the
program and exits with the program's code. It kills the program's whole session on SIGQUIT, when its parent is gone, and
when the program has ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from wslab.net.parent import leave_after_it

CANNOT_START = 127
"""The guard's exit code if the command cannot be started; the same as a shell's."""

KILL = signal.SIGQUIT
"""Send this to a guard instead of SIGKILL, on which it could not act."""


def guarded(command: Sequence[str]) -> list[str]:
    """Return the command behind a guard; start it in a new session."""
    return [sys.executable, "-m", __name__, str(os.getpid()), *command]


def _guard(command: Sequence[str]) -> int:
    try:
        program = subprocess.Popen(command, start_new_session=True)
    except OSError as error:
        print(f"{command[0]!r} cannot be started: {error.strerror}", file=sys.stderr)
        return CANNOT_START

    def kill(*_: Any) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(program.pid, signal.SIGKILL)

    leave_after_it(first=kill)
    signal.signal(KILL, kill)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda number, _: program.send_signal(number))
    code = program.wait()
    kill()  # what it left behind
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(_guard(sys.argv[2:]))
