"""What the page is given to show: tables as texts, and the looks of meanings."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import pandas as pd

from wslab.views.style import look

TABLE_ROWS = 200
"""A table in a panel shows no more; `panel.runs` have all."""

ShownTable: TypeAlias = dict[str, Any]


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
        "rows": [[_cell(value) for value in row] for row in shown.itertuples(index=False)],
        "more": len(table) - len(shown),
        "folded": folded,
    }


def _cell(value: Any) -> str:
    if pd.isna(value):
        return "–"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return f"{value:,}" if isinstance(value, int) and not 1000 <= value <= 4999 else str(value)
