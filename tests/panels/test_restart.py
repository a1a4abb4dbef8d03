"""The restart panel on its real server, by code; what the browser makes of it is in tests/browser."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import wslab
from wslab.core.records import RUN_ENDED
from wslab.panels import RestartPanel

Says = Callable[..., None]
Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def panel() -> Iterator[RestartPanel]:
    made = RestartPanel(clients=3, downtime_s=0.1)
    yield made
    made.close()


def kinds(panel: RestartPanel) -> Counter[str]:
    return Counter(event[0] for event in panel.events)


@pytest.mark.parametrize(("action", "code"), [("graceful", 1012), ("crash", 1006), ("reload", 1012)])
def test_every_client_is_seen_away_and_back(panel: RestartPanel, action: str, code: int) -> None:
    run = panel.press(action)
    assert run is not None
    assert [restart.kind for restart in run.restarts] == [action]
    assert panel.status["words"].startswith(f"3 clients saw {code}; all came back, after ")
    assert panel.events[0] == ["drill", action]
    assert kinds(panel)["outage"] == 3
    assert [event[3] for event in panel.events if event[0] == "closure" and event[4] != "client"] == [code] * 3


def test_wait_is_told_before_its_attempt(panel: RestartPanel) -> None:
    panel.press("graceful")
    of_client = [event for event in panel.events if event[0] in ("closure", "waiting", "attempt") and event[1] == 0]
    _connected, closed, *waits_and_attempts, _left = of_client
    assert closed[0] == "closure"
    assert [event[0] for event in waits_and_attempts] == ["waiting", "attempt"] * (len(waits_and_attempts) // 2)
    for waiting, attempt in zip(waits_and_attempts[::2], waits_and_attempts[1::2], strict=True):
        due_s, delay_s = waiting[3:]
        assert (due_s, delay_s) == (attempt[3], attempt[7])


def test_restart_is_told_while_it_is_under_way(panel: RestartPanel) -> None:
    panel.press("reload")
    told = [event[3:6] for event in panel.events if event[0] == "restart"]
    assert [[time is not None for time in times] for times in told[:3]] == [
        [True, False, False],
        [True, True, False],
        [True, True, True],
    ]
    downs = [number for number, event in enumerate(panel.events) if event[0] == "restart"]
    assert panel.events.index(next(event for event in panel.events if event[0] == "outage")) > downs[1]


def test_reload_alone_changes_the_limit(panel: RestartPanel) -> None:
    before = panel.server().knobs.max_message_bytes
    panel.turn(max_message_bytes=4096)
    panel.press("crash")
    assert panel.server().knobs.max_message_bytes == before
    panel.press("reload")
    assert panel.server().knobs.max_message_bytes == 4096
    panel.press("graceful")
    assert panel.server().knobs.max_message_bytes == 4096


def test_knobs_are_those_of_the_next_restart(panel: RestartPanel) -> None:
    panel.press("graceful")
    panel.turn(restart_code="1001", drain_s=0.1)
    run = panel.press("graceful")
    assert run is not None
    assert {outage.close_code for outage in run.outages} == {1001}
    assert kinds(panel)["outage"] == 3, "the restart before is shown no more"


def test_stop_leaves_nobody_waiting_for_a_server_that_stays_down(
    panel: RestartPanel, page_says: Says, until: Until
) -> None:
    panel.turn(downtime_s=10)
    page_says(panel, do="press", action="graceful", values={})
    until(lambda: any(event[0] == "closure" for event in panel._live.events))
    page_says(panel, do="stop")
    until(lambda: panel.busy == "")
    (run,) = panel.runs
    assert run.info.partial
    assert {outage.gave_up for outage in run.outages} == {RUN_ENDED}
    assert "stopped before its end" in panel.status["words"]
    panel.turn(downtime_s=0.1)
    again = panel.press("graceful")
    assert again is not None
    assert all(outage.reopened_at_s is not None for outage in again.outages)


def test_watch_tells_an_idle_timeout_by_its_control_groups() -> None:
    panel = RestartPanel(clients=6, idle_timeout_s=1.5, watch_s=4)  # the silence must be seen twice, and outlived
    panel.press("watch")
    panel.close()
    assert panel.status["words"].startswith("6 clients stayed connected for ")
    assert "an idle timeout" in panel.finding["what"]
    assert panel.draw().get_title(loc="left").startswith("Closed after ")


def test_code_does_the_same() -> None:
    panel = RestartPanel(
        watch_s=1, clients=2, downtime_s=0, policy="websockets", restart_code="1001", max_message_bytes=123
    )
    assert "restart_code=1001" in panel.code
    names: dict[str, Any] = {"wslab": wslab}
    exec(panel.code, names)
    (restart,) = names["run"].restarts
    assert restart.knobs_after.max_message_bytes == 123
    assert len(names["run"].outages) == 2


def test_tables_hold_the_server_the_outages_and_the_attempts(panel: RestartPanel) -> None:
    panel.press("crash")
    assert [len(table["rows"]) for table in panel.tables[:2]] == [1, 3]
    assert [table["folded"] for table in panel.tables] == [True] * 3


def test_policy_that_would_only_heat_the_machine_is_not_offered(panel: RestartPanel) -> None:
    with pytest.raises(ValueError, match="policy is 'none'"):
        panel.turn(policy="none")
