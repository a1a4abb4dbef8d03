"""`wslab serve`: a lab server in this terminal, restarted by what is typed."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from wslab.net.server.lab_server import LabServer


def serve(
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 0,
    max_message_bytes: Annotated[int, typer.Option(min=0, help="The limit of a message; 0 for none.")] = 1_048_576,
    max_frame_bytes: Annotated[int, typer.Option(min=0, help="The limit of one frame; 0 for none.")] = 0,
    compression: Annotated[bool, typer.Option(help="Offer permessage-deflate.")] = False,
    downtime_s: Annotated[float, typer.Option(help="Seconds that a restart takes.")] = 0.5,
) -> None:
    """Run a lab server in this terminal; type a command and Enter to restart it, crash it or change its limit."""
    with LabServer(
        port=port,
        max_message_bytes=max_message_bytes or None,
        max_frame_bytes=max_frame_bytes or None,
        compression=compression,
        downtime_s=downtime_s,
    ) as server:
        console = Console(soft_wrap=True, highlight=False)
        console.print(f"{server.url}   restart | crash | limit BYTES | quit")
        for line in typer.get_text_stream("stdin"):
            if line.strip() == "quit":
                break
            console.print(_obey(server, line.split()), markup=False)


def _obey(server: LabServer, words: list[str]) -> str:
    try:
        match words:
            case ["restart"]:
                restart = server.restart()
            case ["crash"]:
                restart = server.restart("crash")
            case ["limit", limit] if limit.isdecimal():
                restart = server.restart("reload", max_message_bytes=int(limit) or None)
            case _:
                return f"{' '.join(words)!r}? Say restart, crash, limit BYTES (a whole number, 0 for none) or quit."
    except ValueError as error:
        return str(error)
    return f"{restart.kind}: down for {restart.downtime_s:.3f} s; limit {server.knobs.max_message_bytes or 'none'}"
