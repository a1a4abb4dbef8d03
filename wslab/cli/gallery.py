"""`wslab gallery`: execute every lesson, and write a small site of their pages and the cards of the close codes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wslab.cli.console import FAILED, INTERRUPTED, complain, make_folder, print_saved, progress_line
from wslab.experiments import Progress


def gallery(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the site.")] = Path("gallery"),
) -> int:
    """Execute every lesson and write a site that opens from disk; WSLAB_REPLAY=1 replays the recordings."""
    from wslab.reports import make_gallery

    make_folder(out)
    with progress_line() as progress:
        shown = make_gallery(out, lambda done, total, name: progress(Progress(done, total, name)))
    print_saved([out / "index.html"])
    if shown and shown[-1].interrupted:
        return complain(f"interrupted in {shown[-1].name}; the site contains what came before", INTERRUPTED)
    failed = [lesson.name for lesson in shown if lesson.failed]
    return complain(f"cells failed in {', '.join(failed)}; their pages show where", FAILED) if failed else 0
