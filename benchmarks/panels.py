"""How long a panel takes in a real JupyterLab: from a click to the mark on the screen, and until it is open.

Needs a browser, like tests/browser, whose JupyterLab this drives.
"""

from __future__ import annotations

import statistics
import tempfile
from pathlib import Path

import nbformat
from browser import chromium
from browser.lab import running_lab
from browser.notebook import VIEWPORT, Notebook
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import sync_playwright

SENDS = 60
OPENINGS = 7
WITH_SERVER = "panel = wslab.panels.PayloadPanel()\npanel.server()\nNone"

CLICK_TO_MARK = """async sends => {
    const pause = ms => new Promise(done => setTimeout(done, ms));
    const view = document.querySelector(".wslab-sizes");
    const button = [...document.querySelectorAll(".wslab-panel button")].find(it => it.textContent === "Send");
    const times = [];
    for (let i = 0; i < sends; i++) {
        while (button.disabled) await pause(5);
        await pause(700); // until what stays was drawn as well
        const before = view.state().sends.length, began = performance.now();
        button.click();
        while (view.state().sends.length === before) await new Promise(requestAnimationFrame);
        times.push(performance.now() - began);
    }
    return times;
}"""
OPENING = """async panels => {
    const began = performance.now();
    jupyterapp.commands.execute("notebook:run-cell-and-select-next");
    while (document.querySelectorAll(".wslab-panel canvas[width]").length <= panels)
        await new Promise(requestAnimationFrame);
    return performance.now() - began;
}"""


def notebook_of(folder: Path, *sources: str) -> Path:
    path = folder / "code.ipynb"
    cells = [new_code_cell(source) for source in sources]  # type: ignore[no-untyped-call]
    nbformat.write(new_notebook(cells=cells), path)  # type: ignore[no-untyped-call]
    return path


def sends_ms(notebook: Notebook, folder: Path) -> list[float]:
    """Return the time of each send, from the click until it is drawn."""
    notebook.open(notebook_of(folder, "import wslab\npanel = wslab.panels.PayloadPanel()\npanel"))
    notebook.run_all()
    notebook.widgets.get_by_role("button", name="Send", exact=True).wait_for()
    times: list[float] = notebook.page.evaluate(CLICK_TO_MARK, SENDS)
    notebook.close()
    return times


def openings_ms(notebook: Notebook, folder: Path) -> list[float]:
    """Return the time from running a cell that shows a panel, whose server is up, until its view is drawn."""
    notebook.open(notebook_of(folder, "import wslab", *[WITH_SERVER, "panel"] * OPENINGS))
    times: list[float] = []
    for number in range(2 * OPENINGS + 1):
        if number and number % 2 == 0:
            times.append(notebook.page.evaluate(OPENING, len(times)))
        else:
            notebook.command("notebook:run-cell-and-select-next")
    notebook.close()
    return times[1:]  # without that which loads the module into the page


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright, running_lab(Path(home)) as lab:
        page = chromium.launch(playwright).new_page(viewport=VIEWPORT)
        sends = sends_ms(Notebook(page, lab), Path(home))
        openings = openings_ms(Notebook(page, lab), Path(home))
    print(
        f"from click to mark: median {statistics.median(sends):.0f} ms, promised below 60; "
        f"p95 {statistics.quantiles(sends, n=20)[-1]:.0f} ms, promised below 150 (n = {len(sends)})\n"
        f"opening a panel whose server is up: median {statistics.median(openings):.0f} ms, at most {max(openings):.0f} "
        f"(n = {len(openings)}), promised below 300"
    )
