"""From a lesson, a notebook or a saved run to a report: executed once, written as HTML, PDF or Markdown."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from markupsafe import Markup
from nbformat import NotebookNode

from wslab.core.codes.languages import Language, speaking
from wslab.core.printable import as_markdown, printable
from wslab.reports import about, widgets
from wslab.reports.execution import CellFailure, Execution, OnCell, execute
from wslab.reports.markdown import to_markdown
from wslab.reports.material import Material, open_notebook
from wslab.reports.parameters import set_parameters
from wslab.reports.rendering import LANDSCAPE, PORTRAIT_CHARACTERS, PageExporter, code_colours, policy

TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True)
class Report:
    """An executed notebook, and how its execution went.

    Fields:
        runs: the runs that it made, or the one that it shows.
        note: the sender's text at the top, as Markdown.
        with_widgets: whether the page keeps widgets. hides_code: whether the page folds the code.
    """

    opened: Material
    execution: Execution
    runs: tuple[about.RunBehind, ...]
    note: str = ""
    with_widgets: bool = False
    hides_code: bool = False

    @property
    def failure(self) -> CellFailure | None:
        """Where and why it ended early; None if all of it ran."""
        return self.execution.failure

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it."""
        return self.execution.interrupted

    @property
    def notebook(self) -> NotebookNode:
        return self.opened.notebook

    @property
    def title(self) -> str:
        """The heading as plain text."""
        return printable(re.sub(r"[`*]", "", self.opened.heading))

    @property
    def found(self) -> str:
        """The finding in one sentence; empty unless exactly one run is behind the report."""
        return self.runs[0].found if len(self.runs) == 1 else ""

    def page(self, name: str | None = None, site: Collection[str] = ()) -> str:
        """Return the report as one HTML page that needs no other file and no network.

        Args:
            name: of the page, without suffix. None: the name of the opened file.
            site: the names of all pages of the same site, to which links between notebooks then lead.
        """
        exporter = PageExporter(name or self.opened.name, site=site, widgets=self.with_widgets)
        scripts = widgets.scripts(self.notebook) if self.with_widgets else []
        facts: dict[str, Any] = {
            "title": self.title,
            "heading": self.opened.heading,
            "found": self.found,
            "note": self.note,
            "hides_code": self.hides_code,
            "language": language(self.notebook),
            "say": speaking(language(self.notebook)),
            "made": self._made(),
            "policy": policy(scripts),
            "colours": code_colours(),
            "failure": self.failure,
            "environment": about.environment(self.notebook),
            "runs": self.runs,
            "scripts": [Markup(script) for script in scripts],  # the policy allows them by hash
        }
        resources = {"report": facts, "metadata": {"path": str(self.opened.folder), "name": self.title}}
        page, _ = exporter.from_notebook_node(self.notebook, resources)
        wide = exporter.fragments.widest_characters > PORTRAIT_CHARACTERS
        return page.replace("</style>", f"{LANDSCAPE}</style>", 1) if wide else page

    def markdown(self, name: str) -> tuple[str, dict[str, bytes]]:
        """Return the report as Markdown, and its files by path: figures, tables as CSV and runs, in `<name>_files`."""
        text, files = to_markdown(self.notebook, name)
        failure = self.failure
        parts = [
            f"# {self.opened.heading}",
            f"**{as_markdown(self.found)}**" if self.found else "",
            self.note,
            f"> **Code cell {failure.cell_number} failed:** {as_markdown(failure.error)}" if failure else "",
            text.strip(),
            *(f"- Run [{run.file_name}]({name}_files/{run.file_name}): {as_markdown(run.words)}" for run in self.runs),
            f"*{as_markdown(self._made())}*",
        ]
        runs = {f"{name}_files/{run.file_name}": run.content for run in self.runs}
        return "\n\n".join(filter(None, parts)) + "\n", files | runs

    def _made(self) -> str:
        say = speaking(language(self.notebook))
        when, duration = f"{self.execution.started_at:%Y-%m-%d %H:%M} UTC", f"{self.execution.duration_s:.1f}"
        return say("{name}, executed {when}, in {duration} s").format(
            name=self.opened.name, when=when, duration=duration
        )


def make_report(
    what: str,
    *,
    parameters: Mapping[str, str] | None = None,
    title: str | None = None,
    note: str = "",
    with_widgets: bool = False,
    hides_code: bool = False,
    timeout_s: float = TIMEOUT_S,
    on_cell: OnCell | None = None,
) -> Report:
    """Execute a notebook and return its report. A failing cell ends it, and the report shows where and why.

    Args:
        what: the number or name of a lesson, or the path of a notebook (.ipynb) or a saved run (.jsonl).
        parameters: new values for names that the notebook's cell tagged `parameters` sets, as Python literals or
            plain text.
        title: instead of the notebook's heading. note: text at the top, as Markdown.
        with_widgets: keep widgets, which then work as far as they can without a kernel.
        hides_code: fold the code.
        timeout_s: for each cell.
        on_cell: called before each cell.

    Raises:
        ValueError: there is no such lesson, notebook, run, parameter or kernel; the message says what there is.
        OSError: the file cannot be read.
    """
    opened = open_notebook(what)
    if title is not None:
        opened = replace(opened, heading=as_markdown(title))
    set_parameters(opened.notebook, parameters or {})
    with tempfile.TemporaryDirectory(prefix="wslab-report-") as folder:
        execution = execute(
            opened, record_to=Path(folder), timeout_s=timeout_s, keep_widgets=with_widgets, on_cell=on_cell
        )
        if opened.run is not None:
            opened.run.save(Path(folder) / "run.jsonl.gz")
        runs = tuple(about.runs_behind(Path(folder)))
    return Report(opened, execution, runs, note, with_widgets, hides_code)


def language(notebook: NotebookNode) -> Language:
    """Return the HTML code of the prose's language: "ja" if it contains kana, otherwise "en"."""
    prose = "".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return "ja" if re.search(r"[\u3040-\u30ff]{2}", prose) else "en"
