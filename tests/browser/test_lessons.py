"""Every lesson in a real notebook: opened, Run All pressed, each of its widgets drawn and fit for everyone to use."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from .conftest import OpenNotebook
from .lab import ROOT

LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_lesson_runs_in_jupyterlab(open_notebook: OpenNotebook, lesson: Path) -> None:
    notebook = open_notebook(lesson)
    notebook.run_all()
    notebook.screenshot_all("whole")
    assert notebook.errors == []
    assert notebook.displayed_widgets > 0
    expect(notebook.widgets).to_have_count(notebook.displayed_widgets)
