"""The relay's panel on a real relay and a real server, by code; what the browser makes of it is in tests/browser."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import wslab
from wslab import LabServer, Target
from wslab.core.bounds import Bound, fields
from wslab.core.records import Frame
from wslab.core.relay.faults import KINDS
from wslab.core.runs import load
from wslab.panels import RelayPanel
from wslab.panels.control_kinds import Number
from wslab.panels.fault_controls import chosen_fault, control_of
from wslab.panels.passing import ROWS, LatestRows

Says = Callable[..., None]
Until = Callable[[Callable[[], bool]], None]


@pytest.fixture(scope="module")
def shared() -> Iterator[RelayPanel]:
    made = RelayPanel()
    yield made
    made.close()


@pytest.fixture
def panel(shared: RelayPanel) -> RelayPanel:
    shared.clear()
    shared.turn(**{control.name: control.value for control in shared.CONTROLS})
    return shared


def rows_of(panel: RelayPanel, opcode: str) -> list[list[Any]]:
    return [event for event in panel.events if event[4] == opcode]


def test_message_is_seen_on_its_way(panel: RelayPanel) -> None:
    run = panel.press("send")
    assert run is not None
    assert panel.status["words"] == "64 bytes: accepted"
    assert [(frame.sent_by, frame.opcode) for frame in run.frames][:2] == [("client", "text"), ("server", "text")]
    assert [event[3:7] for event in rows_of(panel, "text")] == [
        ["→", "text", "FIN mask", "64 B"],
        ["←", "text", "FIN", "64 B"],
    ]
    assert [table["caption"] for table in panel.tables][-1] == "Every frame, the latest first"


@pytest.mark.parametrize(
    ("controls", "met", "seen"),
    [
        ({"fault": "send_close", "send_close_reason": "<b>moved</b>"}, "64 bytes: 1012 <b>moved</b>", "1012 <b>"),
        ({"fault": "rewrite_close", "rewrite_close_code": 1008}, "64 bytes: accepted", "ended: 1008"),
        ({"fault": "cut", "after_bytes": 3, "reset": True}, "64 bytes: 1006", "ended: 1006"),
        ({"fault": "unavailable", "retry_after_s": 7}, "64 bytes: unopened", "503"),
    ],
    ids=lambda given: given.get("fault") if isinstance(given, dict) else "",
)
def test_fault_shows_in_what_the_client_meets(panel: RelayPanel, controls: dict[str, Any], met: str, seen: str) -> None:
    panel.turn(**controls)
    panel.press("add")
    assert [fault["label"] for fault in panel.scene["faults"]] == [controls["fault"]]
    panel.press("send")
    assert panel.status["words"] == met
    assert any(event[8].startswith(seen) for event in panel.events)
    panel.press("remove")
    assert panel.scene["faults"] == []
    panel.press("send")
    assert panel.status["words"] == "64 bytes: accepted"


@pytest.mark.parametrize("name", KINDS)
def test_every_fault_has_controls_with_its_own_bounds(panel: RelayPanel, name: str) -> None:
    panel.turn(fault=name)
    assert chosen_fault(panel.values) == KINDS[name]()
    shown = {control.name: control for control in panel.CONTROLS}
    for setting, field in fields(KINDS[name]).items():
        control = shown[control_of(name, setting)]
        assert getattr(control, "when", None) in (None, ("fault", name))
        if isinstance(field.rule, Bound):
            assert isinstance(control, Number)
            assert (control.low, control.high) == (field.rule.low, field.rule.high)


def test_one_fault_of_several_is_removed_by_the_page(panel: RelayPanel, page_says: Says, until: Until) -> None:
    panel.press("add")
    panel.turn(latency_s=0.2)
    panel.press("add")
    assert [fault["words"] for fault in panel.scene["faults"]] == ["latency", "latency_2 (latency_s=0.2)"]
    page_says(panel, do="lift", label="latency")
    until(lambda: [fault["label"] for fault in panel.scene["faults"]] == ["latency_2"])
    page_says(panel, do="lift", label="latency")
    until(lambda: "no fault 'latency' is switched on" in panel.status["words"])


def test_fault_is_added_while_clients_keep_talking(panel: RelayPanel, page_says: Says, until: Until) -> None:
    panel.turn(talk_s=60)
    page_says(panel, do="press", action="talk", values={})
    until(lambda: bool(rows_of(panel, "ping") or rows_of(panel, "text") or panel._live.events))
    page_says(panel, do="press", action="add", values={"fault": "send_close", "send_close_code": 1013})
    until(lambda: any(event[4] == "close" and event[8] == "1013" for event in panel._live.events))
    assert panel.busy == "talk"
    panel.stop()
    until(lambda: panel.busy == "")
    assert "with 1013" in panel.status["words"]


def test_clear_begins_anew_at_the_same_address(panel: RelayPanel) -> None:
    panel.press("send")
    panel.press("add")
    before = panel.relay().url
    panel.clear()
    assert panel.relay().url == before
    assert (panel.events, panel.scene["faults"], len(panel.run.records)) == ([], [], 0)


def test_run_is_saved(panel: RelayPanel, page_says: Says, until: Until, tmp_path: Any, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    wslab.send_message(panel.relay().url, "from elsewhere")  # no button of the panel was pressed
    page_says(panel, do="save")
    assert "from elsewhere" in [frame.preview for frame in load(panel.saved).frames]


def test_relay_leads_to_a_target_and_shows_none_of_its_secrets(until: Until) -> None:
    with LabServer() as server:
        target = Target(f"{server.url}?token=s3cret-s3cret", headers={"Authorization": "Bearer s3cret-s3cret"})
        panel = RelayPanel(target)
        try:
            panel.press("send")
            assert panel.status["words"] == "64 bytes: accepted"
            assert panel._server is None  # none of its own is needed
            assert "s3cret" not in f"{panel.get_state()}"
            panel.turn(target="")
            panel.press("send")
            assert panel.status["words"] == "64 bytes: accepted"
            with pytest.raises(ValueError, match="ws://"):
                panel.turn(target="gopher://example")
        finally:
            panel.close()


def test_rows_are_bounded_and_escaped() -> None:
    told: list[list[Any]] = []
    latest = LatestRows(told.append)
    latest._frame = ...  # type: ignore[assignment]  # as if it were to be told already: there is no loop here
    frame = Frame(
        client=0,
        connection_id=None,
        number=1,
        sent_by="server",
        at_s=0.5,
        opcode="text",
        final=True,
        rsv1=False,
        masked=False,
        payload_bytes=3,
        passed_bytes=3,
        preview="a\x1b[31m",
        close_code=None,
        close_reason=None,
        fate="passed",
    )
    for _ in range(3 * ROWS):
        latest(frame)
    latest.flush()
    assert len(told[-1]) == ROWS
    assert told[-1][0] == ["passing", "0.500", "#0", "←", "text", "FIN", "3 B", "", "a\\x1b[31m"]


def test_code_runs(panel: RelayPanel) -> None:
    panel.turn(fault="rewrite_close", rewrite_close_code=1008)
    panel.press("send")
    lines: dict[str, Any] = {"wslab": wslab}
    exec(panel.code, lines)
    assert {closure.close_code for closure in lines["run"].closures} == {1008}
