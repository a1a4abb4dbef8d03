"""The restart panel in a notebook: the lanes while clients are away, the counters, and what all panels owe."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, expect

from .conftest import OpenCode
from .inspection import accessibility_violations, lost_to_shortcuts, misfits
from .notebook import Notebook

SHORT = "import wslab\npanel = wslab.panels.RestartPanel(clients=4, downtime_s=1)\npanel"
MANY = "import wslab\npanel = wslab.panels.RestartPanel(clients=200, downtime_s=1, policy='constant')\npanel"
IN_PHASE = "([view, phase, count]) => document.querySelector(view).state().phases[phase] === count"


def state(panel: Locator, view: str) -> dict[str, Any]:
    drawn: dict[str, Any] = panel.locator(f".wslab-{view}").evaluate("view => view.state()")
    return drawn


def until_all(notebook: Notebook, phase: str, count: int) -> None:
    notebook.page.wait_for_function(IN_PHASE, arg=[".wslab-lanes", phase, count], timeout=20_000)


def until_done(panel: Locator) -> None:
    expect(panel.locator(".wslab-panel")).to_have_attribute("aria-busy", "false", timeout=30_000)


def test_clients_are_seen_waiting_and_back(open_code: OpenCode) -> None:
    notebook = open_code(SHORT)
    notebook.run_all()
    panel = notebook.widgets
    restart = panel.get_by_role("button", name="Restart", exact=True)
    restart.click()
    until_all(notebook, "waiting", 4)
    drawn = state(panel, "lanes")
    # Full jitter: at most 1 s before the first try, and twice as much after each that failed.
    assert all(0 <= client["delay"] <= 2 ** len(client["tries"]) for client in drawn["clients"].values())
    assert drawn["restarts"][0]["kind"] == "graceful"
    notebook.screenshot("waiting", of=panel)
    until_done(panel)
    counts = state(panel, "counters")
    assert (counts["closed with 1012"], counts["back"], counts["still away"]) == (4, 4, 0)
    assert sum(sum(bin_.values()) for _, bin_ in state(panel, "arrivals")["bins"]) >= 4
    expect(panel.locator(".wslab-status")).to_contain_text("4 clients saw 1012; all came back")
    expect(panel.locator(".wslab-finding summary")).to_contain_text("it closed 4 connections with 1012")
    notebook.screenshot("back", of=panel)
    assert accessibility_violations(panel) == []
    assert misfits(panel) == []
    assert lost_to_shortcuts(notebook, restart, "b", "d", "d") == []
    is_used_by_keyboard_alone(notebook)
    assert notebook.errors == []


def is_used_by_keyboard_alone(notebook: Notebook) -> None:
    panel = notebook.widgets
    panel.get_by_role("radio", name="1001").check()
    panel.get_by_role("radio", name="1001").focus()
    notebook.page.keyboard.press("ArrowLeft")
    panel.get_by_label("downtime (s)").first.focus()
    for key in ("Control+a", "0", "Tab"):
        notebook.page.keyboard.press(key)
    panel.get_by_role("button", name="Restart", exact=True).focus()
    notebook.page.keyboard.press("Enter")
    expect(panel.locator(".wslab-status")).to_contain_text("4 clients saw 1000; 0 of 4 came back", timeout=20_000)
    assert state(panel, "counters")["gave up"] == 4
    assert notebook.ask("panel.values['restart_code'], panel.values['downtime_s']") == "('1000', 0)"


def test_clocks_are_folded_away_and_reached_by_keyboard(open_code: OpenCode) -> None:
    notebook = open_code("import wslab\npanel = wslab.panels.RestartPanel(clients=5, watch_s=2)\npanel")
    notebook.run_all()
    panel = notebook.widgets
    expect(panel.get_by_label("maximum age (s)")).to_be_hidden()
    more = panel.get_by_text("More", exact=True)
    assert lost_to_shortcuts(notebook, more, "b", "d", "d") == []
    notebook.page.keyboard.press("Enter")
    panel.get_by_label("maximum age (s)").fill("0.5")
    panel.get_by_role("button", name="Watch", exact=True).click()
    until_done(panel)
    found = panel.locator(".wslab-finding")
    expect(found.locator("summary")).to_contain_text("a maximum age")
    expect(found.get_by_text("how sure")).to_be_hidden()
    found.locator("summary").click()
    expect(found.get_by_text("how sure")).to_be_visible()
    notebook.screenshot_all("unfolded")
    assert accessibility_violations(panel) == []
    assert notebook.errors == []


def test_many_lanes_fit_and_are_stopped_midway(open_code: OpenCode) -> None:
    notebook = open_code(MANY)
    notebook.run_all()
    notebook.use_theme("dark")
    panel = notebook.widgets
    panel.get_by_role("button", name="Crash").click()
    until_all(notebook, "waiting", 200)
    notebook.screenshot("waiting", of=panel)
    assert misfits(panel) == []
    panel.get_by_role("button", name="Stop").click()
    until_done(panel)
    expect(panel.locator(".wslab-status")).to_contain_text("stopped before its end")
    assert state(panel, "counters")["closed with 1006"] == 200
    assert accessibility_violations(panel) == []
