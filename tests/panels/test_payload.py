"""The payload panel on its real server, by code; what the browser makes of it is in tests/browser."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import wslab
from wslab.panels import PayloadPanel

Says = Callable[..., None]
Until = Callable[[Callable[[], bool]], None]


@pytest.fixture
def panel() -> Iterator[PayloadPanel]:
    made = PayloadPanel(max_message_bytes=1000, payload_bytes=1001)
    yield made
    made.close()


def test_send_meets_the_limit(panel: PayloadPanel) -> None:
    run = panel.press("send")
    assert run is not None
    assert [send.close_code for send in run.sends] == [1009]
    assert panel.status["words"].startswith("1,001 bytes: 1009")
    assert ["send", 1001, 1009] in [[event[0], *event[2:]] for event in panel.events]


def test_sends_gather_until_cleared(panel: PayloadPanel) -> None:
    panel.press("send")
    panel.turn(payload_bytes=1000)
    panel.press("send")
    assert [event[2:] for event in panel.events if event[0] == "send"] == [[1001, 1009], [1000, "accepted"]]
    panel.clear()
    assert panel.events == []
    assert panel.runs == []


def test_limit_is_followed_by_the_next_message(panel: PayloadPanel) -> None:
    panel.press("send")
    panel.turn(max_message_bytes=2000)
    run = panel.press("send")
    assert run is not None
    assert run.sends[0].outcome == "accepted"


def test_grow_closes_in_on_the_limit(panel: PayloadPanel) -> None:
    panel.press("grow")
    assert panel.status["words"] == "Largest accepted 1,000 bytes, smallest not accepted 1,001 bytes"
    assert [table["caption"] for table in panel.tables] == [
        "The last close frame that came, byte by byte",
        "What each side saw",
    ]


def test_run_is_explained_by_what_is_found_in_it(panel: PayloadPanel) -> None:
    panel.press("grow")
    assert panel.finding["what"].startswith("The server refuses a message of 1,001 bytes with 1009")
    assert {"how sure", "why", "what to do"} <= {name for name, _ in panel.finding["rows"]}
    panel.turn(payload_bytes=10)
    panel.press("send")
    assert panel.finding == {}, "nothing was closed but on purpose"


def test_rate_limit_is_not_told_as_a_size(panel: PayloadPanel) -> None:
    panel.turn(max_message_bytes=2**20, max_messages_per_s=3, connection="shared")
    run = panel.press("grow")
    assert run is not None
    assert [send.passed for send in run.sends].count(False) == 2, (
        "the message and its control, and no search after them"
    )
    assert "rate limit exceeded" in panel.finding["what"]
    assert panel.status["words"].endswith(f"sent, {len(run.sends) - 2} accepted")
    drawn = panel.draw().get_title(loc="left")
    assert drawn.startswith("Accepted and not accepted, both at"), "a figure names no limit that the control refutes"


def test_server_greets_denies_and_closes(panel: PayloadPanel) -> None:
    panel.turn(payload_bytes=10, greeting=True, reply="deny", close_after_message=True)
    panel.press("send")
    knobs = panel.server().knobs
    assert (knobs.reply, knobs.close_after_message) == ("deny", True)
    assert knobs.greeting


def test_find_says_the_verdict(panel: PayloadPanel) -> None:
    panel.press("find")
    assert "Messages up to 1,000 bytes pass" in panel.status["words"]


def test_turn_out_of_bounds_changes_nothing(panel: PayloadPanel) -> None:
    with pytest.raises(ValueError, match="max_message_bytes is 0, but must be between 1 and"):
        panel.turn(max_message_bytes=0, payload_bytes=5)
    assert panel.values["payload_bytes"] == 1001


def test_page_is_told_of_a_bad_value(panel: PayloadPanel, page_says: Says) -> None:
    page_says(panel, do="press", action="send", values={"payload_bytes": -1})
    assert panel.status["kind"] == "failed"
    assert "payload_bytes is -1" in panel.status["words"]
    assert panel.runs == []


def test_code_does_the_same(panel: PayloadPanel) -> None:
    names: dict[str, Any] = {"wslab": wslab}
    exec(panel.code, names)
    assert names["run"].sends[-1].payload_bytes in (1000, 1001)
    assert names["verdict"].max_single_frame_bytes == 1000


def test_server_killed_from_outside_is_noticed_and_replaced(panel: PayloadPanel, until: Until) -> None:
    os.kill(panel.server().pid, signal.SIGKILL)
    until(lambda: panel.status["kind"] == "failed")
    assert "ended from outside" in panel.status["words"]
    assert not panel.scene["server"]["alive"]
    run = panel.press("send")
    assert run is not None
    assert run.sends[0].close_code == 1009
    assert panel.scene["server"]["alive"]


def test_server_runs_while_somebody_looks(panel: PayloadPanel, page_says: Says, until: Until) -> None:
    page_says(panel, do="show", visible=True)
    pid = panel.server().pid
    page_says(panel, do="show", visible=False)
    until(lambda: not Path(f"/proc/{pid}").exists())


def test_stop_keeps_what_was_seen(panel: PayloadPanel, page_says: Says, until: Until) -> None:
    panel.turn(max_message_bytes=2**24, after_refusal="hold")
    page_says(panel, do="press", action="grow", values={})
    until(lambda: len(panel._live.events) > 3)
    page_says(panel, do="stop")
    until(lambda: panel.busy == "")
    assert panel.runs[-1].sends


def test_busy_panel_refuses_a_second_job(panel: PayloadPanel) -> None:
    with panel._job, pytest.raises(RuntimeError, match="busy"):
        panel.press("send")


def test_save_writes_the_run(
    panel: PayloadPanel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, page_says: Says
) -> None:
    monkeypatch.chdir(tmp_path)
    page_says(panel, do="save")
    assert "no run to save yet" in panel.status["words"]
    panel.press("send")
    page_says(panel, do="save")
    (file,) = tmp_path.glob("payload_sweep-*.jsonl")
    assert wslab.load(file) == panel.runs[-1]
    assert panel.status["words"].startswith(f"saved as {file};")  # the whole path: a panel may run anywhere
    sent: list[Any] = []
    monkeypatch.setattr(panel, "send", lambda message, buffers=(): sent.append((message, buffers)))
    page_says(panel, do="download", view="mine")
    assert sent == [({"download": file.name, "view": "mine"}, [file.read_bytes()])]
