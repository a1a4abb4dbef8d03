"""Owns what a test does with a notebook in JupyterLab: open it, run it, ask its kernel, look at its cells and outputs.

Nothing is asserted here, and every wait has an end; Playwright's own waits apply to all locators that are handed out.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, Literal

from playwright.sync_api import Locator, Page, ViewportSize

from wslab.core.recordings import REPLAY

from .lab import TOKEN, Lab
from .watch import Watch

Theme = Literal["light", "dark"]

OPENS_WITHIN_S = 60
RUNS_WITHIN_S = 90
ANSWERS_WITHIN_S = 10
AFTERMATH_MS = 150
POLLING_MS = 50  # and not each frame of the screen, as is the default, for which the page would be painted anew
VIEWPORT: ViewportSize = {"width": 1280, "height": 800}
TALLEST_PX = 16_000  # a screenshot of Chromium's wraps round above 2**14
BELOW_CELLS_PX = 60

AUTHORIZED = {"Authorization": f"token {TOKEN}"}
OUTPUT = ".jp-Cell-outputArea > .jp-OutputArea-child > .jp-OutputArea-output"
PANEL = "jupyterapp.shell.currentWidget"
# The indicator says idle before there is a kernel, hence the session and its connection.
IS_READY = """path => {
    const session = window.jupyterapp?.shell?.currentWidget?.sessionContext;
    const kernel = session?.session?.kernel;
    const isIdle = kernel?.connectionStatus === "connected" && kernel.status === "idle";
    return session?.path === path && session.isReady && isIdle;
}"""
OPEN = "jupyterapp.commands.execute('docmanager:open', {path: promised.path}).then(() => null)"
# As a user does it who has saved, so that no question comes.
CLOSE = """(async widget => {
    widget.context.model.dirty = false;
    widget.close();
    while (!widget.isDisposed) await new Promise(requestAnimationFrame);
})([...jupyterapp.shell.widgets("main")].find(widget => widget.context?.path === promised.path))"""
# Takes from a kernel what a notebook has left in it, and says how many child processes it could not take.
TIDY = f"""
import ipywidgets, os, psutil
ipywidgets.Widget.close_all()
get_ipython().run_line_magic("reset", "-f")
import os, psutil
os.environ.pop({REPLAY!r}, None)
"""
# A promise is not awaited in evaluate(), which has no timeout, but told apart from here by what it leaves in the page.
START = """promised => {
    const ends = window.ends ??= [];
    const number = ends.push(null) - 1;
    Promise.resolve(%s).then(it => { ends[number] = {it} }, error => { ends[number] = {error: String(error)} });
    return number;
}"""

# A cell takes its true height only when it is drawn, in one of the frames after it has come into view.
SETTLED_BOTTOM = """async element => {
    let bottom = 0;
    for (let frame = 0, still = 0; frame < 120 && still < 10; frame++) {
        await new Promise(requestAnimationFrame);
        const now = element.getBoundingClientRect().bottom;
        still = now === bottom ? still + 1 : 0;
        bottom = now;
    }
    return bottom;
}"""


class Notebook:
    """A notebook that is open in a page of its own, with a kernel of its own."""

    def __init__(self, page: Page, lab: Lab) -> None:
        self.page = page
        self.watch = Watch(page)
        """What the console said, and who was asked; its complaints fail the test when it ends."""
        self.screenshots = lab.folder
        """Where pictures are kept."""
        self._lab = lab
        self._path = ""
        self._session = "", lab.folder

    # Opening and running

    def open(self, notebook: Path) -> None:
        """Open a copy of a notebook and wait for its kernel; load JupyterLab, with the light theme, if need be."""
        path = self._path = self._take_session(notebook)
        if self.page.url.startswith(self._lab.url):  # a page of another test's, which need not load everything again
            self.use_theme("light")
            self.page.evaluate("jupyterapp.shell.expandLeft()")
            self._call(OPEN, path=path)
        else:
            self._lab.forget_settings()
            workspace = path.replace("/", "-").removesuffix(".ipynb")
            self.page.goto(f"{self._lab.url}lab/workspaces/{workspace}/tree/{path}?token={TOKEN}&reset")
        self.page.wait_for_function(IS_READY, arg=path, polling=POLLING_MS, timeout=OPENS_WITHIN_S * 1000)

    def _take_session(self, notebook: Path) -> str:
        """Copy the notebook to where a kernel works, one that is idle or a new one, and return its path there."""
        ask, sessions = self.page.request, f"{self._lab.url}api/sessions"
        is_new = not self._lab.idle
        session_id, folder = ("", Path(tempfile.mkdtemp(dir=self._lab.folder))) if is_new else self._lab.idle.pop()
        path = Path(shutil.copy(notebook, folder)).relative_to(self._lab.folder).as_posix()
        wanted = {"path": path, "name": path, "type": "notebook"}
        if is_new:
            answer = ask.post(sessions, headers=AUTHORIZED, data=wanted | {"kernel": {"name": "python3"}})
            session_id = answer.json()["id"]
        else:
            ask.patch(f"{sessions}/{session_id}", headers=AUTHORIZED, data=wanted)
        self._session = session_id, folder
        return path

    def close(self, *, keep_kernel: bool = True) -> None:
        """Close the notebook, and with it its widgets, servers and clients; the page stays, and its kernel if it may.

        Args:
            keep_kernel: False after a failure, when the kernel may be in any state.
        """
        self.watch.stop()
        if not self._path:
            return
        processes_left = self._execute(TIDY, "len(psutil.Process().children())") if keep_kernel else "unknown"
        self._call(CLOSE, path=self._path)
        if processes_left == "0":
            self._lab.idle.append(self._session)
        else:
            self.page.request.delete(f"{self._lab.url}api/sessions/{self._session[0]}", headers=AUTHORIZED)
        self._path = ""
        self.page.wait_for_timeout(AFTERMATH_MS)  # the next test must not hear of this

    def run_all(self, *, timeout_s: float = RUNS_WITHIN_S) -> None:
        """Press Run All and wait until the last cell has ended, or one has failed."""
        self._finish(self._start("jupyterapp.commands.execute('notebook:run-all-cells')"), timeout_s)

    def command(self, name: str, **arguments: Any) -> None:
        """Run one of JupyterLab's own commands, by the id that its command palette knows."""
        self._call("jupyterapp.commands.execute(promised.name, promised.arguments)", name=name, arguments=arguments)

    def restart_kernel(self) -> None:
        """Restart the kernel without a question; the outputs stay, and what they show is then without a kernel."""
        self._call(f"{PANEL}.sessionContext.session.kernel.restart()")
        self.page.wait_for_function(IS_READY, arg=self._path, polling=POLLING_MS, timeout=OPENS_WITHIN_S * 1000)

    def restart_kernel_elsewhere(self) -> None:
        """Restart the kernel as another page would, of which this one is not told."""
        kernel_id = self.page.evaluate(f"{PANEL}.sessionContext.session.kernel.id")
        self.page.request.post(f"{self._lab.url}api/kernels/{kernel_id}/restart", headers=AUTHORIZED)

    def interrupt_kernel(self) -> None:
        """Press ■."""
        self._call(f"{PANEL}.sessionContext.session.kernel.interrupt()")

    def ask(self, expression: str) -> str:
        """Return the repr of an expression in the kernel, as if a cell had it; it waits for the cells that run."""
        return self._execute("", expression)

    def _execute(self, code: str, expression: str) -> str:
        answer = self._call(
            f"{PANEL}.sessionContext.session.kernel.requestExecute("
            "{code: promised.code, silent: true, user_expressions: {it: promised.expression}}).done"
            ".then(reply => reply.content.user_expressions.it)",
            code=code,
            expression=expression,
        )
        if answer["status"] == "error":
            raise ValueError(f"{expression}: {answer['ename']}: {answer['evalue']}")
        return str(answer["data"]["text/plain"])

    # Cells and outputs

    @property
    def content(self) -> list[dict[str, Any]]:
        """The cells with their outputs, as a saved file would have them."""
        cells: list[dict[str, Any]] = self.page.evaluate(f"{PANEL}.context.model.toJSON().cells")
        return cells

    @property
    def cells(self) -> Locator:
        """All cells, of prose and of code."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell")

    @property
    def outputs(self) -> Locator:
        """The outputs of all cells, one for each that a cell displayed."""
        return self.cells.locator(OUTPUT)

    @property
    def widgets(self) -> Locator:
        """The widgets that cells have displayed and the page has drawn: one for each panel, not for what is in it."""
        return self.cells.locator(f"{OUTPUT}.lm-Panel > .lm-Widget:not(.jupyter-error-widget)")

    def cell(self, cell_id: str) -> Locator:
        """Return the cell with this id, as the file of the notebook names it."""
        ids = [cell["id"] for cell in self.content]
        return self.cells.nth(ids.index(cell_id))

    @property
    def errors(self) -> list[str]:
        """What went wrong in the cells: tracebacks, and whatever was written to stderr."""
        outputs = [output for cell in self.content for output in cell.get("outputs", [])]
        raised = [f"{it['ename']}: {it['evalue']}" for it in outputs if it["output_type"] == "error"]
        return raised + ["".join(it["text"]) for it in outputs if it.get("name") == "stderr"]

    @property
    def displayed_widgets(self) -> int:
        """How many widgets the cells have displayed, rendered or not."""
        outputs = [output for cell in self.content for output in cell.get("outputs", [])]
        return sum("application/vnd.jupyter.widget-view+json" in output.get("data", {}) for output in outputs)

    # Looking

    def use_theme(self, theme: Theme) -> None:
        """Switch JupyterLab's theme; the next notebook that is opened starts with the light one again."""
        self.command("apputils:change-theme", theme=f"JupyterLab {theme.title()}")
        self.page.locator(f"body[data-jp-theme-light={str(theme == 'light').lower()}]").wait_for(state="attached")

    def screenshot(self, name: str, of: Locator | None = None, *, in_any_case: bool = False) -> None:
        """Keep a picture of the window, or of one element of it; not where several workers run the tests.

        Nobody looks at pictures of a test that passed there, and they cost time: `in_any_case` is for one that failed.
        """
        if in_any_case or "PYTEST_XDIST_WORKER" not in os.environ:
            (of.first if of else self.page).screenshot(path=self.screenshots / f"{name}.png")

    def screenshot_all(self, name: str) -> None:
        """Draw the whole notebook, in a window that is as tall for a moment, and keep a picture like `screenshot`."""
        width = VIEWPORT["width"]
        try:
            self.page.set_viewport_size({"width": width, "height": TALLEST_PX})
            self.page.evaluate(f"{PANEL}.content.node.querySelector('.jp-WindowedPanel-outer').scrollTop = 0")
            end = self.cells.last.evaluate(SETTLED_BOTTOM)
            self.page.set_viewport_size({"width": width, "height": min(int(end) + BELOW_CELLS_PX, TALLEST_PX)})
            self.screenshot(name)
        finally:
            self.page.set_viewport_size(VIEWPORT)

    # Promises of the page

    def _call(self, promise: str, **promised: Any) -> Any:
        return self._finish(self._start(promise, **promised), ANSWERS_WITHIN_S)

    def _start(self, promise: str, **promised: Any) -> int:
        number: int = self.page.evaluate(START % promise, promised)
        return number

    def _finish(self, number: int, timeout_s: float) -> Any:
        self.page.wait_for_function(
            "number => window.ends[number]", arg=number, polling=POLLING_MS, timeout=timeout_s * 1000
        )
        end = self.page.evaluate("number => window.ends[number]", number)
        if "error" in end:
            raise RuntimeError(end["error"])
        return end.get("it")
