"""Every lesson in a real notebook: opened, Run All pressed, and each of its widgets drawn.

The first has its sockets; the others replay their recordings, since `tests/test_lessons.py` runs all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell
from playwright.sync_api import BrowserContext, Page, expect

from wslab.core.recordings import REPLAY

from .conftest import Attend
from .lab import ROOT, Lab
from .notebook import Notebook

LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
AT_ONCE = 3  # a lesson mostly waits, for a server that is down or for a client that is


@pytest.fixture(scope="module")
def start(
    context: BrowserContext, lab: Lab, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[Path], Notebook]]:
    """Take a lesson and return it with Run All pressed; the next ones then run already as well."""
    here = [item.name for item in request.session.items if item.path == request.path]
    chosen = [lesson for lesson in LESSONS if any(lesson.stem in name for name in here)]
    folder = tmp_path_factory.mktemp("replaying")
    running: dict[Path, Notebook] = {}
    done: list[Page] = []

    def start_with_the_next(lesson: Path) -> Notebook:
        while done:
            done.pop().close()
        upcoming = chosen[chosen.index(lesson) :][:AT_ONCE]
        for each in upcoming:
            if each not in running:
                running[each] = Notebook(context.new_page(), lab)
                running[each].open(each if each == LESSONS[0] else replaying(each, folder))
                running[each].start_run_all()
        done.append(running[lesson].page)
        return running.pop(lesson)

    yield start_with_the_next
    for notebook in running.values():
        notebook.close()
    for page in done:
        page.close()


def replaying(lesson: Path, folder: Path) -> Path:
    """Return a copy of a lesson whose kernel replays."""
    notebook = nbformat.read(lesson, as_version=4)  # type: ignore[no-untyped-call]
    notebook.cells.insert(0, new_code_cell(f"import os\nos.environ[{REPLAY!r}] = {str(ROOT / 'data')!r}"))  # type: ignore[no-untyped-call]
    nbformat.write(notebook, folder / lesson.name)  # type: ignore[no-untyped-call]
    return folder / lesson.name


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_lesson_runs_in_jupyterlab(start: Callable[[Path], Notebook], attend: Attend, lesson: Path) -> None:
    notebook = attend(start(lesson))
    notebook.finish_run_all()
    notebook.screenshot_all("whole")
    assert notebook.errors == []
    expect(notebook.widgets).to_have_count(notebook.displayed_widgets)
