"""A report as Markdown for a ticket or a wiki: one text, and its figures as files beside it, since trackers drop images
that are part of the text."""

from __future__ import annotations

import base64
import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from bs4 import BeautifulSoup
from nbconvert.exporters import MarkdownExporter
from nbformat import NotebookNode
from nbformat.v4 import new_output
from traitlets import default

from wslab.reports.fragments import figures, pipe_table, rows

TEMPLATES = Path(__file__).parent / "templates"


class TicketExporter(MarkdownExporter):
    """nbconvert's Markdown, with text alternatives on the images."""

    @default("template_name")
    def _template_name_default(self) -> str:
        return "ticket"

    @default("extra_template_basedirs")
    def _extra_template_basedirs_default(self) -> list[str]:
        return [str(TEMPLATES)]


def to_markdown(notebook: NotebookNode, name: str) -> tuple[str, dict[str, bytes]]:
    """Return a notebook as Markdown, and the images that it refers to, by their paths relative to it.

    Tables become Markdown's own, figures PNG files in the folder `<name>_files`.
    """
    plain = copy.copy(notebook)
    plain.cells = [_plain(cell) for cell in notebook.cells]
    resources: dict[str, Any] = {"unique_key": name, "output_files_dir": f"{name}_files"}
    text, resources = TicketExporter().from_notebook_node(plain, resources)  # type: ignore[no-untyped-call]
    return text, resources["outputs"]


def _plain(cell: NotebookNode) -> NotebookNode:
    if cell.cell_type != "code":
        return cell
    plain = copy.copy(cell)
    plain.outputs = [shown for output in cell.outputs for shown in _without_html(output)]
    return plain


def _without_html(output: NotebookNode) -> Iterator[NotebookNode]:
    """Yield what the HTML of an output shows, in forms that Markdown has."""
    fragment = output.get("data", {}).get("text/html")
    if fragment is None:
        yield output
        return
    drawn = list(figures(fragment))
    tables = [rows(table) for table in BeautifulSoup(fragment, features="html.parser").find_all("table")]
    for content, words in drawn:
        yield _shown({"image/png": base64.b64encode(content).decode()}, {"image/png": {"alt": words}})
    for table in tables:
        yield _shown({"text/markdown": pipe_table(table)}, {})
    if not drawn and not tables:
        yield _shown({"text/plain": BeautifulSoup(fragment, features="html.parser").get_text()}, {})


def _shown(data: dict[str, str], metadata: dict[str, Any]) -> NotebookNode:
    return new_output("display_data", data=data, metadata=metadata)  # type: ignore[no-any-return, no-untyped-call]
