"""`wslab gallery`: execute every lesson, and write a small site of their pages and the cards of the close codes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from wslab.cli.console import FAILED, INTERRUPTED, complain, make_folder, print_saved, progress_line
from wslab.experiments import Progress


def gallery(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the site.")] = Path("gallery"),
) -> int | Path:
    """Execute every lesson and write a site that opens from disk; WSLAB_REPLAY=1 replays the recordings."""
    from wslab.reports import make_gallery
    from wslab.reports.material import lessons

    make_folder(out)
    with progress_line() as progress:
        shown = make_gallery(out, lambda done, total, name: progress(Progress(done, total, name)))
    index = out / "index.html"
    print_saved([index])
    if shown and (shown[-1].interrupted or len(shown) < len(lessons())):
        return complain(f"interrupted; the site contains {len(shown)} of {len(lessons())} lessons", INTERRUPTED)
    failed = [lesson.name for lesson in shown if lesson.failed]
    return complain(f"cells failed in {', '.join(failed)}; their pages show where", FAILED) if failed else index
