"""The browser panel on its real server, with the tests' own script where the page's would be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import wslab
from wslab.core.routes import Route
from wslab.panels import BrowserPanel
from wslab.panels import way as ways

Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def panel() -> Iterator[BrowserPanel]:
    made = BrowserPanel(max_message_bytes=1000)
    yield made
    made.close()


@pytest.fixture
def page(panel: BrowserPanel, front: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A page that obeys the panel and has not come yet."""
    obedient = front(lambda message: panel._handle_custom_msg(message, []))
    monkeypatch.setattr(panel, "send", obedient.obey)
    panel.page._send = obedient.obey
    return obedient


def events(panel: BrowserPanel) -> list[str]:
    return [event[1]["event"] for event in panel.events if event[0] == "notice"]


def test_page_that_comes_is_led_to_the_server(panel: BrowserPanel, page: Any, until: Until) -> None:
    page.arrive()
    until(lambda: "way" in panel.scene and not panel.busy)
    assert panel.scene["way"]["outcome"] == "direct"
    assert panel.server().knobs.max_message_bytes == 1000
    assert panel.runs == []
    assert panel.status["kind"] == "ready"


@pytest.mark.parametrize(
    ("action", "code"), [("restart", 1012), ("crash", 1006), ("oversized", 1009), ("close", 1000), ("down", 1006)]
)
def test_button_lets_both_meet_it(panel: BrowserPanel, page: Any, until: Until, action: str, code: int) -> None:
    panel.turn(close_code=1000)
    page.arrive()
    until(lambda: "way" in panel.scene and not panel.busy)
    run = panel.press(action)
    assert run is not None
    assert run.notices[-1].close_code == code
    assert run.info.parameters["page"] == {"user_agent": "tests", "way": "direct"}
    assert events(panel) == [notice.event for notice in run.notices]
    assert "the page was told" in panel.status["words"]
    assert panel.tables[0]["columns"] == ["", "the page was told", "Python's client saw", "the server's account"]


def test_events_are_of_the_latest_connection_and_runs_gather(panel: BrowserPanel, page: Any, until: Until) -> None:
    page.arrive()
    until(lambda: "way" in panel.scene and not panel.busy)
    panel.press("oversized")
    panel.press("down")
    assert events(panel) == ["error", "close"]
    assert [run.info.parameters["case"] for run in panel.runs] == ["oversized", "down"]
    assert len(panel.tables[1]["rows"]) == 2


def test_without_a_page_python_goes_alone(panel: BrowserPanel) -> None:
    run = panel.press("oversized")
    assert run is not None
    assert run.notices == ()
    assert "no page took part" in panel.status["words"]
    assert run.info.parameters["page"] == {"missing": "no page in a browser shows the panel"}


def test_page_that_has_left_is_asked_no_more(panel: BrowserPanel, page: Any, until: Until) -> None:
    page.arrive()
    until(lambda: "way" in panel.scene and not panel.busy)
    page.leave()
    run = panel.press("oversized")
    assert run is not None
    assert run.notices == ()


def test_page_without_an_address_is_told_so(panel: BrowserPanel, page: Any, until: Until) -> None:
    page.arrive("vscode-webview://1a2b")
    until(lambda: "way" in panel.scene and not panel.busy)
    assert panel.scene["way"]["outcome"] == "unreachable"
    assert "page_url" in panel.scene["way"]["words"]
    run = panel.press("oversized")
    assert run is not None
    assert run.info.parameters["page"] == {"missing": "no way was found from the page to the server"}


def test_way_that_does_not_open_is_passed_over(
    panel: BrowserPanel, page: Any, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    def blocked_first(url: str, **_: str) -> tuple[Route, ...]:
        return Route("direct", "ws://127.0.0.1:9/"), Route("wslab", url)

    monkeypatch.setattr(ways, "routes", blocked_first)
    monkeypatch.setattr("wslab.panels.page.routes", blocked_first)
    page.arrive()
    until(lambda: "way" in panel.scene and not panel.busy)
    assert panel.scene["way"]["outcome"] == "preserved"
    assert panel.page.way == "wslab"


def test_restart_says_the_chosen_code(panel: BrowserPanel) -> None:
    panel.turn(restart_code="4000")
    run = panel.press("restart")
    assert run is not None
    assert [closure.close_code for closure in run.closures] == [4000]


def test_what_stays_is_a_table_in_words(panel: BrowserPanel) -> None:
    panel.press("oversized")
    shown, words = panel.still()
    assert "<th>Python's client saw</th>" in shown.replace("&#x27;", "'")
    assert "1009 Message Too Big" in shown
    assert "1009 Message Too Big" in words


def test_code_does_the_same(panel: BrowserPanel) -> None:
    panel.turn(while_down="unavailable", close_code=4001)
    assert 'wslab.experiments.browser_drill(knobs, "close", close_code=4001)' in panel.code
    there: dict[str, Any] = {"wslab": wslab}
    exec(panel.code, there)
    assert there["knobs"].max_message_bytes == 1000
    assert there["run"].attempts[0].http_status == 503
