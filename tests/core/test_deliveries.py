"""What a sender believes and what arrived are compared message by message."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from wslab.core.deliveries import deliveries, fates
from wslab.core.records import Account, Closure, Record, RunInfo, Send
from wslab.core.runs import Run

INFO = RunInfo(
    experiment="in_flight_drill",
    started_at="2026-01-01T00:00:00+00:00",
    duration_s=1.0,
    partial=False,
    seed=None,
    url=None,
    knobs=None,
    parameters={},
    versions={},
    platform="",
    clock_resolution_s=1e-9,
    loop_lag_p50_s=None,
    loop_lag_p99_s=None,
    loop_lag_max_s=None,
)
SEND = Send(
    client=0,
    number=1,
    connection_id="1-1",
    started_at_s=0.0,
    payload_kind="numbered",
    payload_bytes=100,
    payload_characters=100,
    fragment_count=1,
    wire_bytes=108,
    outcome="unconfirmed",
    send_s=0.0,
    round_trip_s=None,
    reply_bytes=None,
    close_code=None,
    close_reason=None,
    error=None,
)
ACCOUNT = Account(
    connection_id="1-1",
    start=1,
    peer_port=1,
    opened_at_s=0.0,
    closed_at_s=1.0,
    received_frames=2,
    received_messages=2,
    received_payload_bytes=200,
    received_wire_bytes=216,
    sent_wire_bytes=0,
    closed_by="server",
    received=None,
    sent=None,
    error=None,
)
CLOSURE = Closure(
    client=0,
    connection_id="1-1",
    opened_at_s=0.0,
    close_started_at_s=1.0,
    closed_at_s=1.0,
    close_code=1006,
    close_reason="",
    clean=False,
    closed_by="network",
    received=None,
    sent=None,
    recovered=False,
    send_error=None,
    tcp_end="fin",
    sent_wire_bytes=0,
    received_wire_bytes=0,
)


def sends(*outcomes: str, **fields: Any) -> list[Record]:
    return [
        msgspec.structs.replace(SEND, number=number, outcome=outcome, **fields)
        for number, outcome in enumerate(outcomes, start=1)
    ]


def run(*records: Record) -> Run:
    return Run(INFO, records)


def test_account_tells_how_many_arrived() -> None:
    sent = sends("unconfirmed", "unconfirmed", "unconfirmed", "closed")
    assert [delivery.fate for delivery in deliveries(run(*sent, ACCOUNT))] == [
        "delivered",
        "delivered",
        "lost_unnoticed",
        "lost",
    ]


def test_message_that_arrived_though_its_send_failed_would_come_twice() -> None:
    sent = sends("unconfirmed", "closed")
    assert [delivery.fate for delivery in deliveries(run(*sent, ACCOUNT))] == ["delivered", "arrived_unnoticed"]


@pytest.mark.parametrize("account", [[], [msgspec.structs.replace(ACCOUNT, closed_at_s=None)]], ids=["none", "cut off"])
def test_without_an_account_only_replies_tell(account: list[Record]) -> None:
    closure = msgspec.structs.replace(CLOSURE, received_messages=1)
    sent = sends("unconfirmed", "unconfirmed")
    assert fates(run(*sent, closure, *account)) == {"delivered": 1, "unknown": 1}


def test_confirmed_message_has_arrived_whatever_else_is_known() -> None:
    assert fates(run(*sends("accepted", "closed"))) == {"delivered": 1, "unknown": 1}


def test_message_that_met_no_connection_is_lost() -> None:
    assert fates(run(*sends("unopened", connection_id=None), ACCOUNT)) == {"lost": 1}


def test_connections_are_told_apart() -> None:
    second = msgspec.structs.replace(ACCOUNT, connection_id="1-2", received_messages=0)
    sent = [*sends("unconfirmed"), *sends("unconfirmed", client=1, connection_id="1-2")]
    assert [delivery.has_arrived for delivery in deliveries(run(*sent, ACCOUNT, second))] == [True, False]
