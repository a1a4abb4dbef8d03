"""What the other tests of this folder rely on notices what it is there to notice."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import psutil
import pytest
from playwright.sync_api import Browser, expect

from .conftest import OpenCode
from .inspection import accessibility_violations, lost_to_shortcuts, misfits
from .lab import ROOT, TOKEN, running_lab
from .watch import Watch

BAD = """
import ipywidgets as widgets
widgets.VBox([
    widgets.Button(icon="play"),
    widgets.Text(description="a description that is far too long"),
    widgets.HTML("<div style='height: 20px; overflow: auto'><p style='height: 2000px'>tall</p></div>"),
    widgets.HTML("<div style='height: 1000px'></div>"),
])
"""
GOOD = """
import ipywidgets as widgets
widgets.VBox([widgets.Button(description="Send")])
"""


def test_notebook_is_run_and_asked(open_code: OpenCode) -> None:
    notebook = open_code("x = 41 + 1\nx", "import sys; print('oh', file=sys.stderr)", "1 / 0", GOOD)
    notebook.run_all()
    assert notebook.ask("x") == "42"
    with pytest.raises(ValueError, match="NameError"):
        notebook.ask("y")
    expect(notebook.cell("cell-0").locator(".jp-OutputArea-output")).to_have_text("42")
    assert notebook.errors == ["ZeroDivisionError: division by zero", "oh\n"]
    assert notebook.displayed_widgets == 0  # the cell before it failed


def test_faults_of_a_panel_are_noticed(open_code: OpenCode) -> None:
    notebook = open_code(BAD)
    notebook.run_all()
    assert len(accessibility_violations(notebook.widgets)) == 2
    tall, cut_off, scrolls = misfits(notebook.widgets)
    assert "px tall" in tall
    assert "cut off" in cut_off
    assert "scrolls by" in scrolls


def test_sound_panel_has_no_faults_but_lets_keys_through(open_code: OpenCode) -> None:
    notebook = open_code(GOOD)
    notebook.run_all()
    assert accessibility_violations(notebook.widgets) == []
    assert misfits(notebook.widgets) == []
    button = notebook.widgets.get_by_role("button", name="Send")
    assert lost_to_shortcuts(notebook, button, "Space") == []
    assert lost_to_shortcuts(notebook, button, "b") == ["b changed the notebook"]
    assert lost_to_shortcuts(notebook, button, "d", "d") == ["d changed the notebook"]


def test_theme_is_of_one_test_alone(open_code: OpenCode) -> None:
    for _ in range(2):
        notebook = open_code("1")
        assert notebook.page.locator("body").get_attribute("data-jp-theme-light") == "true"
        notebook.use_theme("dark")
        notebook.close()


def test_page_that_misbehaves_is_noticed(browser: Browser) -> None:
    with browser.new_page() as page:
        watch = Watch(page)
        watch.expect_error("no answer")
        page.evaluate("fetch('http://wslab.invalid/').catch(() => console.error('no answer'))")
        page.evaluate("console.error('oh')")
    refused, said, asked = watch.complaints
    assert "ERR_NAME_NOT_RESOLVED" in refused
    assert said.startswith("console: oh")
    assert asked == "request: http://wslab.invalid/"


def test_lab_leaves_nobody_behind(tmp_path: Path) -> None:
    with running_lab(tmp_path) as lab:
        headers = {"Authorization": f"token {TOKEN}"}
        urlopen(Request(f"{lab.url}api/kernels", data=b"{}", headers=headers)).close()
        started = [psutil.Process(lab.pid), *psutil.Process(lab.pid).children(recursive=True)]
        assert any("ipykernel_launcher" in process.cmdline() for process in started)
    assert [process for process in started if process.is_running()] == []


def test_example_of_contributing_is_a_test_that_passes(open_code: OpenCode) -> None:
    [example] = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {"__name__": __name__, "__package__": __package__}
    exec(compile(example, "CONTRIBUTING.md", "exec"), names)
    names["test_payload_panel_shows_what_it_sent"](open_code)
