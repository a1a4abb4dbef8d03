"""The relay's panel in a notebook: faults added and removed while clients talk, and the rows of what passes."""

from __future__ import annotations

from playwright.sync_api import expect

from .conftest import OpenCode
from .inspection import accessibility_violations, lost_to_shortcuts, misfits
from .notebook import VIEWPORT
from .test_payload_panel import press

CODE = "import wslab\npanel = wslab.panels.RelayPanel(fault='rewrite_close', rewrite_close_code=1008)\npanel"


def test_faults_are_added_and_removed_in_sight_of_what_passes(open_code: OpenCode) -> None:
    notebook = open_code(CODE)
    notebook.run_all()
    panel = notebook.widgets
    press(panel, "Send", "64 bytes: accepted")
    expect(panel.get_by_label("latency", exact=False)).to_be_hidden()
    panel.get_by_role("button", name="Add the fault").click()
    expect(panel.get_by_role("button", name="Remove rewrite_close")).to_be_visible()
    press(panel, "Send", "64 bytes: accepted")
    expect(panel.get_by_role("cell", name="ended: 1008")).to_be_visible()
    expect(panel.locator(".wslab-finding summary")).to_contain_text("it went on with 1008 Policy Violation")
    panel.get_by_role("button", name="Keep talking").click()
    panel.get_by_label("fault", exact=True).select_option("send_close")
    expect(panel.get_by_label("after (s)", exact=True)).to_be_visible()
    panel.get_by_label("reason", exact=True).filter(visible=True).fill("<img src=x onerror=alert(1)>")
    panel.get_by_role("button", name="Add the fault").click()
    expect(panel.get_by_role("cell", name="1012 <img src=x onerror=alert(1)>").first).to_be_visible()
    notebook.screenshot("talking", of=panel)
    panel.get_by_role("button", name="Stop").click()
    expect(panel.locator(".wslab-status")).to_contain_text("with 1012")
    panel.get_by_role("button", name="Remove rewrite_close").click()
    expect(panel.get_by_role("button", name="Remove send_close")).to_have_count(1)
    for theme in ("dark", "light"):
        notebook.use_theme(theme)
        notebook.screenshot(theme, of=panel)
    assert accessibility_violations(panel) == []
    notebook.page.evaluate("() => jupyterapp.shell.collapseLeft()")
    for width in (800, 500, 1280):
        notebook.page.set_viewport_size({"width": width, "height": 1400})
        notebook.page.wait_for_timeout(300)
        notebook.screenshot(f"at-{width}", of=panel)
        assert [fault for fault in misfits(panel) if "sideways" in fault or "cut off" in fault] == [], width
    notebook.page.set_viewport_size(VIEWPORT)
    notebook.page.evaluate("() => jupyterapp.shell.expandLeft()")
    send = panel.get_by_role("button", name="Send", exact=True)
    assert lost_to_shortcuts(notebook, send, "b", "d", "d") == []
    assert notebook.ask("len(panel.run.injections)") == "3"
    assert notebook.errors == []
