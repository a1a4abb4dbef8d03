"""HARs as each program writes them: real ones from data/, and the shapes of the others from their sources."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wslab.captures.har import read_har
from wslab.core.errors import CaptureError
from wslab.core.findings import find
from wslab.core.runs import Run

DATA = Path(__file__).parents[2] / "data" / "captures"
HARS = sorted(DATA.glob("*.har"))

OPENED_S = 1_795_673_297.753


def message(kind: str, at_s: float, data: str, opcode: int = 1) -> dict[str, Any]:
    return {"type": kind, "time": OPENED_S + at_s, "opcode": opcode, "data": data}


def entry(*messages: dict[str, Any], status: int = 101, **more: Any) -> dict[str, Any]:
    return {
        "startedDateTime": "2026-11-26T06:08:17.753Z",
        "time": 12.5,
        "request": {"method": "GET", "url": "wss://user:pass@host.example/feed?token=secret", "headers": []},
        "response": {"status": status, "headers": [{"name": "Retry-After", "value": "7"}]},
        "_resourceType": "websocket",
        "_webSocketMessages": list(messages),
        **more,
    }


def har(*entries: dict[str, Any], creator: str = "WebInspector") -> bytes:
    return json.dumps({"log": {"version": "1.2", "creator": {"name": creator}, "entries": list(entries)}}).encode()


def read(*entries: dict[str, Any], creator: str = "WebInspector") -> Run:
    run = read_har(har(*entries, creator=creator))
    assert run is not None
    return run


def test_messages_have_their_sizes_and_times() -> None:
    run = read(entry(message("send", 1, "ünï"), message("receive", 2, "AQID/w==", 2), message("send", 3, "late")))
    first, last = run.sends
    assert (first.payload_bytes, first.payload_kind, first.outcome) == (5, "text", "accepted")
    assert first.started_at_s == pytest.approx(1, abs=1e-3)
    assert (last.outcome, last.wire_bytes) == ("unconfirmed", None)
    [receipt] = run.receipts
    assert (receipt.payload_bytes, receipt.payload_kind) == (4, "binary")
    [trace] = run.traces
    assert (trace.ending_seen, trace.ended_by, trace.sent_messages, trace.received_messages) == (False, None, 2, 1)
    assert run.closures == ()


def test_milliseconds_of_playwrights_are_told_from_seconds() -> None:
    sent = message("send", 1, "x")
    sent["time"] *= 1000
    [send] = read(entry(sent), creator="Playwright").sends
    assert send.started_at_s == pytest.approx(1, abs=1e-3)


def test_contents_user_info_and_query_are_nowhere_in_the_run() -> None:
    run = read(entry(message("send", 1, "password=hunter2")))
    assert run.traces[0].url == "wss://host.example/feed"
    assert not any(word in repr(run.records) for word in ("hunter2", "secret", "pass@"))


@pytest.mark.parametrize(
    ("end", "seen"),
    [({"code": 1009, "reason": "too big", "timestamp": OPENED_S + 9}, True), ("aborted", True), (None, False)],
)
def test_the_end_that_http_toolkit_writes_is_told_and_whose_it_was_is_left_open(end: Any, seen: bool) -> None:
    run = read(entry(message("send", 1, "x"), _webSocketClose=end), creator="HTTP Toolkit")
    [trace] = run.traces
    assert trace.ending_seen is seen
    assert [(each.close_code, each.closed_by) for each in run.statements] == (
        [(1009, None)] if isinstance(end, dict) else []
    )


@pytest.mark.parametrize("data", ["", "A/RyZXN0YXJ0", "\x03\xf4restart"])
def test_control_frames_are_no_messages_and_the_first_close_frame_is_the_end(data: str) -> None:
    named = {} if data else {"code": 1012, "reason": "restart"}
    run = read(
        entry(
            message("send", 1, "x"),
            message("receive", 2, "", 9),
            message("send", 2.5, "", 10),
            message("receive", 9, data, 8) | named,
            message("send", 9.1, data, 8) | named,
        )
    )
    [trace], [ping], [end] = run.traces, run.pings, run.statements
    assert (trace.sent_messages, trace.received_messages, trace.ending_seen) == (1, 0, True)
    assert ping.sent_by == "server"
    assert ping.answered_at_s == pytest.approx(2.5, abs=1e-3)
    assert (end.close_code, end.close_reason, end.closed_by) == (1012, "restart", "server")


@pytest.mark.parametrize(("status", "outcome"), [(101, "opened"), (503, "rejected")])
def test_a_handshake_that_was_written_down_as_any_other_request_is_found(status: int, outcome: str) -> None:
    plain = entry(status=status)
    del plain["_webSocketMessages"], plain["_resourceType"]
    asked = {"url": "https://host.example/feed", "headers": [{"name": "Upgrade", "value": "websocket"}]}
    [attempt] = read(plain | {"request": asked}).attempts
    assert attempt.outcome == outcome


@pytest.mark.parametrize(("status", "outcome"), [(503, "rejected"), (0, "failed"), (-1, "failed")])
def test_a_handshake_that_failed_is_an_attempt(status: int, outcome: str) -> None:
    refused = entry(status=status)
    refused["response"]["_failureText"] = "net::ERR_CONNECTION_REFUSED"
    [attempt] = read(refused).attempts
    assert (attempt.outcome, attempt.http_status) == (outcome, status if status > 0 else None)
    assert attempt.retry_after_s == 7
    assert attempt.error == "net::ERR_CONNECTION_REFUSED"


def test_a_status_that_only_the_browsers_words_name_is_told() -> None:
    refused = entry(status=-1)
    refused["response"]["_failureText"] = "Error during WebSocket handshake: Unexpected response code: 404"
    [attempt] = read(refused).attempts
    assert (attempt.outcome, attempt.http_status) == ("rejected", 404)


def test_what_the_browser_says_of_an_error_is_a_remark() -> None:
    [trace] = read(entry(message("send", 1, "x"), message("error", 2, "Invalid frame header", -1))).traces
    assert "the browser says: Invalid frame header" in trace.remarks


def test_an_entry_that_cannot_be_read_is_a_loss_and_the_others_are_kept() -> None:
    run = read(entry(message("send", 1, "x")), {"_webSocketMessages": 5, "request": "no"})
    assert len(run.traces) == 1
    assert run.info.losses == ["entries of WebSockets that cannot be read: 1"]


@pytest.mark.parametrize("missing", ["time", "data"])
def test_messages_that_lack_something_are_a_loss_and_no_message_of_0_bytes(missing: str) -> None:
    whole, cut = message("send", 1, "x"), message("receive", 2, "yy")
    del cut[missing]
    run = read(entry(whole, cut))
    assert (len(run.sends), len(run.receipts)) == (1, 0)
    assert run.info.losses == ["messages without their time or their data: 1"]
    assert run.traces[0].omitted


def test_a_har_that_is_cut_off_says_so() -> None:
    with pytest.raises(CaptureError, match="begins as a HAR does, and is damaged or cut off"):
        read_har(har(entry(message("send", 1, "x")))[:-40])


def test_a_har_without_sockets_says_so() -> None:
    with pytest.raises(CaptureError, match="a HAR of 1 requests without a WebSocket"):
        read_har(har({"request": {"url": "https://host/"}, "response": {"status": 200}}))


@pytest.mark.parametrize("content", [b"{}", b'{"log": 5}', b"{", b'{"message": "hello"}', b"\xff", b"[" * 100_000])
def test_json_that_is_no_har_is_none(content: bytes) -> None:
    assert read_har(content) is None


def test_the_last_message_is_told_where_the_end_is_not() -> None:
    run = read(entry(message("receive", 1, "fine"), message("send", 2, "x" * 70_000)))
    [finding] = find(run)
    assert finding.what.endswith("the last message in it is the client's, of 70,000 bytes.")


@pytest.mark.parametrize("path", HARS, ids=lambda path: path.name)
def test_recorded_hars_are_read(path: Path) -> None:
    run = read_har(path.read_bytes(), name=path.name)
    assert run is not None
    assert run.traces
    assert "rejected" in path.name or run.sends


JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)


@given(st.dictionaries(st.sampled_from(sorted(entry())), JSON), st.lists(JSON, max_size=3))
def test_any_shape_of_an_entry_is_read_or_a_loss(changes: dict[str, Any], messages: list[Any]) -> None:
    damaged = {**entry(message("send", 1, "x")), **changes}
    read(entry(message("send", 1, "x")), damaged, {**damaged, "_webSocketMessages": messages})
