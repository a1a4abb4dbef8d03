"""The payload panel in a notebook, and with it what the base of all panels promises: bounds, blocked cells, death."""

from __future__ import annotations

from playwright.sync_api import Locator, expect

from .conftest import OpenCode
from .inspection import accessibility_violations, lost_to_shortcuts, misfits
from .notebook import Notebook, Theme
from .test_restart_panel import state, until_done

CODE = "import os, signal, time\nimport wslab\npanel = wslab.panels.PayloadPanel()\npanel"
PANELS = 4
THEMES: tuple[Theme, ...] = ("light", "dark", "light")
IS_PAINTED = """() => [...document.querySelectorAll(".wslab-panel canvas")].every(canvas =>
    canvas.width && canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(byte => byte))"""
BLOCK = "jupyterapp.shell.currentWidget.sessionContext.session.kernel.requestExecute({code: 'time.sleep(60)'})"


def press(panel: Locator, name: str, says: str) -> None:
    panel.get_by_role("button", name=name, exact=True).click()
    expect(panel.locator(".wslab-status")).to_contain_text(says, timeout=20_000)
    until_done(panel)


def marks(panel: Locator) -> list[tuple[int, int | str]]:
    return [(send["payload_bytes"], send["meaning"]) for send in state(panel, "sizes")["sends"]]


def type_into(notebook: Notebook, panel: Locator, label: str, text: str) -> None:
    panel.get_by_label(label).first.focus()
    notebook.page.keyboard.press("Control+a")
    notebook.page.keyboard.type(text)
    notebook.page.keyboard.press("Tab")


def test_messages_are_marked_where_the_limit_is(open_code: OpenCode) -> None:
    notebook = open_code(CODE)
    notebook.run_all()
    panel = notebook.widgets
    press(panel, "Send", "1,024 bytes: accepted")
    press(panel, "payload size: limit + 1", "accepted")
    press(panel, "Send", "65,537 bytes: 1009")
    assert marks(panel) == [(1024, "accepted"), (65_537, 1009)]
    expect(panel.get_by_role("cell", name="03 f1")).to_be_visible()
    press(panel, "Grow until it breaks", "Largest accepted 65,536 bytes, smallest not accepted 65,537 bytes")
    press(panel, "Find the limit", "Messages up to 65,536 bytes pass")
    for theme in THEMES:
        notebook.use_theme(theme)
        notebook.page.wait_for_function(IS_PAINTED, timeout=5000)
        notebook.screenshot(theme, of=panel)
    assert accessibility_violations(panel) == []
    assert misfits(panel) == []
    assert lost_to_shortcuts(notebook, panel.get_by_role("button", name="Send", exact=True), "b", "d", "d") == []
    press(panel, "Save run", "payload_sweep-")
    panel.get_by_text("The same in code").click()
    expect(panel.get_by_label("The same in code")).to_contain_text("wslab.payload_sweep(knobs, [65_537]")
    panel.get_by_text("Show as table").click()
    expect(panel.get_by_role("region", name="What each side saw")).to_be_visible()
    notebook.screenshot_all("unfolded")
    assert notebook.errors == []


def test_numbers_are_read_as_they_are_printed_and_kept_within_bounds(open_code: OpenCode) -> None:
    notebook = open_code(CODE)
    notebook.run_all()
    panel = notebook.widgets
    type_into(notebook, panel, "message limit (bytes)", "0")
    expect(panel.get_by_text("must be 1 to 1,073,741,824 bytes")).to_be_visible()
    assert accessibility_violations(panel) == []
    panel.get_by_role("button", name="Send", exact=True).press("Enter")
    expect(panel.locator(".wslab-status")).to_contain_text(
        "message limit must be 1 to 1,073,741,824 bytes; nothing was done"
    )
    assert marks(panel) == []
    type_into(notebook, panel, "message limit (bytes)", "1000")
    press(panel, "Send", "1,024 bytes: 1009")
    assert notebook.ask("panel.runs[-1].info.knobs.max_message_bytes") == "1000"
    type_into(notebook, panel, "message limit (bytes)", "64 KiB")
    for text, payload_bytes in (
        ("65,536", 65_536),
        ("32 KiB", 32_768),
        ("2.5 kB", 2500),
        ("1 000", 1000),
        ("２０００", 2000),
    ):
        type_into(notebook, panel, "payload size (bytes)", text)
        press(panel, "Send", f"{payload_bytes:,} bytes: accepted")
    type_into(notebook, panel, "payload size (bytes)", "1,5")
    expect(panel.get_by_text("“1,5” is not a number")).to_be_visible()
    press(panel, "Find the limit", "Messages up to 65,536 bytes pass")  # which does not read the field


def test_panel_outlives_a_blocked_cell_a_killed_server_and_says_when_its_kernel_is_gone(open_code: OpenCode) -> None:
    notebook = open_code(CODE)
    notebook.run_all()
    panel = notebook.widgets
    press(panel, "Send", "accepted")
    notebook.page.evaluate(f"() => {{ {BLOCK} }}")
    press(panel, "payload size: limit + 1", "accepted")
    press(panel, "Send", "65,537 bytes: 1009")
    notebook.interrupt_kernel()
    notebook.ask("os.kill(panel.server().pid, signal.SIGKILL)")
    expect(panel.locator(".wslab-status")).to_contain_text("ended from outside; the next button starts another")
    press(panel, "Send", "65,537 bytes: 1009")
    still = notebook.cells.locator(".wslab-still img")
    expect(still).to_have_count(1)
    expect(still).to_be_hidden()
    notebook.restart_kernel_elsewhere()
    expect(panel.locator(".wslab-status")).to_contain_text("was restarted elsewhere", timeout=20_000)
    expect(panel.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    notebook.screenshot("silent")
    notebook.restart_kernel()
    expect(panel.locator(".wslab-status")).to_contain_text("To revive it, run its cell again.")
    expect(panel.get_by_role("button", name="Send", exact=True)).to_be_disabled()
    expect(still).to_be_visible()  # what stays, with its text alternative
    assert "1009 Message Too Big" in str(still.get_attribute("alt"))
    notebook.screenshot("dead")
    notebook.run_all()
    press(notebook.widgets, "Send", "accepted")


def test_another_client_shows_what_it_was_told(open_code: OpenCode) -> None:
    notebook = open_code("import wslab\nwslab.panels.PayloadPanel(after_refusal='reset', client='websocket-client')")
    notebook.run_all()
    panel = notebook.widgets
    press(panel, "Send", "1,024 bytes by websocket-client: accepted")
    type_into(notebook, panel, "payload size (bytes)", "64 MiB")
    press(panel, "Send", "67,108,864 bytes by websocket-client: 1006")
    panel.get_by_text("Show as table").click()
    told = panel.get_by_role("region", name="What another client was told, and what the server sent")
    expect(told.get_by_role("row").nth(1)).to_contain_text("1009")
    notebook.screenshot_all("another-client")


def test_panels_do_not_disturb_each_other(open_code: OpenCode) -> None:
    notebook = open_code("import wslab", *["wslab.panels.PayloadPanel(payload_bytes=65_537)"] * PANELS)
    notebook.run_all()
    expect(notebook.widgets).to_have_count(PANELS)
    for number in range(PANELS):
        notebook.widgets.nth(number).get_by_role("button", name="Send", exact=True).click()
    for number in range(PANELS):
        panel = notebook.widgets.nth(number)
        expect(panel.locator(".wslab-status")).to_contain_text("65,537 bytes: 1009", timeout=20_000)
        assert marks(panel) == [(65_537, 1009)]
        panel.locator("label", has_text="payload size").click()
        expect(panel.get_by_label("payload size (bytes)").first).to_be_focused()
    assert notebook.errors == []
