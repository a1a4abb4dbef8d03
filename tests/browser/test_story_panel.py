"""The story panel in a notebook: each button in its turn, the limit's line, and what all panels owe."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from .conftest import OpenCode
from .inspection import accessibility_violations, lost_to_shortcuts, misfits
from .test_restart_panel import state, until_done

CODE = "import wslab\npanel = wslab.panels.StoryPanel(downtime_s=0.2)\npanel"


def press(panel: Locator, name: str, says: str) -> None:
    panel.get_by_role("button", name=name).click()
    expect(panel.locator(".wslab-status")).to_contain_text(says, timeout=30_000)
    until_done(panel)


def test_story_is_told_button_by_button(open_code: OpenCode) -> None:
    notebook = open_code(CODE)
    notebook.run_all()
    panel = notebook.widgets
    press(panel, "Break it", "smallest not accepted 65,537 bytes")
    expect(panel.get_by_label("payload size (bytes)").first).to_have_value("65537")
    assert state(panel, "sizes")["limit"] == 65_536
    press(panel, "Fix it", "12 clients saw 1012; all came back")
    assert state(panel, "sizes")["limit"] == 262_144
    notebook.screenshot("fixed", of=panel)
    press(panel, "Send it again", "65,537 bytes: accepted")
    assert state(panel, "counters")["closed with 1012"] == 12, "the lanes are those of the last restart"
    press(panel, "Crash", "12 clients saw 1006; all came back")
    assert accessibility_violations(panel) == []
    assert misfits(panel) == []
    assert lost_to_shortcuts(notebook, panel.get_by_role("button", name="Crash"), "b", "d", "d") == []
    assert notebook.errors == []
