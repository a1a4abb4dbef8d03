"""What a kernel does for a report: it adds all rows of a displayed table, as CSV."""

from __future__ import annotations

from typing import Any

from IPython.core.formatters import BaseFormatter
from IPython.core.getipython import get_ipython
from traitlets import ObjectName, Unicode

MEDIA_TYPE = "text/csv"

MOST_CELLS = 50_000
"""A larger table can be downloaded only as shown, which is cut."""

PREPARE = f"__import__('runpy').run_path({__file__!r})['offer_csv']()"
"""Executed when a kernel starts: by path, because the kernel's environment may lack this package."""


class _CsvFormatter(BaseFormatter):
    format_type = Unicode(MEDIA_TYPE)
    print_method = ObjectName("_repr_csv_")


def offer_csv() -> None:
    """Let this kernel add CSV to every DataFrame that it displays, without importing pandas."""
    display_formatter = get_ipython().display_formatter  # type: ignore[union-attr]
    formatter = _CsvFormatter(parent=display_formatter)
    for module in ("pandas", "pandas.core.frame"):  # from version 3 on, and before
        formatter.for_type_by_name(module, "DataFrame", _to_csv)  # type: ignore[no-untyped-call]
    display_formatter.formatters[MEDIA_TYPE] = formatter  # type: ignore[union-attr]


def _to_csv(table: Any) -> str | None:
    return str(table.to_csv()) if table.size <= MOST_CELLS else None
