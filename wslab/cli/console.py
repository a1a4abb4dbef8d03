"""What the commands share: options, the progress line, and errors that are one line."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar

from wslab.experiments import Progress
from wslab.experiments.conduct import OnProgress
from wslab.net.child import LabServerError

JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document instead of a table.")]


@contextlib.contextmanager
def teaching() -> Iterator[None]:
    """Turn the errors that are meant for people into a line on stderr and an exit code."""
    try:
        yield
    except (TypeError, ValueError) as error:
        raise typer.Exit(_complain(error, 2)) from None
    except (LabServerError, OSError) as error:
        raise typer.Exit(_complain(error, 1)) from None


@contextlib.contextmanager
def progress_line() -> Iterator[OnProgress]:
    """Yield a progress callback that moves one line on stderr."""
    columns = (BarColumn(bar_width=20), TextColumn("{task.description}"), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("starting")

        def move(progress: Progress) -> None:
            bar.update(task, completed=progress.done, total=progress.total, description=progress.doing)

        yield move


def _complain(error: Exception, exit_code: int) -> int:
    Console(stderr=True).print(f"wslab: {error}", style="red", soft_wrap=True, markup=False, highlight=False)
    return exit_code
