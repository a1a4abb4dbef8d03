"""The field guide as a figure: one row per question, one column per subject, a mark and a shade per answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch, Rectangle

from wslab.core.checks import Judgement
from wslab.core.errors import BadValueError
from wslab.core.fieldguide import Group, GuideEntry
from wslab.views.axes import SMALL_PT, dress, new_axes
from wslab.views.checks import MARKS
from wslab.views.style import INK, QUIET, SHADE

SHADES: dict[Judgement, str] = {
    "passes": "#CFE6D9",
    "informational": "#FFFFFF",
    "surprises clients": "#F7DFB0",
    "fails": "#EFB7A5",
    "not applicable": SHADE,
    "not run": SHADE,
}
"""The shade behind the mark of each judgement; the mark alone is enough."""

ROW_IN = 0.2


def answers(entries: Sequence[GuideEntry]) -> pd.DataFrame:
    """Return one row per subject and question: subject, group, question, answer, judgement (None: a value), seen."""
    rows = [
        (entry.subject, entry.group, cell.question, cell.answer, cell.judgement, cell.seen)
        for entry in entries
        for cell in entry.cells
    ]
    return pd.DataFrame(rows, columns=["subject", "group", "question", "answer", "judgement", "seen"])


def field_guide(entries: Sequence[GuideEntry], group: Group = "server", *, ax: Axes | None = None) -> Axes:
    """Draw how the subjects of a group answer the questions that have a right answer.

    Raises:
        ValueError: no subject of the group was asked.
    """
    subjects = [entry for entry in entries if entry.group == group and entry.cells]
    if not subjects:
        raise BadValueError(f"group is {group!r}, but the field guide has no {group} that was tried")
    asked = (cell for entry in subjects for cell in entry.cells if cell.judgement is not None)
    questions = list(dict.fromkeys(cell.question for cell in asked))
    ax = ax or new_axes(ROW_IN * len(questions) + 2.1, left=0.36)
    shown = Counter(_draw_cells(ax, subjects, questions))
    ax.set_xlim(-0.5, len(subjects) - 0.5)
    ax.set_ylim(len(questions) - 0.5, -0.5)
    ax.set_yticks(range(len(questions)), [question.replace("_", " ") for question in questions])
    ax.set_xticks(
        range(len(subjects)), [entry.subject for entry in subjects], rotation=50, ha="right", rotation_mode="anchor"
    )
    handles = [
        Patch(facecolor=SHADES[judgement], edgecolor=QUIET, label=f"{mark} {judgement} ({shown[judgement]})")
        for judgement, (mark, _) in MARKS.items()
        if judgement in shown
    ]
    return dress(
        ax,
        kind="Answers of the field guide",
        title=_finding(questions, subjects, group),
        xlabel="",
        handles=handles,
        note=f"asked {' and '.join(sorted({entry.asked_at[:10] for entry in subjects}))}",
    )


def _draw_cells(ax: Axes, subjects: Sequence[GuideEntry], questions: Sequence[str]) -> Iterator[Judgement]:
    """Draw a cell per subject and question, and yield its judgement."""
    for (column, entry), (row, question) in product(enumerate(subjects), enumerate(questions)):
        cell = entry.cell(question)
        if cell is not None and cell.judgement is not None:
            shade = SHADES[cell.judgement]
            # What lies within the axes moves nothing; to measure each cell would take longer than to draw them.
            box = Rectangle((column - 0.5, row - 0.5), 1, 1, facecolor=shade, edgecolor=QUIET, lw=0.4, in_layout=False)
            ax.add_patch(box)
            mark, _ = MARKS[cell.judgement]
            ax.text(column, row, mark, ha="center", va="center", fontsize=SMALL_PT, color=INK, in_layout=False)
            yield cell.judgement


def _finding(questions: Sequence[str], subjects: Sequence[GuideEntry], group: Group) -> str:
    def unlike(question: str) -> int:
        judgements = [cell.judgement for entry in subjects if (cell := entry.cell(question)) is not None]
        return len({judgement for judgement in judgements if judgement not in ("not applicable", "not run")})

    differ = sum(unlike(question) > 1 for question in questions)
    who = {"server": "servers", "proxy": "proxies", "plain": "plain clients", "client": "reconnecting clients"}[group]
    return f"{len(subjects)} {who} answer {differ} of {len(questions)} questions differently"
