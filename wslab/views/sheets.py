"""A table as a file for a spreadsheet, in which no cell is a formula."""

from __future__ import annotations

import io
import os
from pathlib import Path

import pandas as pd

from wslab.core.arguments import check_type
from wslab.core.errors import BadValueError, MissingPackageError
from wslab.core.files import write_whole
from wslab.core.printable import as_cell


def save(table: pd.DataFrame, path: str | os.PathLike[str]) -> Path:
    """Write a table to `path`, a .csv or .xlsx, and return the path.

    A peer's words may begin with `=`, `+`, `-` or `@`, which a spreadsheet would compute; an apostrophe before them
    keeps them a text. CSV is UTF-8 with a byte order mark, which spreadsheets need.

    Raises:
        TypeError: it is not a table.
        ValueError: the path has another ending.
        MissingPackageError: .xlsx needs openpyxl: pip install 'wslab[excel]'.
        UnwritableError: the path cannot be written; an existing file stays.
    """
    check_type("table", table, pd.DataFrame, "a table, such as tables.sends(run)")
    target = Path(path)
    texts = table.select_dtypes(["object", "string"]).columns
    safe = table.assign(**{name: table[name].map(_as_cell, na_action="ignore") for name in texts})
    match target.suffix:
        case ".csv":
            return write_whole(target, safe.to_csv(index=False).encode("utf-8-sig"))
        case ".xlsx":
            return write_whole(target, _as_xlsx(safe))
    raise BadValueError(f"path is {str(path)!r}, but must end in .csv or .xlsx")


def _as_cell(value: object) -> object:
    return as_cell(value) if isinstance(value, str) else value


def _as_xlsx(table: pd.DataFrame) -> bytes:
    file = io.BytesIO()
    try:
        table.to_excel(file, index=False, engine="openpyxl")
    except ImportError:
        message = "an .xlsx needs openpyxl, which is not installed: pip install 'wslab[excel]', or save a .csv"
        raise MissingPackageError(message) from None
    return file.getvalue()
