"""What the page is given to show: what follows from a run, tables as texts, and the looks of meanings."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from wslab.core.findings import find, headline
from wslab.core.printable import printable
from wslab.core.runs import Run
from wslab.views.findings import rows
from wslab.views.style import look

TABLE_ROWS = 200
"""A table in a panel shows no more; `panel.runs` have all."""

ShownTable: TypeAlias = dict[str, Any]


MANY_RECORDS = 20_000
"""From here on findings take longer than anybody waits at a panel."""


def shown_finding(run: Run) -> dict[str, Any]:
    """Return the surest finding as the page shows it: `what` in a sentence, `rows` of why, what else and what to do.

    Empty where nothing closed unless on purpose, and for a run of very many records.
    """
    if len(run.records) >= MANY_RECORDS or not (found := find(run)):
        return {}
    told = [[name, printable(text)] for name, text in rows(found[0]) if name != "records"]
    also = [["also", printable(finding.what)] for finding in found[1:6]]
    return {"what": printable(headline(run)), "rows": told + also}


def look_of(meaning: int | str) -> dict[str, str]:
    """Return what the page needs to draw a meaning."""
    shown = look(meaning)
    told = ("label", "color", "dark", "marker", "hatch")
    return {name: getattr(shown, name) for name in told}


def shown_table(caption: str, table: pd.DataFrame, *, folded: bool = True) -> ShownTable:
    """Return a table as the page shows it: texts, and how many rows were left out; folded away, or always in sight."""
    shown = table.head(TABLE_ROWS)
    return {
        "caption": caption,
        "columns": [str(name) for name in table.columns],
        "rows": [
            [_cell(*cell) for cell in zip(table.columns, row, strict=True)] for row in shown.itertuples(index=False)
        ],
        "more": len(table) - len(shown),
        "folded": folded,
    }


def _cell(column: object, value: Any) -> str:
    if pd.isna(value):
        return "–"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    is_name = str(column).endswith(("code", "status"))  # numbers that are names: of a closure, of an answer
    return f"{value:,}" if isinstance(value, int | np.integer) and not is_name else str(value)
