"""BrowserPanel in a real page: what this browser's WebSocket is told, by each way from the page to the server.

Loading JupyterLab takes longer than all the rest, so one panel meets much in each test.
"""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

from .conftest import OpenCode
from .inspection import accessibility_violations, lost_to_shortcuts, misfits
from .notebook import Notebook, Theme

THEMES: tuple[Theme, ...] = ("light", "dark")
OPEN = "import wslab\npanel = wslab.panels.BrowserPanel()\npanel"
READY = ".wslab-panel[aria-busy=false] .wslab-way[data-outcome]:not([data-outcome=''])"


@pytest.fixture
def notebook(open_code: OpenCode) -> Notebook:
    """A notebook with a panel that has found a way to its server."""
    opened = open_code(OPEN)
    opened.run_all()
    opened.page.locator(READY).wait_for()
    return opened


def press(notebook: Notebook, button: str, **values: Any) -> list[dict[str, Any]]:
    """Set controls, press a button, wait for its end, and return what the page was told."""
    notebook.ask(f"panel.turn(**{values})")
    notebook.page.get_by_role("button", name="Clear").click()
    notebook.page.locator(".wslab-status[data-kind=ready]").wait_for()
    notebook.page.get_by_role("button", name=button, exact=True).click()
    notebook.page.locator(".wslab-panel[aria-busy=false] .wslab-status[data-kind=done]").wait_for()
    told: list[dict[str, Any]] = notebook.page.locator(".wslab-browser").evaluate("view => view.state().told")
    return told


def kinds(told: list[dict[str, Any]]) -> list[str]:
    return [event["event"] for event in told]


def test_page_is_told_of_ends_as_python_is(notebook: Notebook) -> None:
    for button, close_code in [("Restart", 1012), ("Crash", 1006), ("Send over the limit", 1009)]:
        told = press(notebook, button)
        assert kinds(told) == ["open", "message", "close"]
        assert (told[-1]["close_code"], told[-1]["clean"]) == (close_code, close_code != 1006)
        assert notebook.ask("panel.runs[-1].closures[0].close_code") == str(close_code)
        notebook.screenshot(button.lower())
    assert notebook.page.locator(".wslab-way").get_attribute("data-outcome") == "direct"
    assert misfits(notebook.widgets) == []
    for theme in THEMES:
        notebook.use_theme(theme)
        assert accessibility_violations(notebook.widgets) == []
        notebook.screenshot(theme)
    restart = notebook.page.get_by_role("button", name="Restart", exact=True)
    assert lost_to_shortcuts(notebook, restart, "d", "d", "b") == []
    measured = (
        "wslab.experiments.closure_visibility(wslab.Knobs(max_message_bytes=1000), [1], clients=[panel.page], tries=1)"
    )
    assert notebook.ask(f"[one.close_code for one in {measured}.sightings]") == "[1009, 1009]"  # while the cell waits
    notebook.run_all()  # a page of another panel, and this one's is gone
    notebook.page.locator(READY).wait_for()
    assert kinds(press(notebook, "Send over the limit")) == ["open", "message", "close"]


def test_page_may_send_few_codes_and_is_told_little(notebook: Notebook) -> None:
    for close_code, sent in [(1009, False), (1012, False), (1000, True), (3000, True), (4999, True)]:
        told = press(notebook, "Close with code", close_code=close_code)
        assert kinds(told) == ["open", "message", *["thrown"] * (not sent), "close"]
        assert told[-1]["close_code"] == (close_code if sent else 1005)
        assert sent or told[-2]["words"].startswith("InvalidAccessError")
    notebook.watch.expect_error("WebSocket connection to .* failed")
    for while_down, python_saw in [("refuse", "refused"), ("unavailable", "HTTP 503, Retry-After 5 s")]:
        told = press(notebook, "Connect while it is down", while_down=while_down)
        assert kinds(told) == ["error", "close"]
        assert (told[-1]["close_code"], told[-1]["close_reason"], told[-1]["clean"]) == (1006, "", False)
        expect(notebook.page.locator(".wslab-status")).to_contain_text(f"Python's client saw {python_saw}")
    notebook.screenshot("down")
    line = notebook.page.locator(".wslab-way")
    for way, outcome, close_code in [("proxy", "altered", 1005), ("wslab", "preserved", 1012)]:
        assert press(notebook, "Restart", way=way)[-1]["close_code"] == close_code
        assert notebook.ask("panel.runs[-1].closures[0].close_code") == "1012"
        assert line.get_attribute("data-outcome") == outcome
        assert ("jupyter server extension" in line.inner_text()) == (outcome == "altered")
        notebook.screenshot(way)
