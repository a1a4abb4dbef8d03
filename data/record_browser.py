"""Record the runs of a real page in this folder anew: `.venv/bin/python -m data.record_browser`, from above it.

It drives a BrowserPanel in JupyterLab, and needs what the tests in a browser need (CONTRIBUTING.md).
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import sync_playwright

from tests.browser import chromium
from tests.browser.lab import running_lab
from tests.browser.notebook import VIEWPORT, Notebook

RECORDINGS: dict[str, tuple[str, dict[str, Any]]] = {
    "restart": ("Restart", {}),
    "crash": ("Crash", {}),
    "oversized": ("Send over the limit", {}),
    "oversized-reset": ("Send over the limit", {"after_refusal": "reset", "overshoot_bytes": 4 * 2**20}),
    "close-1012": ("Close with code", {"close_code": 1012}),
    "close-1009": ("Close with code", {"close_code": 1009}),
    "close-4001": ("Close with code", {"close_code": 4001}),
    "restart-by-proxy": ("Restart", {"way": "proxy"}),
    "restart-by-wslab": ("Restart", {"way": "wslab"}),
    "down-refused": ("Connect while it is down", {"while_down": "refuse"}),
    "down-503": ("Connect while it is down", {"while_down": "unavailable"}),
    "down-1013": ("Connect while it is down", {"while_down": "try_again_later"}),
}
"""Which button, and how the controls are set that differ from the panel's own."""

OPEN = """
import wslab
panel = wslab.panels.BrowserPanel()
untouched = dict(panel.values)
panel
"""


def record(notebook: Notebook, name: str, button: str, values: dict[str, Any]) -> str:
    """Press a button of the panel, and save what came of it."""
    notebook.ask(f"panel.turn(**untouched | {values})")
    notebook.page.get_by_role("button", name=button, exact=True).click()
    notebook.page.locator(".wslab-status[data-kind=done]").wait_for()
    path = Path(__file__).resolve().parent / f"browser-{name}.jsonl"
    saved = notebook.ask(f"(panel.runs[-1].save({str(path)!r}), panel.runs[-1])")
    notebook.page.get_by_role("button", name="Clear").click()
    notebook.page.locator(".wslab-status[data-kind=ready]").wait_for()
    return saved


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as home, running_lab(Path(home)) as lab, sync_playwright() as playwright:
        source = Path(home) / "record.ipynb"
        nbformat.write(new_notebook(cells=[new_code_cell(OPEN)]), source)  # type: ignore[no-untyped-call]
        with chromium.launch(playwright) as browser:
            notebook = Notebook(browser.new_page(viewport=VIEWPORT), lab)
            notebook.open(source)
            notebook.run_all()
            notebook.page.locator(".wslab-way[data-outcome=direct]").wait_for()
            notebook.page.locator(".wslab-panel[aria-busy=false]").wait_for()
            for name, (button, values) in RECORDINGS.items():
                print(record(notebook, name, button, values))
            notebook.close()
