"""BrowserPanel in a real page: what this browser's WebSocket is told, by each way from the page to the server."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from .conftest import OpenCode
from .inspection import accessibility_violations, lost_to_shortcuts, misfits
from .notebook import Notebook

OPEN = "import wslab\npanel = wslab.BrowserPanel({})\npanel"
READY = ".wslab-panel[aria-busy=false] .wslab-way[data-outcome]:not([data-outcome=''])"

OpenPanel = Callable[..., Notebook]


@pytest.fixture
def open_panel(open_code: OpenCode) -> OpenPanel:
    """Open a notebook with a panel that is ready; the arguments are the panel's."""

    def open_ready(arguments: str = "") -> Notebook:
        notebook = open_code(OPEN.format(arguments))
        notebook.run_all()
        notebook.page.locator(READY).wait_for()
        return notebook

    return open_ready


def press(notebook: Notebook, button: str) -> list[dict[str, object]]:
    """Press a button, wait for its end, and return what the page was told."""
    notebook.page.get_by_role("button", name=button, exact=True).click()
    notebook.page.locator(".wslab-status[data-kind=done]").wait_for()
    notebook.page.locator(READY).wait_for()
    told: list[dict[str, object]] = notebook.page.locator(".wslab-browser").evaluate("view => view.state().told")
    return told


def test_page_is_told_of_ends_as_python_is(open_panel: OpenPanel) -> None:
    notebook = open_panel()
    notebook.screenshot("ready")
    for button, close_code in [("Restart", 1012), ("Crash", 1006), ("Send over the limit", 1009)]:
        told = press(notebook, button)
        assert [event["event"] for event in told] == ["open", "message", "close"]
        assert told[-1]["close_code"] == close_code
        assert told[-1]["clean"] == (close_code != 1006)
        assert notebook.ask("panel.runs[-1].closures[0].close_code") == str(close_code)
        notebook.screenshot(button.lower())
    assert notebook.page.locator(".wslab-way").get_attribute("data-outcome") == "direct"


@pytest.mark.parametrize(
    ("close_code", "throws"), [(1009, True), (1012, True), (1000, False), (3000, False), (4999, False)]
)
def test_close_takes_few_codes(open_panel: OpenPanel, close_code: int, throws: bool) -> None:
    notebook = open_panel(f"close_code={close_code}")
    told = press(notebook, "Close with code")
    assert [str(event["words"]).partition(":")[0] for event in told if event["event"] == "thrown"] == [
        "InvalidAccessError"
    ] * throws
    assert told[-1]["close_code"] == (1005 if throws else close_code)


@pytest.mark.parametrize("while_down", ["refuse", "unavailable"])
def test_failed_handshake_tells_nothing(open_panel: OpenPanel, while_down: str) -> None:
    notebook = open_panel(f"while_down={while_down!r}")
    notebook.watch.expect_error("WebSocket connection to .* failed")
    told = press(notebook, "Connect while it is down")
    assert [event["event"] for event in told] == ["error", "close"]
    assert (told[-1]["close_code"], told[-1]["close_reason"], told[-1]["clean"]) == (1006, "", False)
    expect(notebook.page.locator(".wslab-status")).to_contain_text(
        "HTTP 503, Retry-After 5 s" if while_down == "unavailable" else "Python's client saw refused"
    )


@pytest.mark.parametrize(("way", "outcome", "close_code"), [("proxy", "altered", 1005), ("wslab", "preserved", 1012)])
def test_way_that_alters_codes_is_noticed(open_panel: OpenPanel, way: str, outcome: str, close_code: int) -> None:
    notebook = open_panel(f"way={way!r}")
    line = notebook.page.locator(".wslab-way")
    assert line.get_attribute("data-outcome") == outcome
    assert ("jupyter server extension" in line.inner_text()) == (outcome == "altered")
    assert press(notebook, "Restart")[-1]["close_code"] == close_code
    assert notebook.ask("panel.runs[-1].closures[0].close_code") == "1012"
    notebook.screenshot(way)


def test_page_answers_while_a_cell_waits_for_it(open_panel: OpenPanel) -> None:
    notebook = open_panel()
    assert notebook.ask("panel.press('oversized').notices[-1].close_code") == "1009"
    measure = "wslab.closure_visibility(wslab.Knobs(max_message_bytes=1000), [1], clients=[panel.page], tries=2)"
    assert notebook.ask(f"{{one.subject for one in {measure}.sightings}}") == "{'browser'}"


def test_panel_can_be_used_by_all(open_panel: OpenPanel) -> None:
    notebook = open_panel()
    press(notebook, "Send over the limit")
    assert accessibility_violations(notebook.widgets) == []
    assert misfits(notebook.widgets) == []
    notebook.use_theme("dark")
    assert accessibility_violations(notebook.widgets) == []
    notebook.screenshot("dark")
    button = notebook.page.get_by_role("button", name="Restart", exact=True)
    assert lost_to_shortcuts(notebook, button, "d", "d", "b") == []


def test_page_that_is_loaded_anew_takes_part_again(open_panel: OpenPanel) -> None:
    notebook = open_panel()
    press(notebook, "Send over the limit")
    notebook.command("notebook:run-all-cells")
    notebook.page.locator(READY).wait_for()
    assert press(notebook, "Send over the limit")[-1]["close_code"] == 1009
