"""`wslab fieldguide`: the same questions to every installed server, client and proxy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import platformdirs
import typer
from rich.console import Console

from wslab.cli.console import FAILED, INTERRUPTED, check_writable, complain, print_saved, progress_line
from wslab.core.arguments import check_choice, check_number
from wslab.core.fieldguide import GuideEntry, changes, encode_entry, read_entries
from wslab.core.files import write_whole
from wslab.experiments import Progress
from wslab.net.recording import OnProgress

if TYPE_CHECKING:
    from wslab.fieldguide.catalogue import GuideSubject
    from wslab.fieldguide.installing import GuideFolder

FOLDER = platformdirs.user_cache_path("wslab") / "fieldguide"


def _names() -> list[str]:
    from wslab.fieldguide.catalogue import subjects

    return list(subjects())


def fieldguide(
    only: Annotated[
        list[str] | None,
        typer.Option(help="Only this subject; repeatable.", autocompletion=_names),
    ] = None,
    install: Annotated[
        bool, typer.Option("--install", help="First install what the subjects need, from PyPI and npm, into --folder.")
    ] = False,
    folder: Annotated[Path, typer.Option(help="Where --install puts them.", show_default="in your cache")] = FOLDER,
    clock: Annotated[
        float, typer.Option(help="Look for idle timeouts up to this many seconds, of all servers at once; 0: skip.")
    ] = 65.0,
    out: Annotated[Path, typer.Option(help="File for the entries; those that it already has are skipped.")] = (
        Path("fieldguide.jsonl")
    ),
    html: Annotated[Path | None, typer.Option(help="Write the matrix with its evidence to this file too.")] = None,
    compare: Annotated[Path | None, typer.Option(help="An earlier field guide: say what changed since.")] = None,
    recorded: Annotated[
        bool, typer.Option("--recorded", help="Run nothing; show the field guide that comes with wslab.")
    ] = False,
) -> int:
    """Ask every installed server, client and proxy the same questions, and show the answers.

    You can stop it at any time; the same command continues where it stopped.
    """
    if html is not None:
        check_writable(html)
    earlier = [] if compare is None else read_entries(compare)
    interrupted = False
    if recorded:
        entries: Sequence[GuideEntry] = read_entries()
    else:
        check_number("clock", clock, low=0, high=3600, unit="seconds")
        check_writable(out)
        with progress_line() as progress:
            entries, interrupted = _survey(only or [], folder.absolute(), install, clock, out, progress)
    _show(entries, changes(earlier, entries), html)
    if interrupted:
        return complain("interrupted; the same command continues from here", INTERRUPTED)
    return 0 if any(entry.cells for entry in entries) else complain("no subject could be tried", FAILED)


def _survey(
    only: Sequence[str], folder: Path, install: bool, clock_s: float, out: Path, progress: OnProgress
) -> tuple[list[GuideEntry], bool]:
    """Survey what is not in `out` yet; return all entries of it, and whether Ctrl-C ended the survey."""
    from wslab.fieldguide.catalogue import subjects
    from wslab.fieldguide.installing import GuideFolder
    from wslab.fieldguide.survey import Survey

    every = subjects()
    for name in only:
        check_choice("only", name, every)
    chosen = [subject for subject in every.values() if not only or subject.name in only]
    entries = [entry for entry in (read_entries(out) if out.exists() else []) if entry.missing is None]
    if out.exists():
        write_whole(out, b"".join(encode_entry(entry) + b"\n" for entry in entries))
    interrupted = False
    try:
        if install:
            _install(GuideFolder(folder), chosen, progress)
        there = GuideFolder(folder if folder.exists() else None)
        done = {entry.subject for entry in entries}
        left = [subject for subject in chosen if subject.name not in done]
        with out.open("ab") as file:
            for entry in Survey(left, every, there, clock_s=clock_s, progress=progress):
                entries.append(entry)
                file.write(encode_entry(entry) + b"\n")
                file.flush()
    except KeyboardInterrupt:
        interrupted = True
    return entries, interrupted


def _install(folder: GuideFolder, chosen: Sequence[GuideSubject], progress: OnProgress) -> None:
    for number, (package, why) in enumerate(folder.install(chosen), 1):
        progress(Progress(0, number, f"installed {package}"))
        if why is not None:
            complain(f"{package} could not be installed: {why}", FAILED)


def _show(entries: Sequence[GuideEntry], changed: list[str], html: Path | None) -> None:
    from wslab.views.fieldguide import page, render

    Console().print(render(entries, changed))
    if html is not None:
        print_saved([write_whole(html, page(entries, changed).encode())])
