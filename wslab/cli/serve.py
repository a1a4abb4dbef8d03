"""`wslab serve`: a lab server in this terminal, or in the background of a script."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import sys
import threading
from collections.abc import Iterator
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console

from wslab.cli.knobs import with_knobs
from wslab.core.bounds import read_settings
from wslab.core.errors import LabServerError, WslabError
from wslab.core.knobs import Knobs
from wslab.core.printable import printable
from wslab.net import runtime
from wslab.net.server.lab_server import LabServer

COMMANDS = "restart | crash | reload KNOB=VALUE … | tune KNOB=VALUE … | limit BYTES | quit"

DIED = object()


@with_knobs
def serve(
    knobs: Knobs,
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 0,
) -> None:
    """Run a lab server; its URL is printed once it listens.

    In a terminal, type a command and Enter: restart, crash, reload or tune KNOB=VALUE, limit BYTES, quit. Without a
    terminal, as in a script, it reads commands from standard input, and where that ends it serves on until a signal.
    It ends with 0 after quit or SIGTERM, with 130 after Ctrl-C, and with 1 where its server died.
    """
    _open_standard_files()
    with _signals(), LabServer(knobs, port=port) as server:
        print(server.url, flush=True)
        if sys.stdin.isatty():
            Console(stderr=True).print(COMMANDS, markup=False, highlight=False, soft_wrap=True)
        for words in _lines(server):
            if words == ["quit"]:
                break
            print(printable(_obey(server, words)), flush=True)


def _lines(server: LabServer) -> Iterator[list[str]]:
    """Yield what is typed, in words; end with the terminal's own end of file.

    Raises:
        LabServerError: the server's process died meanwhile.
    """
    arrived: queue.SimpleQueue[object] = queue.SimpleQueue()

    def read() -> None:
        with contextlib.suppress(OSError):  # a terminal gives nothing to a program in the background
            for line in sys.stdin:
                arrived.put(line.split())
        if sys.stdin.isatty():
            arrived.put(["quit"])

    async def watch() -> None:
        await server.died()
        arrived.put(DIED)

    threading.Thread(target=read, daemon=True).start()
    runtime.start(watch())
    while (words := arrived.get()) is not DIED:
        if words:
            yield words  # type: ignore[misc]
    raise LabServerError("the server's process was ended by another program; start it again")


def _obey(server: LabServer, words: list[str]) -> str:
    try:
        match words:
            case ["restart"]:
                restart = server.restart()
            case ["crash"]:
                restart = server.restart("crash")
            case ["limit", limit]:
                limit = "none" if limit == "0" else limit
                restart = server.restart("reload", **_changes([f"max_message_bytes={limit}"]))
            case ["reload", _, *_]:
                restart = server.restart("reload", **_changes(words[1:]))
            case ["tune", _, *_]:
                server.tune(**_changes(words[1:]))
                return "tuned: connections opened from now on follow it"
            case _:
                return f"{' '.join(words)!r}? Say {COMMANDS}"
    except WslabError as error:
        return str(error)
    down = "stays down" if restart.downtime_s is None else f"down for {restart.downtime_s:.3f} s"
    return f"{restart.kind}: {down}; limit {server.knobs.max_message_bytes or 'none'}"


def _changes(words: list[str]) -> dict[str, Any]:
    return read_settings(Knobs, words, "knob")


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
    for descriptor, mode in enumerate(("r", "w", "w")):
        try:
            os.fstat(descriptor)
        except OSError:
            name = ("stdin", "stdout", "stderr")[descriptor]
            setattr(sys, name, open(os.devnull, mode))  # noqa: PTH123, SIM115  # the lowest that is free, which is this one
