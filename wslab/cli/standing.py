"""What `serve` and `relay` share: they run until they are told to stop, in a terminal, a pipe or a script."""

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
"""The lines that were typed, in order. Any thread may put None, which ends the command."""

LONGEST_WAIT_S = 0.5
"""Without an end, a wait could miss a Ctrl-C that comes just before it begins."""


@contextlib.contextmanager
def standing() -> Iterator[Arrived]:
    """Yield what is typed, until a signal.

    SIGTERM ends the block in order, with exit code 0. The end of standard input ends nothing, except in a terminal
    (Ctrl-D), where it counts as a line "quit".
    """
    _open_standard_files()
    arrived: Arrived = queue.SimpleQueue()

    def read() -> None:
        with contextlib.suppress(OSError):  # a program in the background may not read the terminal
            for line in sys.stdin:
                arrived.put(line.strip())
        if sys.stdin.isatty():
            arrived.put("quit")

    with signals():
        threading.Thread(target=read, daemon=True).start()
        yield arrived


def lines(arrived: Arrived) -> Iterator[str]:
    """Yield each line that is not empty, until "quit" or None."""
    line: str | None = ""
    while line is not None and line != "quit":
        if line:
            yield line
        line = ""
        with contextlib.suppress(queue.Empty):  # a signal that comes just before a wait is handled only after it
            line = arrived.get(timeout=LONGEST_WAIT_S)


@contextlib.contextmanager
def signals() -> Iterator[None]:
    """Let SIGTERM end this in order, and let reading a terminal from the background fail instead of stopping us."""

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
    """Open any standard file that was closed; otherwise a socket might get its descriptor."""
    for descriptor, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        try:
            os.fstat(descriptor)
        except OSError:
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115  # takes this descriptor, the lowest free
