"""A ledger gives back what it took, in the same order."""

from __future__ import annotations

from wslab.core.records import Attempt, Close, Closure, Outage, Record
from wslab.net.herds.ledger import Ledger, unpack

ATTEMPT = Attempt(
    client=70_000,
    outage=0,
    number=1,
    delay_s=0.0,
    due_at_s=0.1,
    started_at_s=0.1 + 2**-40,
    ended_at_s=12.5,
    outcome="failed",
    http_status=101,
    retry_after_s=None,
    connection_id=None,
    error="HandshakeError: größer",
)
CLOSURE = Closure(
    client=0,
    connection_id="1-1",
    opened_at_s=0.0,
    close_started_at_s=1.0,
    closed_at_s=2.0,
    close_code=1012,
    close_reason="service restart",
    clean=True,
    closed_by="server",
    received=Close(code=1012, reason="service restart"),
    sent=None,
    recovered=False,
    send_error=None,
    tcp_end="fin",
    sent_wire_bytes=1,
    received_wire_bytes=2,
)
OUTAGE = Outage(
    client=3,
    number=2,
    close_code=1006,
    close_reason="",
    closed_at_s=1.0,
    attempts=4,
    reopened_at_s=None,
    time_to_reconnect_s=None,
    gave_up="the run ended first",
)


def test_ledger_gives_back_what_it_took() -> None:
    records: list[Record] = [ATTEMPT, CLOSURE, OUTAGE, ATTEMPT]
    ledger = Ledger()
    for record in records:
        ledger.add(record)
    assert list(unpack(ledger.turn_page())) == records


def test_empty_ledger_has_no_records() -> None:
    assert list(unpack(Ledger().turn_page())) == []


def test_pages_follow_each_other_and_a_torn_one_is_left_out() -> None:
    ledger = Ledger()
    pages = b""
    for _ in range(2):
        ledger.add(ATTEMPT)
        pages += ledger.turn_page()
    assert list(unpack(pages)) == [ATTEMPT, ATTEMPT]
    assert all(list(unpack(pages[:cut])) == [ATTEMPT] for cut in range(len(pages) // 2, len(pages)))
    assert list(unpack(pages[:3])) == []


def test_ledger_is_small() -> None:
    ledger = Ledger()
    for _ in range(1000):
        ledger.add(ATTEMPT)
    assert len(ledger.turn_page()) < 100 * 1000
