"""The herd panel in a page: its knobs are followed, a real herd is laid over the simulation, and Stop stops."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Locator, expect

from .conftest import OpenCode
from .inspection import accessibility_violations, lost_to_shortcuts, misfits
from .notebook import Theme

THEMES: tuple[Theme, ...] = ("light", "dark")
PANEL = "import wslab\npanel = wslab.panels.HerdPanel()\npanel"
QUICK = """
import wslab
panel = wslab.panels.HerdPanel(
    clients=2000, real_clients=50, downtime_s=0.5, max_admissions_per_s=4000, initial_delay_s=0.2, min_delay_s=0.5,
    max_delay_s=1,
)
panel
"""


def drawn(panel: Locator) -> dict[str, Any]:
    """Return what the view draws of each policy."""
    shown = panel.locator(".wslab-herd").evaluate("host => host.state()")
    return {herd["name"]: herd for herd in shown["herds"]}


def set_to(panel: Locator, label: str, value: str) -> None:
    field = panel.get_by_role("textbox", name=label)
    field.fill(value)
    field.press("Enter")


def test_knobs_are_followed_as_they_settle_in_both_themes(open_code: OpenCode) -> None:
    notebook = open_code(PANEL)
    notebook.command("application:toggle-left-area")
    notebook.run_all()
    panel = notebook.widgets
    status = panel.locator(".wslab-status")
    expect(status).to_contain_text("10,000 clients simulated; the highest peak is that of constant")
    assert list(drawn(panel)) == ["constant", "full_jitter", "registry"]
    still = notebook.cell("cell-0").locator(".wslab-still img")
    expect(still).to_be_hidden()  # while the panel is alive
    assert "registry" in str(still.get_attribute("alt"))  # though nobody has touched it yet
    slider = panel.get_by_role("slider")
    slider.focus()
    slider.press("Home")
    expect(status).to_contain_text("10 clients simulated")
    assert drawn(panel)["registry"]["simulated"]["clients"] == 10
    for name in ("websockets", "socket_io", "decorrelated_jitter"):
        panel.get_by_role("checkbox", name=name, exact=True).check()
    expect(panel.locator(".wslab-stage").get_by_role("row")).to_have_count(7)
    for theme in THEMES:
        notebook.use_theme(theme)
        notebook.screenshot(theme, of=panel)
        assert misfits(panel) == []
        assert accessibility_violations(panel) == []
    assert lost_to_shortcuts(notebook, panel.get_by_role("button", name="Simulate"), "b", "d", "d") == []
    assert lost_to_shortcuts(notebook, slider, "b", "d", "d") == []
    panel.get_by_role("checkbox", name="registry", exact=True).uncheck()
    panel.get_by_role("checkbox", name="signalr", exact=True).check()
    set_to(panel, "downtime", "50")
    expect(panel.get_by_role("row", name="signalr")).to_contain_text("never")
    assert "registry" not in drawn(panel)
    set_to(panel, "downtime", "1000")
    expect(panel.locator(".wslab-complaint:not(:empty)")).to_have_text("must be 0 to 600 s")
    assert notebook.errors == []


def test_real_herd_is_laid_over_the_simulation(open_code: OpenCode) -> None:
    notebook = open_code(QUICK)
    notebook.run_all()
    panel = notebook.widgets
    expect(panel.locator(".wslab-status")).to_contain_text("2,000 clients simulated")
    panel.get_by_role("button", name="Overlay a real herd").click()
    expect(panel.locator(".wslab-status")).to_contain_text("50 of 50 real clients came back", timeout=30_000)
    real = drawn(panel)["full_jitter"]["real"]
    assert (real["clients"], real["scale"]) == (50, 40)
    expect(panel.get_by_role("row", name="full_jitter")).to_contain_text("real")
    notebook.screenshot("overlaid", of=panel)
    set_to(panel, "real clients", "1000000")
    panel.get_by_role("button", name="Overlay a real herd").click()
    expect(panel.locator(".wslab-status")).to_contain_text("clients on this machine")
    expect(panel.locator(".wslab-status")).to_contain_text("or simulate them")
    assert notebook.errors == []


def test_long_simulation_can_be_stopped(open_code: OpenCode) -> None:
    notebook = open_code(PANEL)
    notebook.run_all()
    panel = notebook.widgets
    stop = panel.get_by_role("button", name="Stop")
    expect(panel.locator(".wslab-status")).to_contain_text("10,000 clients simulated")
    expect(stop).to_be_disabled()
    panel.get_by_role("checkbox", name="none", exact=True).check()
    set_to(panel, "simulated clients", "1000000")
    expect(panel.locator(".wslab-status")).to_contain_text("simulating 1,000,000 clients, policy none")
    stop.click()
    expect(panel.locator(".wslab-status")).to_contain_text("stopped")
    expect(stop).to_be_disabled()
    assert notebook.errors == []
