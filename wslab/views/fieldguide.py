"""The field guide for readers: the answers to each question on a terminal, or the whole matrix as a page.

Every cell of the page opens to what was seen, with the evidence. Words of subjects are escaped wherever they appear.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

from jinja2 import Environment, PackageLoader
from rich.console import Group as Lines
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from wslab.core.fieldguide import Cell, Group, GuideEntry
from wslab.core.printable import printable
from wslab.views.checks import MARKS

_TEMPLATES = Environment(loader=PackageLoader("wslab.views"), autoescape=True, trim_blocks=True, lstrip_blocks=True)

TITLES: dict[Group, str] = {
    "server": "Servers",
    "proxy": "Proxies",
    "plain": "Clients that do not come back by themselves",
    "client": "Clients that come back",
}


class Matrix(NamedTuple):
    """The tried subjects of a group, and rows of a question and its cells; None if it was not asked."""

    title: str
    subjects: list[GuideEntry]
    rows: list[tuple[str, list[Cell | None]]]


def matrices(entries: Sequence[GuideEntry]) -> list[Matrix]:
    """Return one matrix per group that has subjects."""
    found = []
    for group, title in TITLES.items():
        subjects = [entry for entry in entries if entry.group == group and entry.cells]
        questions = dict.fromkeys(cell.question for entry in subjects for cell in entry.cells)
        rows = [(question, [entry.cell(question) for entry in subjects]) for question in questions]
        if subjects:
            found.append(Matrix(title, subjects, rows))
    return found


def render(entries: Sequence[GuideEntry], changed: Sequence[str] = ()) -> RenderableType:
    """Return a field guide as one table per group, with one row per question and the answers to it."""
    shown: list[RenderableType] = []
    for matrix in matrices(entries):
        table = Table(title=f"{matrix.title}: {len(matrix.subjects)}", title_justify="left", show_lines=True)
        table.add_column("question")
        table.add_column("answers")
        for question, cells in matrix.rows:
            table.add_row(question.replace("_", " "), Text(printable(_answers(matrix.subjects, cells))))
        shown.append(table)
    lines = [f"{entry.subject}: {entry.missing}" for entry in entries if entry.missing]
    lines += [f"{entry.subject}: {trouble}" for entry in entries for trouble in entry.trouble]
    for heading, told in (("Not tried, and what went wrong", lines), ("Changed since the earlier one", changed)):
        if told:
            shown += [Text(heading, "bold"), *(Text(printable(f"  {line}")) for line in told)]
    return Lines(*shown)


def _answers(subjects: Sequence[GuideEntry], cells: Sequence[Cell | None]) -> str:
    names = defaultdict(list)
    for entry, cell in zip(subjects, cells, strict=True):
        if cell is not None:
            names[cell.answer].append(entry.subject)
    if len(names) == 1:
        (answer,) = names
        return f"{answer} (all that were asked)"
    return "\n".join(f"{answer} ({len(who)}): {'; '.join(who)}" for answer, who in names.items())


def page(entries: Sequence[GuideEntry], changed: Sequence[str] = ()) -> str:
    """Return a field guide as one HTML document that needs no network."""
    return _TEMPLATES.get_template("fieldguide.html.j2").render(
        matrices=matrices(entries),
        untried=[entry for entry in entries if entry.missing or not entry.cells],
        troubled=[entry for entry in entries if entry.trouble],
        dates=sorted({entry.asked_at[:10] for entry in entries}),
        machines=list(dict.fromkeys(_described(entry.machine) for entry in entries if entry.machine)),
        changed=changed,
        marks=MARKS,
    )


def _described(machine: dict[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in machine.items())
