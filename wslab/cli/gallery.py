"""`wslab gallery`: every lesson executed, and a small site of their pages and the cards of the close codes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wslab.cli.console import complain, make_folder, print_saved, progress_line
from wslab.experiments import Progress

FAILED = 1


def gallery(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the site.")] = Path("gallery"),
) -> None:
    """Execute every lesson and write a site that opens from a disk; with WSLAB_REPLAY=1, from the recordings."""
    from wslab.reports import make_gallery

    make_folder(out)
    with progress_line() as progress:
        shown = make_gallery(out, lambda done, total, name: progress(Progress(done, total, name)))
    print_saved([out / "index.html"])
    failed = [lesson.name for lesson in shown if lesson.failed]
    if failed:
        raise typer.Exit(complain(f"cells failed in {', '.join(failed)}; their pages show where", FAILED))
