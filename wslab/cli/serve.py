"""`wslab serve`: runs a lab server in this terminal, or in the background of a script."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console

from wslab.cli.console import INTERRUPTED, OriginsOption
from wslab.cli.knobs import with_knobs
from wslab.cli.standing import lines, standing
from wslab.core.bounds import read_settings
from wslab.core.errors import LabServerError, WslabError
from wslab.core.knobs import Knobs
from wslab.core.printable import printable
from wslab.net import runtime
from wslab.net.server.lab_server import LabServer

COMMANDS = "restart | crash | reload KNOB=VALUE … | tune KNOB=VALUE … | limit BYTES | quit"


@with_knobs
def serve(
    knobs: Knobs,
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 0,
    origins: OriginsOption = None,
) -> int:
    """Run a lab server, and print its URL once it listens.

    In a terminal, type a command and Enter: restart, crash, reload or tune KNOB=VALUE, limit BYTES, quit. Without a
    terminal, as in a script, it reads commands from standard input; when that ends, it serves on until a signal. Exit
    codes: 0 after quit or SIGTERM, 130 after Ctrl-C, 1 if the server died.
    """
    try:
        _serve(knobs, port, origins or ())
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _serve(knobs: Knobs, port: int, origins: Sequence[str]) -> None:
    with standing() as arrived, LabServer(knobs, port=port, origins=origins) as server:
        print(server.url, flush=True)
        if sys.stdin.isatty():
            Console(stderr=True).print(COMMANDS, markup=False, highlight=False, soft_wrap=True)

        async def watch() -> None:
            await server.died()
            arrived.put(None)

        runtime.start(watch())
        for line in lines(arrived):
            print(printable(_obey(server, line.split())), flush=True)
        if not server.alive:
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
