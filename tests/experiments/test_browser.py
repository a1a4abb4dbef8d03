"""browser_drill keeps what a page and Python's client are told of the same end, and what the server says of both."""

from __future__ import annotations

from typing import Any

import pytest

from wslab.core.knobs import Knobs
from wslab.core.records import BROWSER, Close
from wslab.core.runs import Run
from wslab.experiments import browser_drill, closure_visibility
from wslab.net.server.lab_server import LabServer
from wslab.panels.page import PanelPage

KNOBS = Knobs(max_message_bytes=1000, downtime_s=0.0)


@pytest.fixture
def page(front: Any) -> PanelPage:
    page = PanelPage(lambda order: behind.obey(order))  # noqa: PLW0108 (it is not yet there)
    page.way = "direct"
    behind = front(page.heard)
    behind.arrive()
    return page


def events(run: Run, subject: str = BROWSER) -> list[str]:
    return [notice.event for notice in run.notices if notice.subject == subject]


@pytest.mark.parametrize(
    ("case", "close_code", "told"),
    [
        ("restart", 1012, ["open", "message", "close"]),
        ("crash", 1006, ["open", "message", "close"]),
        ("oversized", 1009, ["open", "message", "close"]),
    ],
)
def test_page_and_client_are_told_the_same(page: PanelPage, case: Any, close_code: int, told: list[str]) -> None:
    run = browser_drill(KNOBS, case, page=page)
    assert events(run) == told
    assert run.notices[-1].close_code == close_code
    assert [closure.close_code for closure in run.closures] == [close_code]
    assert len({notice.connection_id for notice in run.notices}) == 1
    assert {account.connection_id for account in run.accounts} == {
        run.notices[0].connection_id,
        run.closures[0].connection_id,
    }


def test_code_that_a_page_may_not_send_is_thrown_and_python_sends_it(page: PanelPage) -> None:
    run = browser_drill(KNOBS, "close", close_code=1012, page=page)
    assert events(run) == ["open", "message", "thrown", "close"]
    received: dict[str | None, Close | None] = {account.connection_id: account.received for account in run.accounts}
    by_page, by_client = received[run.notices[0].connection_id], received[run.closures[0].connection_id]
    assert (by_page and by_page.code, by_client and by_client.code) == (1000, 1012)


def test_code_that_nobody_may_send_is_thrown_to_both(page: PanelPage) -> None:
    run = browser_drill(KNOBS, "close", close_code=1006, page=page)
    assert [notice.call for notice in run.notices if notice.event == "thrown"] == ["close(1006)"] * 2
    assert events(run, "wslab") == ["thrown"]


@pytest.mark.parametrize("while_down", ["refuse", "unavailable"])
def test_failed_handshake_tells_a_page_nothing(page: PanelPage, while_down: Any) -> None:
    run = browser_drill(Knobs(while_down=while_down), "down", page=page)
    assert events(run) == ["error", "close"]
    assert (run.notices[-1].close_code, run.notices[-1].close_reason) == (1006, "")
    assert run.attempts[0].outcome == {"refuse": "refused", "unavailable": "rejected"}[while_down]


def test_server_that_opens_first_can_tell_a_page_why(page: PanelPage) -> None:
    run = browser_drill(Knobs(while_down="try_again_later"), "down", page=page)
    assert (events(run), run.notices[-1].close_code) == (["open", "close"], 1013)


def test_server_is_up_again_afterwards(page: PanelPage) -> None:
    with LabServer(KNOBS) as server:
        browser_drill(server, "down", page=page)
        assert server.knobs == KNOBS
        assert browser_drill(server, "close", page=page).attempts[0].outcome == "opened"


def test_silence_is_an_observation(page: PanelPage) -> None:
    run = browser_drill(Knobs(while_down="hang"), "down", page=page, timeout_s=0.2)
    assert events(run) == ["silence"]
    assert run.attempts[0].outcome == "timeout"


def test_without_a_page_there_is_pythons_half() -> None:
    run = browser_drill(KNOBS, "restart")
    assert run.notices == ()
    assert [closure.close_code for closure in run.closures] == [1012]
    assert run.info.parameters["page"] == {"missing": "none was asked for"}


def test_page_is_a_client_of_the_field_guide(page: PanelPage) -> None:
    run = closure_visibility(KNOBS, [1], clients=["wslab", page], after_refusals=["drain"], tries=2)
    assert [(sighting.subject, sighting.close_code) for sighting in run.sightings] == [
        ("wslab", 1009),
        (BROWSER, 1009),
    ] * 2


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"case": "restarts"}, "restart"),
        ({"case": "oversized", "target": Knobs(max_message_bytes=None)}, "no limit"),
        ({"case": "close", "close_code": 65_536}, "close_code is 65,?536"),
        ({"case": "oversized", "overshoot_bytes": 0}, "overshoot_bytes is 0"),
        ({"case": "close", "timeout_s": 0}, "timeout_s is 0"),
    ],
)
def test_bad_argument_is_named(arguments: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        browser_drill(**({"target": KNOBS} | arguments))


def test_url_is_no_target() -> None:
    with pytest.raises(TypeError, match="must be a LabServer, or Knobs"):
        browser_drill("ws://127.0.0.1:1/", "crash")  # type: ignore[arg-type]
