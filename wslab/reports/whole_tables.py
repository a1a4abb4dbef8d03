"""What a kernel does more while its notebook becomes a report: a table brings all of its rows along, as CSV."""

from __future__ import annotations

from typing import Any

from IPython.core.formatters import BaseFormatter
from IPython.core.getipython import get_ipython
from traitlets import ObjectName, Unicode

MEDIA_TYPE = "text/csv"

MOST_CELLS = 50_000
"""A larger table is offered as it is shown, which is cut."""

PREPARE = f"__import__('runpy').run_path({__file__!r})['offer_csv']()"
"""What a kernel executes at its start: by the path, since one of another environment need not have this package."""


class _CsvFormatter(BaseFormatter):
    format_type = Unicode(MEDIA_TYPE)
    print_method = ObjectName("_repr_csv_")


def offer_csv() -> None:
    """Have this kernel add CSV to whatever it displays of a DataFrame; pandas is not imported for it."""
    display_formatter = get_ipython().display_formatter  # type: ignore[union-attr]
    formatter = _CsvFormatter(parent=display_formatter)
    for module in ("pandas", "pandas.core.frame"):  # from version 3 on, and before
        formatter.for_type_by_name(module, "DataFrame", _to_csv)  # type: ignore[no-untyped-call]
    display_formatter.formatters[MEDIA_TYPE] = formatter  # type: ignore[union-attr]


def _to_csv(table: Any) -> str | None:
    return str(table.to_csv()) if table.size <= MOST_CELLS else None
