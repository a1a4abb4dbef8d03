"""What the other tests of this folder rely on notices what it is there to notice."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from .conftest import OpenCode
from .inspection import accessibility_violations, lost_to_shortcuts, misfits
from .lab import ROOT
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


def test_next_notebook_has_the_same_kernel_and_finds_nothing_of_the_one_before(open_code: OpenCode) -> None:
    widgets = "import os\nimport ipywidgets.widgets.widget as w\n"
    notebook = open_code(f"{widgets}x = 1\nw.Widget()")
    notebook.run_all()
    kernel = notebook.ask("os.getpid()")
    notebook.use_theme("dark")
    notebook.close()
    notebook = open_code(widgets)
    assert notebook.page.locator("body").get_attribute("data-jp-theme-light") == "true"
    notebook.run_all()
    assert notebook.ask("os.getpid(), 'x' in globals(), len(w._instances)") == f"({kernel}, False, 0)"


def test_faults_of_a_panel_are_noticed(open_code: OpenCode) -> None:
    notebook = open_code(BAD, GOOD)
    notebook.run_all()
    bad, good = notebook.widgets.nth(0), notebook.widgets.nth(1)
    assert len(accessibility_violations(bad)) == 2
    tall, cut_off, scrolls = misfits(bad)
    assert "px tall" in tall
    assert "cut off" in cut_off
    assert "scrolls by" in scrolls
    assert accessibility_violations(good) == []
    assert misfits(good) == []
    button = good.get_by_role("button", name="Send")
    assert lost_to_shortcuts(notebook, button, "Space") == []
    assert lost_to_shortcuts(notebook, button, "b") == ["b changed the notebook"]
    assert lost_to_shortcuts(notebook, button, "d", "d") == ["d changed the notebook"]


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


def test_example_of_contributing_is_a_test_that_passes(open_code: OpenCode) -> None:
    [example] = re.findall(r"```python\n(.*?)```", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {"__name__": __name__, "__package__": __package__}
    exec(compile(example, "CONTRIBUTING.md", "exec"), names)
    names["test_payload_panel_shows_what_it_sent"](open_code)
