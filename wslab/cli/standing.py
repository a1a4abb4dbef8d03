"""What commands share that stand until somebody ends them: `serve` and `relay`, in a terminal, a pipe or a script."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator
from typing import NoReturn

Arrived = queue.SimpleQueue[str | None]
"""The lines that were typed, in order. None, which any thread may put there: there is nothing more to wait for."""


@contextlib.contextmanager
def standing() -> Iterator[Arrived]:
    """Yield what is typed, until a signal.

    SIGTERM ends the block in order, with exit code 0. Where standard input ends, nothing does, but for a terminal's end
    of file (Ctrl-D), which is a last line, "quit".
    """
    _open_standard_files()
    arrived: Arrived = queue.SimpleQueue()

    def read() -> None:
        with contextlib.suppress(OSError):  # a terminal gives nothing to a program in the background
            for line in sys.stdin:
                arrived.put(line.strip())
        if sys.stdin.isatty():
            arrived.put("quit")

    with _signals():
        threading.Thread(target=read, daemon=True).start()
        yield arrived


def lines(arrived: Arrived) -> Iterator[str]:
    """Yield each line that says something; end at "quit", or where there is nothing more to wait for."""
    while (line := arrived.get()) is not None and line != "quit":
        if line:
            yield line


@contextlib.contextmanager
def _signals() -> Iterator[None]:
    """Let SIGTERM end this in order, and a terminal that is not ours to read give an error instead of stopping us."""

    def leave(*_: object) -> NoReturn:
        raise SystemExit(0)

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGTTIN)}
    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGTTIN, signal.SIG_IGN)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _open_standard_files() -> None:
    """Open those of the three that were closed: else a socket might take their place, and be taken for one."""
    for descriptor, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(descriptor)
        except OSError:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115  # the lowest that is free, which is this one
