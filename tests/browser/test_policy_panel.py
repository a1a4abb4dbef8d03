"""The policy panel in a page: what its boxes and knobs show at once, and what it leaves behind."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Locator, expect

from .conftest import OpenCode
from .inspection import accessibility_violations, lost_to_shortcuts, misfits
from .notebook import Theme

THEMES: tuple[Theme, ...] = ("light", "dark")
PANEL = "import wslab\npanel = wslab.panels.PolicyPanel()\npanel"


def drawn(panel: Locator) -> dict[str, Any]:
    """Return what the view draws of each policy."""
    shown = panel.locator(".wslab-delays").evaluate("host => host.state()")
    return {policy["name"]: policy for policy in shown}


def test_boxes_and_knobs_are_followed_at_once(open_code: OpenCode) -> None:
    notebook = open_code(PANEL)
    notebook.command("application:toggle-left-area")
    notebook.run_all()
    panel = notebook.widgets
    status = panel.locator(".wslab-status")
    assert list(drawn(panel)) == ["constant", "exponential", "full_jitter", "registry"]
    panel.get_by_role("checkbox", name="phoenix_js", exact=True).check()
    panel.get_by_role("checkbox", name="exponential", exact=True).uncheck()
    expect(panel.get_by_role("listitem")).to_have_count(4)
    expect(panel.get_by_role("link", name="phoenixframework/phoenix")).to_be_visible()
    assert drawn(panel)["phoenix_js"]["medians"][:3] == [0.01, 0.05, 0.1]
    longest = panel.get_by_label("longest delay (s)")
    longest.fill("2")
    longest.press("Enter")
    expect(status).to_contain_text("registry: min_delay_s is 5.0, but must be at most max_delay_s")
    panel.get_by_role("checkbox", name="registry", exact=True).uncheck()
    expect(status).to_have_text("100 clients of each policy, seed 0")
    assert max(max(own) for own in drawn(panel)["full_jitter"]["draws"]) <= 2
    before = drawn(panel)["full_jitter"]["draws"]
    panel.get_by_role("button", name="Draw again").click()
    expect(status).to_have_text("100 clients of each policy, seed 1")
    assert drawn(panel)["full_jitter"]["draws"] != before
    still = notebook.cell("cell-0").locator(".wslab-still img")
    expect(still).to_have_attribute("alt", re.compile(r"^(?!.*registry).*phoenix_js", re.DOTALL))  # of the last turn
    expect(still).to_be_hidden()
    for name in ("websockets", "decorrelated_jitter", "registry"):
        panel.get_by_role("checkbox", name=name, exact=True).check()
    expect(panel.get_by_role("checkbox", name="signalr", exact=True)).to_be_disabled()
    longest.fill("")
    longest.press("Enter")
    expect(panel.get_by_role("listitem")).to_have_count(6)
    for theme in THEMES:
        notebook.use_theme(theme)
        notebook.screenshot(theme, of=panel)
        assert misfits(panel) == []
        assert accessibility_violations(panel) == []
    for part in (panel.get_by_role("button", name="Draw again"), panel.get_by_role("checkbox", name="registry")):
        assert lost_to_shortcuts(notebook, part, "b", "d", "d") == []
    assert notebook.errors == []
