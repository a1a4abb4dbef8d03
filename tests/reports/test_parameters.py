"""Parameters are set in a cell after the tagged one, and only those that it knows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest

from wslab.reports.parameters import set_parameters

from .conftest import Write


def opened(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)  # type: ignore[no-any-return]


def test_parameters_are_set_after_the_tagged_cell(tmp_path: Path, write: Write) -> None:
    notebook = opened(write(tmp_path / "a.ipynb", "# A", "@count = 3\nname: str = 'x'", "count"))
    set_parameters(notebook, {"count": "5", "name": "10"})
    assert [cell.source for cell in notebook.cells][1:3] == ["count = 3\nname: str = 'x'", "count = 5\nname = '10'"]
    assert notebook.cells[2].metadata.tags == ["injected-parameters"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.5", 1.5),
        ("None", None),
        ("[1, 2]", [1, 2]),
        ("false", False),
        ("True", True),
        ("null", None),
        ("ws://x", "ws://x"),
        ("'quoted'", "quoted"),
        ("", ""),
    ],
)
def test_parameter_is_a_literal_or_the_text_itself(tmp_path: Path, write: Write, text: str, value: Any) -> None:
    notebook = opened(write(tmp_path / "a.ipynb", "@given = 3"))
    set_parameters(notebook, {"given": text})
    assert notebook.cells[1].source == f"given = {value!r}"


def test_parameter_that_does_not_exist_is_refused_with_the_nearest(tmp_path: Path, write: Write) -> None:
    notebook = opened(write(tmp_path / "a.ipynb", "@clients = 3\nseed = 1"))
    with pytest.raises(ValueError, match=r"parameter is 'client'; did you mean 'clients'\? Known: 'clients', 'seed'"):
        set_parameters(notebook, {"client": "5"})


def test_parameter_of_a_notebook_without_any_is_refused(tmp_path: Path, write: Write) -> None:
    with pytest.raises(ValueError, match="no parameters: tag the cell"):
        set_parameters(opened(write(tmp_path / "a.ipynb", "count = 3")), {"count": "5"})


def test_no_parameters_leave_a_notebook_as_it_is(tmp_path: Path, write: Write) -> None:
    notebook = opened(write(tmp_path / "a.ipynb", "count = 3"))
    set_parameters(notebook, {})
    assert len(notebook.cells) == 1
