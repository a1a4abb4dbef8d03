"""How long a panel takes in a real JupyterLab: from a click to the mark on the screen, and until it is open.

Milliseconds vary with the machine, so a click is timed beside the least that a widget needs: a bare anywidget, whose
kernel answers each message with one. Both are on the same page and take turns; each has its server up and, as is
promised, its connection open. What opening one adds is told by the panel as it is, which opens one per message.

Needs a browser, like tests/browser, whose JupyterLab this drives.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import nbformat
from _results import Result, library, tell
from browser import chromium
from browser.lab import running_lab
from browser.notebook import VIEWPORT, Notebook
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import sync_playwright

WITH_SERVER = "panel = wslab.panels.PayloadPanel()\npanel.server()\nNone"

BARE = '''
import anywidget

class Bare(anywidget.AnyWidget):
    """Draws a mark for every answer of its kernel."""

    _esm = """
    export default { render({ model, el }) {
        el.innerHTML = "<div class=bare><button>Send</button></div>";
        const [box] = el.children;
        box.firstChild.onclick = () => model.send({ press: true });
        model.on("msg:custom", () => box.append("|"));
    } }
    """

    def __init__(self):
        super().__init__()
        self.on_msg(lambda widget, content, buffers: widget.send(content))

Bare()
'''
OPEN = """
import wslab
from wslab.net import runtime
from wslab.net.client.client import Client
from wslab.net.recording import Recorder

class Open(wslab.panels.PayloadPanel):
    "The panel, but that its messages go over one connection, which stays open."

    def work(self, action):
        if not hasattr(self, "client"):
            recorder = Recorder()
            recorder.listeners.append(self._live)
            self.client = Client(self.server().url, recorder)
            runtime.run(self.client.open())
        runtime.run(self.client.send_message("x" * self.values["payload_bytes"]))
        self._live.flush()  # as it does where a run is kept

Open()
"""

CLICK_TO_MARK = """async rounds => {
    const pause = ms => new Promise(done => setTimeout(done, ms));
    const panels = [...document.querySelectorAll(".wslab-panel")].map(panel => {
        const view = panel.querySelector(".wslab-sizes");
        const button = [...panel.querySelectorAll("button")].find(it => it.textContent === "Send");
        return { button, marks: () => view.state().sends.length };
    });
    const box = document.querySelector(".bare");
    const turns = [{ button: box.firstChild, marks: () => box.childNodes.length }, ...panels];
    const times = [];
    for (let i = 0; i <= rounds; i++) {
        const round = [];
        for (const { button, marks } of turns) {
            while (button.disabled) await pause(5);
            await pause(700); // until what stays was drawn as well
            const before = marks(), began = performance.now();
            button.click();
            while (marks() === before && performance.now() - began < 10_000) await new Promise(requestAnimationFrame);
            if (marks() === before) throw new Error(`turn ${round.length + 1} of round ${i} drew no mark in 10 s`);
            round.push(performance.now() - began);
        }
        if (i) times.push(round); // the first opens the connection that stays
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
    cells = [new_code_cell(source) for source in sources]
    nbformat.write(new_notebook(cells=cells), path)
    return path


def clicks_ms(notebook: Notebook, folder: Path, rounds: int) -> list[tuple[float, float, float]]:
    """Return, per round, the time from click to mark: bare, on an open connection, with one opened for it."""
    notebook.open(notebook_of(folder, BARE, OPEN, "wslab.panels.PayloadPanel()"))
    notebook.run_all()
    notebook.widgets.get_by_role("button", name="Send", exact=True).nth(2).wait_for()
    times: list[tuple[float, float, float]] = notebook.page.evaluate(CLICK_TO_MARK, rounds)
    notebook.close()
    return times


def openings_ms(notebook: Notebook, folder: Path, rounds: int) -> tuple[float, ...]:
    """Return the time from running a cell that shows a panel, whose server is up, until its view is drawn."""
    notebook.open(notebook_of(folder, "import wslab", *[WITH_SERVER, "panel"] * (rounds + 1)))
    times: list[float] = []
    for number in range(2 * rounds + 3):
        if number and number % 2 == 0:
            times.append(notebook.page.evaluate(OPENING, len(times)))
        else:
            notebook.command("notebook:run-cell-and-select-next")
    notebook.close()
    return tuple(times[1:])  # without that which loads the module into the page


def p95(values: Sequence[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def clicks(rounds: Sequence[tuple[float, float, float]]) -> Iterator[Result]:
    """Set the clicks beside the bare widget's."""
    bare_ms, open_ms, fresh_ms = zip(*rounds, strict=True)
    peer = f"a bare widget, {library('anywidget')}"
    on_open = "from click to mark, a message on an open connection"
    note = f"{statistics.median(open_ms):.0f} ms against {statistics.median(bare_ms):.0f}"
    ratios = tuple(ours / bare for ours, bare in zip(open_ms, bare_ms, strict=True))
    yield Result(claim=on_open, values=ratios, peer=peer, at_most=1.5, note=note)
    note = f"of {len(rounds)} clicks each: {p95(open_ms):.0f} ms against {p95(bare_ms):.0f}"
    yield Result(claim=f"{on_open}: p95", values=(p95(open_ms) / p95(bare_ms),), peer=peer, at_most=2, note=note)
    added_ms = tuple(fresh - ours for fresh, ours in zip(fresh_ms, open_ms, strict=True))
    yield Result(claim="from click to mark, what opening a connection adds", values=added_ms, unit="ms")


def measure(quick: bool) -> Iterator[Result]:
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright, running_lab(Path(home)) as lab:
        try:
            page = chromium.launch(playwright).new_page(viewport=VIEWPORT)
        except chromium.NoBrowserError as error:
            yield Result(claim="panels", note=str(error))
            return
        yield from clicks(clicks_ms(Notebook(page, lab), Path(home), 3 if quick else 60))
        openings = openings_ms(Notebook(page, lab), Path(home), 1 if quick else 6)
        yield Result(claim="opening a panel whose server is up", values=openings, unit="ms", at_most=300)


if __name__ == "__main__":
    tell(measure, __doc__)
