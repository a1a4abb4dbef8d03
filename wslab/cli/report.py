"""`wslab report`: a lesson, a notebook or a saved run as one file that can be mailed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wslab.cli.console import FAILED, INTERRUPTED, check_writable, complain, print_saved, progress_line
from wslab.core.errors import BadValueError
from wslab.core.files import write_whole
from wslab.experiments import Progress
from wslab.views.words import short

if TYPE_CHECKING:
    from wslab.reports import Report


def report(
    what: Annotated[str, typer.Argument(help="A lesson's number, a notebook (.ipynb) or a saved run (.jsonl).")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="The page to write. Not given: WHAT's name, in this folder.")
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option("--parameter", "-p", help="NAME=VALUE for the notebook's cell tagged `parameters`; repeatable."),
    ] = None,
    title: Annotated[str | None, typer.Option(help="Title instead of the notebook's heading.")] = None,
    note: Annotated[str, typer.Option(help="Text at the top, in Markdown.")] = "",
    hide_code: Annotated[bool, typer.Option("--hide-code", help="Fold the code.")] = False,
    widgets: Annotated[bool, typer.Option("--widgets", help="Keep widgets working, without a network.")] = False,
    pdf: Annotated[bool, typer.Option("--pdf", help="Also write a PDF, with an installed Chromium.")] = False,
    md: Annotated[
        bool, typer.Option("--md", help="Also write Markdown, for a ticket or a wiki, with a folder of figures.")
    ] = False,
    timeout_s: Annotated[float, typer.Option("--timeout", min=1, help="Seconds that each cell may take.")] = 600.0,
) -> int | Path:
    """Execute a notebook and write one self-contained page with its data.

    If a cell fails, the page shows where and why, and the exit code is 1. Ctrl-C writes the page so far.
    """
    from wslab import reports

    page = out or Path(f"{reports.open_notebook(what).name}.html")
    check_writable(page)
    browser = reports.find_browser() if pdf else None
    with progress_line() as progress:
        made = reports.make_report(
            what,
            parameters=dict(map(_pair, parameter or [])),
            title=title,
            note=note,
            with_widgets=widgets,
            hides_code=hide_code,
            timeout_s=timeout_s,
            on_cell=lambda done, total, line: progress(Progress(done, total, short(line, 60))),
        )
        files = _files(made, page, browser, md)
    for path, content in files.items():
        path.parent.mkdir(exist_ok=True)  # the folder of the figures
        write_whole(path, content)
    print_saved([path for path in files if path.parent == page.parent])
    return _exit_code(made) or page


def _exit_code(made: Report) -> int:
    where = f"code cell {made.failure.cell_number}" if made.failure else "its end"
    if made.interrupted:
        return complain(f"interrupted in {where}; the report contains what came before", INTERRUPTED)
    if made.failure is not None:
        return complain(f"{where} failed: {made.failure.error}; the report shows where", FAILED)
    return 0


def _files(made: Report, page: Path, browser: str | None, md: bool) -> dict[Path, bytes]:
    """Return the files to write, all rendered before the first is written."""
    from wslab import reports

    html = made.page()
    files = {page: html.encode()}
    if browser is not None:
        files[page.with_suffix(".pdf")] = reports.print_page(html, browser)
    if md:
        text, figures = made.markdown(page.stem)
        files |= {page.parent / name: content for name, content in figures.items()}
        files[page.with_suffix(".md")] = text.encode()
    return files


def _pair(given: str) -> tuple[str, str]:
    name, equals, value = given.partition("=")
    if not equals:
        raise BadValueError(f"--parameter is {given!r}, but must be NAME=VALUE")
    return name.strip(), value
