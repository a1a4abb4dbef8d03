"""The command line: each command calls one experiment or view, and prints what it returns.

Results go to stdout, progress and errors to stderr. Exit codes: 0 done, 1 it could not be done here, 2 a wrong
argument. Imports are inside the commands, so that `wslab codes` does not wait for matplotlib.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

if TYPE_CHECKING:
    from wslab.core.runs import Run
    from wslab.experiments import Progress

app = typer.Typer(
    help="Why did my WebSocket close? Experiments on real sockets, on this machine.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")]


@app.command()
def demo(
    as_json: JsonOption = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the run and its two figures.")] = None,
    clients: Annotated[int, typer.Option(help="Clients that are connected meanwhile, 1 to 200.")] = 12,
    max_message_bytes: Annotated[int, typer.Option(help="The limit to be found, 1,024 to 1,048,576 bytes.")] = 65_536,
    seed: Annotated[int, typer.Option(help="Of the clients' reconnect delays.")] = 0,
) -> None:
    """The whole story in seconds: 1009, raise the limit, 1012 for everyone, they come back; and a crash, 1006."""
    from wslab.experiments.story import tell_story

    with _teaching(), _bar() as progress:
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
        run = tell_story(clients=clients, max_message_bytes=max_message_bytes, seed=seed, progress=progress)
        saved = _save(run, out) if out is not None else []
    if as_json:
        print(json.dumps(_story_document(run, saved), indent=2))
        return
    from wslab.views.terminal import story_table

    console = Console()
    console.print(story_table(run))
    for path in saved:
        console.print(f"saved {path}", soft_wrap=True)


@app.command()
def codes(
    code: Annotated[list[int], typer.Argument(help="One close code or more, for example 1009 1012.")],
) -> None:
    """A card of one close code, or a comparison of two: what it means, when you see it, how to fix it."""
    from wslab.core.cards import compare
    from wslab.views.cards import render

    with _teaching():
        Console().print(render(compare(*code)))


@app.command()
def serve(
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 0,
    max_message_bytes: Annotated[int | None, typer.Option(help="The limit; 0 for none.")] = 1_048_576,
    max_frame_bytes: Annotated[int | None, typer.Option(help="The limit of one frame.")] = None,
    compression: Annotated[bool, typer.Option(help="Offer permessage-deflate.")] = False,
    downtime_s: Annotated[float, typer.Option(help="Seconds that a restart takes.")] = 0.5,
) -> None:
    """Run a lab server in this terminal; type a command and Enter to restart, crash or reload it."""
    from wslab.net.server import LabServer

    with (
        _teaching(),
        LabServer(
            port=port,
            max_message_bytes=max_message_bytes or None,
            max_frame_bytes=max_frame_bytes,
            compression=compression,
            downtime_s=downtime_s,
        ) as server,
    ):
        console = Console()
        console.print(f"{server.url}  restart | crash | limit BYTES | quit")
        for line in typer.get_text_stream("stdin"):
            if line.split()[:1] == ["quit"]:
                break
            _obey(server, line.split(), console)


def _obey(server: Any, words: list[str], console: Console) -> None:
    try:
        match words:
            case ["restart"]:
                console.print(server.restart())
            case ["crash"]:
                console.print(server.restart("crash"))
            case ["limit", limit]:
                console.print(server.restart("reload", max_message_bytes=int(limit)))
            case []:
                pass
            case _:
                console.print(f"{' '.join(words)!r}? Say restart, crash, limit BYTES or quit.")
    except ValueError as error:
        console.print(str(error))


def _story_document(run: Run, saved: list[Path]) -> dict[str, Any]:
    import msgspec

    from wslab.core.ladders import bracket

    reload = run.restarts[0]
    limit = bracket(send for send in run.sends if send.started_at_s < reload.requested_at_s)
    document = {
        "limit": {
            "accepted_bytes": limit.accepted_bytes,
            "refused_bytes": limit.refused_bytes,
            "exact": limit.is_exact,
        },
        "closures": run.closures,
        "outages": run.outages,
        "sends": run.sends,
        "attempts": run.attempts,
        "restarts": run.restarts,
        "run": run.info,
        "saved": [str(path) for path in saved],
    }
    builtins: dict[str, Any] = msgspec.to_builtins(document)
    return builtins


def _save(run: Run, folder: Path) -> list[Path]:
    from matplotlib.figure import Figure

    from wslab.views import plots, tables

    limit = run.info.parameters["max_message_bytes"]
    growing = Figure(figsize=(8, 4), layout="constrained")
    plots.close_codes(tables.sends(run), limit_bytes=limit, ax=growing.subplots())
    timeline = Figure(figsize=(8, 6), layout="constrained")
    plots.reconnect_timeline(
        tables.attempts(run), tables.closures(run), tables.outages(run), tables.restarts(run), ax=timeline.subplots()
    )
    paths = [folder / "close-codes.png", folder / "reconnect-timeline.png"]
    growing.savefig(paths[0], dpi=200)
    timeline.savefig(paths[1], dpi=200)
    return [run.save(folder / "story.jsonl"), *paths]


@contextlib.contextmanager
def _teaching() -> Iterator[None]:
    """Turn the errors that are meant for people into a line on stderr and an exit code."""
    from wslab.net.child import LabServerError

    try:
        yield
    except (TypeError, ValueError) as error:
        raise typer.Exit(_complain(error, 2)) from None
    except (LabServerError, OSError) as error:
        raise typer.Exit(_complain(error, 1)) from None


def _complain(error: Exception, exit_code: int) -> int:
    Console(stderr=True).print(f"wslab: {error}", style="red", soft_wrap=True, markup=False, highlight=False)
    return exit_code


@contextlib.contextmanager
def _bar() -> Iterator[Any]:
    """Yield a progress callback that moves one line on stderr."""
    columns = (BarColumn(bar_width=20), TextColumn("{task.description}"), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("starting")

        def move(progress: Progress) -> None:
            bar.update(task, completed=progress.done, total=progress.total, description=progress.doing)

        yield move
