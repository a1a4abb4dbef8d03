"""A report as Markdown for a ticket or a wiki: a text, and the files that it refers to.

Figures are files, because trackers drop embedded images; tables come with their data as CSV. Words of a run or a peer
are never markup (see `wslab.core.printable.as_markdown`).
"""

from __future__ import annotations

import base64
import copy
import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bs4 import Tag
from markdownify import ATX, MarkdownConverter
from nbconvert.exporters import MarkdownExporter
from nbconvert.filters import strip_ansi
from nbconvert.filters.markdown import markdown2html_mistune
from nbformat import NotebookNode
from nbformat.v4 import new_output
from traitlets import default

from wslab.core.printable import as_markdown, printable
from wslab.reports.fragments import PNG, is_no_data, rows, to_csv
from wslab.reports.sanitizing import clean_prose

TEMPLATES = Path(__file__).parent / "templates"

Keep = Callable[[str, bytes], str]
"""Stores a file with this suffix, and returns the address by which the text refers to it."""


class TicketExporter(MarkdownExporter):
    """nbconvert's Markdown, with text alternatives for images, and code and texts in safe fences."""

    def default_filters(self) -> Iterator[tuple[str, Any]]:
        yield from super().default_filters()  # type: ignore[no-untyped-call]
        yield ("fenced", fenced)

    @default("template_name")
    def _template_name_default(self) -> str:
        return "ticket"

    @default("extra_template_basedirs")
    def _extra_template_basedirs_default(self) -> list[str]:
        return [str(TEMPLATES)]


def fenced(text: str, language: str = "") -> str:
    r"""Return a text as a block of code that nothing in it can end, without terminal escapes.

    >>> print(fenced("a ``` b\x1b[31m!"))
    ````
    a ``` b!
    ````
    """
    lines = [printable(line) for line in str(strip_ansi(text)).expandtabs().rstrip("\n").split("\n")]
    ticks = "`" * max(3, max(map(len, re.findall("`+", text)), default=0) + 1)
    return "\n".join([ticks + language, *lines, ticks])


def to_markdown(notebook: NotebookNode, name: str) -> tuple[str, dict[str, bytes]]:
    """Return a notebook as Markdown, and the files that it refers to, by relative path.

    Figures become PNG files, tables become Markdown with CSV files; all are in the folder `<name>_files`.
    """
    files: dict[str, bytes] = {}

    def keep(suffix: str, content: bytes) -> str:
        path = f"{name}_files/{len(files) + 1}{suffix}"
        files[path] = content
        return path.replace(" ", "%20")

    plain = copy.copy(notebook)
    plain.cells = [_plain(cell, keep) for cell in notebook.cells]
    resources: dict[str, Any] = {"unique_key": name, "output_files_dir": f"{name}_files"}
    text, resources = TicketExporter().from_notebook_node(plain, resources)  # type: ignore[no-untyped-call]
    return text, files | resources["outputs"]


def _plain(cell: NotebookNode, keep: Keep) -> NotebookNode:
    if cell.cell_type != "code":
        return cell
    plain = copy.copy(cell)
    plain.outputs = [_without_html(output, keep) for output in cell.outputs]
    return plain


def _without_html(output: NotebookNode, keep: Keep) -> NotebookNode:
    """Return an output with Markdown in place of its HTML."""
    data = output.get("data", {})
    if "application/vnd.jupyter.widget-view+json" in data or not data.keys() & {"text/html", "text/markdown"}:
        return output
    fragment = data.get("text/html") or markdown2html_mistune(data["text/markdown"])
    text = fragment_as_markdown(fragment, keep, data.get("text/csv"))
    return new_output("display_data", data={"text/markdown": text})  # type: ignore[no-any-return]


def fragment_as_markdown(fragment: str, keep: Keep, table_data: str | None = None) -> str:
    """Return HTML as Markdown; images and the data of tables go to files.

    Args:
        table_data: the whole table as CSV; the HTML may show a part of it.
    """
    return str(_Converter(keep, table_data).convert(clean_prose(fragment))).strip()


class _Converter(MarkdownConverter):
    """markdownify's converter, with files for images and data, and words that are never markup."""

    def __init__(self, keep: Keep, table_data: str | None) -> None:
        super().__init__(heading_style=ATX, bullets="-", table_infer_header=True)
        self._keep = keep
        self._table_data = table_data

    def escape(self, text: str, parent_tags: set[str]) -> str:
        lead, trail = " " * text[:1].isspace(), " " * text[-1:].isspace()
        words = _for_cell(as_markdown(" ".join(text.split())), parent_tags)
        return f"{lead}{words}{trail}" if words else lead

    def convert_code(self, element: Tag, text: str, parent_tags: set[str]) -> str:
        return "" if not text.strip() else _for_cell(as_markdown(text.strip()), parent_tags)

    def convert_a(self, element: Tag, text: str, parent_tags: set[str]) -> str:
        """Keep links to addresses; links within the page become text."""
        address = str(element.get("href", ""))
        if not re.fullmatch(r"(?:https?|mailto):[^\s()<>\"`]+", address):
            return text
        return f"[{text.strip()}]({address})"

    def convert_img(self, element: Tag, text: str, parent_tags: set[str]) -> str:
        source, words = str(element.get("src", "")), as_markdown(str(element.get("alt") or "A figure"))
        if not source.startswith(PNG):
            return words
        return f"![{words}]({self._keep('.png', base64.b64decode(source.removeprefix(PNG)))})"

    def convert_table(self, element: Tag, text: str, parent_tags: set[str]) -> str:
        table = super().convert_table(element, text, parent_tags)  # type: ignore[misc] # not in its stubs
        if element.find_parent(is_no_data) is not None or element.find("td") is None:
            return str(table)
        data = self._table_data
        cells = rows(element) if data is None else list(csv.reader(io.StringIO(data, newline="")))
        return f"{table}[This table as CSV]({self._keep('.csv', to_csv(cells).encode('utf-8-sig'))})\n\n"

    def convert_summary(self, element: Tag, text: str, parent_tags: set[str]) -> str:
        return f"\n\n**{text.strip()}**\n\n"

    def convert_dt(self, element: Tag, text: str, parent_tags: set[str]) -> str:
        return f"\n- {text.strip()}: "

    def convert_dd(self, element: Tag, text: str, parent_tags: set[str]) -> str:
        return f"{text.strip()}\n"


def _for_cell(text: str, parent_tags: set[str]) -> str:
    """Escape the pipes of text in a table cell, where they split even code (GitHub's Markdown, §4.10)."""
    return text.replace("|", "\\|") if parent_tags & {"td", "th"} else text
