"""One JupyterLab and one browser for all tests of this folder; a page, a workspace and a kernel for each notebook."""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from . import chromium
from .lab import ROOT, Lab, running_lab
from .notebook import ANSWERS_WITHIN_S, VIEWPORT, Notebook

SCREENSHOTS = ROOT / "build" / "screenshots"
FAILED = pytest.StashKey[bool]()

# Of the scope of the folder, not of the session: while Playwright runs, no other test could call asyncio.run().


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """The browser; without one the tests are skipped."""
    with sync_playwright() as playwright:
        try:
            running = chromium.launch(playwright)
        except chromium.NoBrowserError as error:
            pytest.skip(str(error))
        with running:
            yield running


@pytest.fixture(scope="package")
def context(browser: Browser) -> Iterator[BrowserContext]:
    """The profile that all pages share, and with it what JupyterLab has the browser keep of its code."""
    with browser.new_context(viewport=VIEWPORT) as profile:
        profile.set_default_timeout(ANSWERS_WITHIN_S * 1000)
        yield profile


@pytest.fixture(scope="package")
def lab(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The JupyterLab; not started where there is no browser. At the end it leaves no process behind."""
    with running_lab(tmp_path_factory.mktemp("lab")) as running:
        yield running
        server = psutil.Process(running.pid)
        started = [server, *server.children(recursive=True)]
    assert [process for process in started if process.is_running()] == []


@pytest.fixture(scope="package")
def page(context: BrowserContext) -> Page:
    """The page in which one test after the other opens its notebook: to load JupyterLab takes seconds each time."""
    return context.new_page()


Attend = Callable[[Notebook], Notebook]
OpenNotebook = Callable[[Path], Notebook]
OpenCode = Callable[..., Notebook]


@pytest.fixture
def attend(request: pytest.FixtureRequest) -> Iterator[Attend]:
    """Take a notebook of this test; at the end it is closed, and the test fails if its page has complained."""
    names = request.path.stem, re.sub(r"\W+", "-", request.node.name).strip("-")
    screenshots = SCREENSHOTS.joinpath(*(name.removeprefix("test_") for name in names))
    attended: list[Notebook] = []

    def take(notebook: Notebook) -> Notebook:
        notebook.screenshots = screenshots
        attended.append(notebook)
        return notebook

    yield take
    for number, notebook in enumerate(attended):
        if has_failed := request.node.stash.get(FAILED, False):
            notebook.screenshot(f"failed-{number}", in_any_case=True)
        notebook.close(keep_kernel=not has_failed)
    complaints = [complaint for notebook in attended for complaint in notebook.watch.complaints]
    assert complaints == []


@pytest.fixture
def open_notebook(page: Page, lab: Lab, attend: Attend) -> OpenNotebook:
    """Take the path of a notebook and open a copy of it."""

    def open_copy(path: Path) -> Notebook:
        notebook = attend(Notebook(page, lab))
        notebook.open(path)
        return notebook

    return open_copy


@pytest.fixture
def open_code(open_notebook: OpenNotebook, tmp_path: Path) -> OpenCode:
    """Take the code of each cell and open a notebook made of these, with the ids cell-0, cell-1 and so on."""

    def open_new(*sources: str) -> Notebook:
        cells = [new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(sources)]
        path = tmp_path / "code.ipynb"
        nbformat.write(new_notebook(cells=cells), path)
        return open_notebook(path)

    return open_new


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report
