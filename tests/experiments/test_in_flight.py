"""in_flight_drill: of every message on its way it is known what became of it, or that nobody can know."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from wslab.core.deliveries import deliveries, fates
from wslab.core.knobs import Knobs
from wslab.core.records import RestartKind
from wslab.experiments import Cancel, Progress, in_flight_drill

QUICK = Knobs(downtime_s=0.05)


def test_graceful_restart_loses_nothing_unnoticed() -> None:
    run = in_flight_drill(QUICK, senders=3)
    assert {closure.close_code for closure in run.closures} == {1012}
    assert fates(run)["delivered"] > 10
    assert set(fates(run)) <= {"delivered", "lost", "arrived_unnoticed"}


def test_end_without_a_close_frame_loses_what_was_sent_on() -> None:
    run = in_flight_drill(Knobs(downtime_s=0.05, restart_code=1006), senders=3)
    for client in range(3):
        believed = [d for d in deliveries(run) if d.client == client and d.is_believed]
        arrived = [d.has_arrived for d in believed]
        assert arrived == sorted(arrived, reverse=True)  # type: ignore[type-var]  # TCP keeps the order
    theirs = {account.connection_id: account.received_messages for account in run.accounts}
    assert sum(theirs.values()) == sum(bool(delivery.has_arrived) for delivery in deliveries(run))


def test_crash_leaves_nobody_to_say() -> None:
    run = in_flight_drill(QUICK, senders=3, kind="crash")
    assert {closure.close_code for closure in run.closures} == {1006}
    assert fates(run)["delivered"] > 10  # replied to
    assert set(fates(run)) <= {"delivered", "unknown"}


@pytest.mark.parametrize("kind", ["graceful", "crash"])
def test_confirmed_messages_are_believed_only_where_it_is_true(kind: RestartKind) -> None:
    run = in_flight_drill(QUICK, senders=2, confirm="ping", kind=kind)
    assert {delivery.has_arrived for delivery in deliveries(run) if delivery.is_believed} == {True}


def test_rolling_restart_cuts_everyone_off() -> None:
    run = in_flight_drill(QUICK, senders=3, kind="rolling")
    assert Counter(closure.client for closure in run.closures) == {0: 1, 1: 1, 2: 1}
    assert len(run.restarts) == 3


def test_messages_are_numbered_from_one() -> None:
    run = in_flight_drill(QUICK, senders=2)
    for client in range(2):
        numbers = [send.number for send in run.sends if send.client == client]
        assert numbers == list(range(1, len(numbers) + 1))


def test_cancelled_drill_keeps_what_was_sent() -> None:
    cancel = Cancel()

    def stop(step: Progress) -> None:
        if step.doing == "sending":
            cancel.cancel()

    run = in_flight_drill(QUICK, lead_s=30, progress=stop, cancel=cancel)
    assert run.info.partial
    assert len(run.closures) == 5
    assert not run.restarts


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"senders": 0}, "senders is 0"),
        ({"senders": 101}, "senders is 101"),
        ({"interval_s": -1}, "interval_s is -1"),
        ({"payload_bytes": 5}, "payload_bytes is 5"),
        ({"confirm": "reply"}, "Known: 'none', 'ping'"),
        ({"kind": "crush"}, "'crash'"),
        ({"lead_s": 61}, "lead_s is 61"),
    ],
)
def test_bad_argument_teaches(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        in_flight_drill(QUICK, **arguments)
