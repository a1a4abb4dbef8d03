"""Every lesson in a real notebook: opened, Run All pressed, and each of its widgets drawn.

The first has its sockets; the others replay their recordings, since `tests/test_lessons.py` runs all of them.
"""

from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from playwright.sync_api import expect

from wslab.core.recordings import REPLAY

from .conftest import OpenNotebook
from .lab import ROOT

LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))


LIVE = {"00_what_closed_my_connection", "11_what_about_my_server_my_client"}
"""Lessons that a kernel runs on real sockets: the first, and the one whose relay has another port each time."""


def replaying(lesson: Path, folder: Path) -> Path:
    """Return a copy of a lesson whose kernel replays."""
    notebook = nbformat.read(lesson, as_version=4)
    notebook.cells.insert(0, new_code_cell(f"import os\nos.environ[{REPLAY!r}] = {str(ROOT / 'data')!r}"))
    nbformat.write(notebook, folder / lesson.name)
    return folder / lesson.name


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_lesson_runs_in_jupyterlab(open_notebook: OpenNotebook, lesson: Path, tmp_path: Path) -> None:
    notebook = open_notebook(lesson if lesson.stem in LIVE else replaying(lesson, tmp_path))
    notebook.run_all()
    notebook.screenshot_all("whole")
    assert notebook.errors == []
    expect(notebook.widgets).to_have_count(notebook.displayed_widgets)
