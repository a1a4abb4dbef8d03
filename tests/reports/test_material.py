"""A lesson by its number, a notebook, a saved run; and what is none of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from wslab.core.errors import NotebookError, RunFileError
from wslab.reports.material import lessons, open_notebook

DATA = Path(__file__).parents[2] / "data"


@pytest.mark.parametrize("what", ["0", "00", "00_what_closed_my_connection"])
def test_lesson_is_found_by_number_and_by_name(what: str) -> None:
    opened = open_notebook(what)
    assert (opened.name, opened.heading) == ("00_what_closed_my_connection", "What closed my connection?")


def test_every_lesson_is_listed_in_order() -> None:
    assert [name[:2] for name in lessons()][:8] == [f"{number:02}" for number in range(8)]


def test_run_is_opened_as_a_notebook_that_loads_it() -> None:
    opened = open_notebook(str(DATA / "story.jsonl"))
    assert opened.run is not None
    assert "wslab.load('story.jsonl')" in opened.notebook.cells[1].source
    assert "plots.reconnect_timeline" in "".join(cell.source for cell in opened.notebook.cells)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"not json", "does not hold JSON"),
        (b"\xff\xfe", "does not hold JSON"),
        (b"[1, 2]", "is not a notebook"),
        (b'{"a": 1}', "is not a notebook"),
        (
            b'{"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [{"cell_type": "poem"}]}',
            "is not a notebook",
        ),
        (b'{"nbformat": 99, "nbformat_minor": 0, "metadata": {}, "cells": []}', "is not a notebook"),
    ],
)
@pytest.mark.filterwarnings("ignore")  # nbformat's own, of what it then refuses
def test_what_is_no_notebook_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "odd.ipynb"
    path.write_bytes(content)
    with pytest.raises(NotebookError, match=words):
        open_notebook(str(path))


def test_run_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    lines = (DATA / "story.jsonl").read_text().splitlines()
    newer = tmp_path / "newer.jsonl"
    newer.write_text("\n".join([lines[0], '{"record": "wonder"}', '{"record":"end","records":1,"format_version":99}']))
    with pytest.raises(RunFileError, match=r"written in format 99, .* upgrade wslab"):
        open_notebook(str(newer))


def test_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(NotebookError, match=r"neither a notebook \(.ipynb\) nor a saved run"):
        open_notebook(str(tmp_path / "a.txt"))


def test_lesson_that_does_not_exist_is_refused_with_those_that_do() -> None:
    with pytest.raises(ValueError, match=r"lesson is '97'.*Known: '00', '01'"):
        open_notebook("97")
    with pytest.raises(ValueError, match=r"did you mean '07_retry_or_not'"):
        open_notebook("07_retry_or_no")


def test_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        open_notebook(str(tmp_path / "gone.ipynb"))
