"""A table in a spreadsheet is what it is here, and computes nothing there."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hostile import PAYLOADS, hostile_run

from wslab.core.errors import BadTypeError, BadValueError, MissingPackageError
from wslab.views import sheets, tables


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_cells_of_a_hostile_run_are_no_formulas_and_have_no_control_characters(tmp_path: Path, suffix: str) -> None:
    path = sheets.save(tables.closures(hostile_run()), tmp_path / f"table{suffix}")
    if suffix == ".csv":
        read = pd.read_csv(path, encoding="utf-8-sig", dtype="string", keep_default_na=False)
    else:
        read = pd.read_excel(path, dtype="string", keep_default_na=False)
    assert len(read) == len(PAYLOADS)
    for cell in (cell for name in read for cell in read[name].dropna() if cell):
        assert cell.isprintable()
        assert cell.lstrip()[0] not in "=+-@"


def test_numbers_stay_numbers(tmp_path: Path) -> None:
    table = pd.DataFrame({"offset_s": [-0.5, 1.5], "text": ["-0.5", "-a"]})
    read = pd.read_csv(sheets.save(table, tmp_path / "table.csv"), encoding="utf-8-sig")
    assert list(read["offset_s"]) == [-0.5, 1.5]
    assert list(read["text"]) == ["-0.5", "'-a"]


def test_what_is_no_table_or_no_sheet_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadTypeError, match=r"table is 5, but must be a table, such as tables.sends\(run\)"):
        sheets.save(5, tmp_path / "table.csv")  # type: ignore[arg-type]
    with pytest.raises(BadValueError, match=r"must end in \.csv or \.xlsx"):
        sheets.save(pd.DataFrame(), tmp_path / "table.ods")


def test_without_openpyxl_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ImportError("openpyxl")

    monkeypatch.setattr(pd.DataFrame, "to_excel", fail)
    with pytest.raises(MissingPackageError, match=r"pip install 'wslab\[excel\]'"):
        sheets.save(pd.DataFrame({"a": [1]}), tmp_path / "table.xlsx")
    assert list(tmp_path.iterdir()) == []
