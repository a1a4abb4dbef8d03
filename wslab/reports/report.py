"""From a lesson, a notebook or a saved run to a report: executed once, written in any of three forms."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup
from nbformat import NotebookNode

from wslab.reports import about, widgets
from wslab.reports.execution import Execution, Failure, OnCell, execute
from wslab.reports.markdown import to_markdown
from wslab.reports.opening import Opened, open_notebook
from wslab.reports.page import PageExporter, code_colours, policy
from wslab.reports.parameters import set_parameters

TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True)
class Report:
    """An executed notebook and what is known of its execution."""

    opened: Opened
    execution: Execution
    runs: tuple[about.RunBehind, ...]
    with_widgets: bool = False

    @property
    def failure(self) -> Failure | None:
        """Where and why it ended before its time; None where all of it ran."""
        return self.execution.failure

    @property
    def notebook(self) -> NotebookNode:
        return self.opened.notebook

    def page(self, name: str | None = None, site: Collection[str] = ()) -> str:
        """Return the report as one HTML page that needs no other file and no network.

        Args:
            name: of the page, without its suffix. Not given: that of what was opened.
            site: the names of all pages that it will be found with, to whose notebooks its links then lead.
        """
        exporter = PageExporter(name or self.opened.name, site=site, widgets=self.with_widgets)
        scripts = widgets.scripts(self.notebook) if self.with_widgets else []
        facts: dict[str, Any] = {
            "title": self.opened.title,
            "language": language(self.notebook),
            "made": self._made(),
            "policy": policy(scripts),
            "colours": code_colours(),
            "failure": self.failure,
            "environment": about.environment(self.notebook),
            "runs": self.runs,
            "scripts": [Markup(script) for script in scripts],  # which the policy names by their hashes
        }
        resources = {"report": facts, "metadata": {"path": str(self.opened.folder), "name": self.opened.title}}
        page, _ = exporter.from_notebook_node(self.notebook, resources)
        return page

    def markdown(self, name: str) -> tuple[str, dict[str, bytes]]:
        """Return the report as Markdown, and its figures by their relative paths, in the folder `<name>_files`."""
        text, figures = to_markdown(self.notebook, name)
        failed = f"> **Code cell {self.failure.cell_number} failed:** {self.failure.error}\n\n" if self.failure else ""
        return f"{failed}{text.strip()}\n\n*{self._made()}*\n", figures

    def _made(self) -> str:
        when = self.execution.started_at.strftime("%-d %B %Y, %H:%M UTC")
        return f"{self.opened.name}, executed {when}, in {self.execution.duration_s:.1f} s"


def make_report(
    what: str,
    *,
    parameters: Mapping[str, str] | None = None,
    with_widgets: bool = False,
    timeout_s: float = TIMEOUT_S,
    on_cell: OnCell | None = None,
) -> Report:
    """Execute a notebook and return its report. A cell that fails ends it, and the report shows where and why.

    Args:
        what: the number or the name of a lesson, or the path of a notebook (.ipynb) or of a saved run (.jsonl).
        parameters: other values for names that the notebook's cell tagged `parameters` sets, as Python literals or
            plain text.
        with_widgets: keep widgets, which then work as far as they can without a kernel.
        timeout_s: for one cell.
        on_cell: called before each cell.

    Raises:
        ValueError: there is no such lesson, notebook, run, parameter or kernel; the message says what there is.
        OSError: the file cannot be read.
    """
    opened = open_notebook(what)
    set_parameters(opened.notebook, parameters or {})
    with tempfile.TemporaryDirectory(prefix="wslab-report-") as folder:
        execution = execute(
            opened, record_to=Path(folder), timeout_s=timeout_s, keep_widgets=with_widgets, on_cell=on_cell
        )
        if opened.run is not None:
            opened.run.save(Path(folder) / "run.jsonl.gz")
        runs = tuple(about.runs_behind(Path(folder)))
    return Report(opened, execution, runs, with_widgets)


def language(notebook: NotebookNode) -> str:
    """Return the language of a notebook's prose as HTML names it: Japanese where it is written in kana, or English."""
    prose = "".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return "ja" if re.search(r"[\u3040-\u30ff]{2}", prose) else "en"
