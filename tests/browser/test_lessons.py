"""Every lesson in a real notebook: opened, Run All pressed, and each of its widgets drawn."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from .conftest import Attend
from .lab import ROOT, Lab
from .notebook import Notebook

LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
AT_ONCE = 3  # a lesson mostly waits, for a server that is down or for a client that is


@pytest.fixture(scope="module")
def start(context: BrowserContext, lab: Lab, request: pytest.FixtureRequest) -> Iterator[Callable[[Path], Notebook]]:
    """Take a lesson and return it with Run All pressed; the next ones then run already as well."""
    here = [item.name for item in request.session.items if item.path == request.path]
    chosen = [lesson for lesson in LESSONS if any(lesson.stem in name for name in here)]
    running: dict[Path, Notebook] = {}
    done: list[Page] = []

    def start_with_the_next(lesson: Path) -> Notebook:
        while done:
            done.pop().close()
        upcoming = chosen[chosen.index(lesson) :][:AT_ONCE]
        for each in upcoming:
            if each not in running:
                running[each] = Notebook(context.new_page(), lab)
                running[each].open(each)
                running[each].start_run_all()
        done.append(running[lesson].page)
        return running.pop(lesson)

    yield start_with_the_next
    for notebook in running.values():
        notebook.close()
    for page in done:
        page.close()


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_lesson_runs_in_jupyterlab(start: Callable[[Path], Notebook], attend: Attend, lesson: Path) -> None:
    notebook = attend(start(lesson))
    notebook.finish_run_all()
    notebook.screenshot_all("whole")
    assert notebook.errors == []
    expect(notebook.widgets).to_have_count(notebook.displayed_widgets)
