"""`wslab demo`: the whole story in seconds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from wslab.cli.console import Document, JsonOption, make_folder, print_result, progress_line, saved_whatever_comes
from wslab.core.ladders import bracket
from wslab.core.records import Attempt, Closure, Outage, Restart, RunInfo, Send
from wslab.core.runs import Run
from wslab.experiments import tell_story
from wslab.views.terminal import before_reload, story_table


class FoundLimit(msgspec.Struct, frozen=True):
    """The sizes between which the limit lies, in bytes."""

    accepted_bytes: int | None
    refused_bytes: int | None
    exact: bool


class DemoDocument(Document, frozen=True, kw_only=True, tag="demo"):
    """The story: its limit, and its records by kind."""

    limit: FoundLimit
    closures: tuple[Closure, ...]
    outages: tuple[Outage, ...]
    sends: tuple[Send, ...]
    attempts: tuple[Attempt, ...]
    restarts: tuple[Restart, ...]
    run: RunInfo
    saved: list[str]


def demo(
    as_json: JsonOption = False,
    out: Annotated[Path | None, typer.Option(help="Folder for the run and its two figures.")] = None,
    clients: Annotated[int, typer.Option(help="Clients that stay connected throughout, 1 to 200.")] = 12,
    max_message_bytes: Annotated[int, typer.Option(help="The limit to find, 1,024 to 1,048,576 bytes.")] = 65_536,
    seed: Annotated[int, typer.Option(help="Seed of the clients' reconnect delays.")] = 0,
) -> Run:
    """Show the whole story in seconds: 1009, a raised limit, 1012 for everyone, their return, and a crash, 1006."""
    make_folder(out)
    with saved_whatever_comes() as cancel:
        with progress_line() as progress:
            run = tell_story(
                clients=clients, max_message_bytes=max_message_bytes, seed=seed, progress=progress, cancel=cancel
            )
        print_result(
            story_table(run),
            document=(lambda saved: _document(run, saved)) if as_json else None,
            files=_save(run, out) if out is not None else (),
        )
    return run


def _document(run: Run, saved: Sequence[Path]) -> DemoDocument:
    limit = bracket(before_reload(run)[0])
    return DemoDocument(
        limit=FoundLimit(*limit, exact=limit.is_exact),
        closures=run.closures,
        outages=run.outages,
        sends=run.sends,
        attempts=run.attempts,
        restarts=run.restarts,
        run=run.info,
        saved=[str(path) for path in saved],
    )


def _save(run: Run, folder: Path) -> Iterator[Path]:
    from wslab.views import plots

    yield run.save(folder / "story.jsonl")
    growing_only = Run(run.info, tuple(before_reload(run)[0]))
    growing = plots.close_codes(growing_only, limit_bytes=run.info.parameters["max_message_bytes"])
    yield plots.save(growing, folder / "close-codes.png")
    yield plots.save(plots.reconnect_timeline(run), folder / "reconnect-timeline.png")
