"""restart_drill: everyone is sent away and comes back, and every attempt is on record."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import pytest

import wslab
from wslab.core.errors import LabServerError
from wslab.core.knobs import Knobs
from wslab.core.records import Account, Attempt, Record, Restart, RestartKind, Waiting
from wslab.experiments import Cancel
from wslab.net.server.fleet import LabFleet
from wslab.net.server.lab_server import LabServer

QUICK = Knobs(downtime_s=0.1)


@pytest.mark.parametrize(("kind", "close_code"), [("graceful", 1012), ("crash", 1006), ("reload", 1012)])
def test_every_client_is_away_and_back(kind: RestartKind, close_code: int) -> None:
    run = wslab.restart_drill(QUICK, clients=5, kind=kind)
    assert Counter(outage.close_code for outage in run.outages) == {close_code: 5}
    assert all(outage.reopened_at_s is not None for outage in run.outages)
    (restart,) = run.restarts
    assert restart.kind == kind
    assert restart.downtime_s is not None
    assert restart.downtime_s >= 0.1
    assert not run.info.partial


def test_repeated_restarts_are_numbered_outages() -> None:
    run = wslab.restart_drill(QUICK, clients=3, repeats=2)
    assert Counter((outage.number) for outage in run.outages) == {1: 3, 2: 3}
    assert len(run.restarts) == 2


def test_rolling_restart_sends_everyone_away_and_never_all_at_once() -> None:
    run = wslab.restart_drill(QUICK, clients=9, kind="rolling", policy=lambda rng: iter([0.01] * 100))
    assert len(run.restarts) == 3
    assert {outage.client for outage in run.outages} == set(range(9))
    assert "refused" not in {attempt.outcome for attempt in run.attempts}
    theirs: dict[str | None, Account] = {account.connection_id: account for account in run.accounts}
    for closure in run.closures:
        assert theirs[closure.connection_id].sent == closure.received


def test_one_server_cannot_roll_and_a_fleet_does_nothing_else() -> None:
    with LabServer(QUICK) as server, pytest.raises(ValueError, match="LabFleet"):
        wslab.restart_drill(server, kind="rolling")
    with LabFleet(QUICK, servers=2) as fleet, pytest.raises(ValueError, match="'rolling'"):
        wslab.restart_drill(fleet, kind="crash")


def test_reload_applies_its_changes() -> None:
    with LabServer(QUICK) as server:
        run = wslab.restart_drill(server, clients=1, kind="reload", changes={"max_message_bytes": 123})
        assert server.knobs.max_message_bytes == 123
    assert run.restarts[0].knobs_after is not None


def test_attempts_during_the_downtime_are_refused() -> None:
    run = wslab.restart_drill(Knobs(downtime_s=0.3), clients=3, policy=lambda rng: iter([0.1] * 50))
    (restart,) = run.restarts
    assert restart.down_at_s is not None
    assert restart.up_at_s is not None
    during = [
        a for a in run.attempts if a.outage and restart.down_at_s < a.started_at_s and a.ended_at_s < restart.up_at_s
    ]
    assert during
    assert {attempt.outcome for attempt in during} == {"refused"}


def test_listener_hears_who_waits_and_how_far_the_restart_has_come() -> None:
    told: list[Record] = []
    run = wslab.restart_drill(QUICK, clients=3, policy=lambda rng: iter([0.05] * 50), on_record=told.append)
    waits = [(one.client, one.number, one.due_at_s) for one in told if isinstance(one, Waiting) and one.outage]
    tried = [(one.client, one.number, one.due_at_s) for one in run.attempts if one.outage]
    assert sorted(waits) == sorted(tried)
    assert all(told.index(wait) < told.index(attempt) for wait, attempt in zip(*in_pairs(told), strict=True))
    assert not run.of(Waiting)
    requested, down, up, on_record = [one for one in told if isinstance(one, Restart)]
    assert (requested.down_at_s, down.up_at_s) == (None, None)
    assert up == on_record == run.restarts[0]


def in_pairs(told: list[Record]) -> tuple[list[Waiting], list[Attempt]]:
    """Return the waits and the attempts that followed them, in the same order."""

    def order(one: Waiting | Attempt) -> tuple[int, int, int]:
        return one.client, one.outage, one.number

    waits = [one for one in told if isinstance(one, Waiting)]
    attempts = [one for one in told if isinstance(one, Attempt)]
    return sorted(waits, key=order), sorted(attempts, key=order)


def test_rolling_restart_tells_each_server_s_turn() -> None:
    told: list[Record] = []
    run = wslab.restart_drill(
        QUICK, clients=2, kind="rolling", policy=lambda rng: iter([0.01] * 100), on_record=told.append
    )
    heard = [one for one in told if isinstance(one, Restart)]
    assert [one.number for one in heard[:9]] == [1, 1, 1, 2, 2, 2, 3, 3, 3]
    assert tuple(heard[9:]) == run.restarts


def test_same_seed_draws_the_same_delays() -> None:
    def delays() -> list[tuple[int, float]]:
        run = wslab.restart_drill(QUICK, clients=4, policy="full_jitter", seed=3)
        return sorted((a.client, a.delay_s) for a in run.attempts if a.outage == 1 and a.number == 1)

    assert delays() == delays()


def test_both_sides_are_joined() -> None:
    run = wslab.restart_drill(QUICK, clients=4)
    theirs: dict[str | None, Account] = {account.connection_id: account for account in run.accounts}
    sent_away = [closure for closure in run.closures if closure.close_code == 1012]
    assert len(sent_away) == 4
    assert all(theirs[closure.connection_id].sent == closure.received for closure in sent_away)


def test_cancelled_drill_returns_what_it_saw() -> None:
    cancel = Cancel()

    def stop_at_first_refusal(record: Record) -> None:
        if isinstance(record, Attempt) and record.outcome == "refused":
            cancel.cancel()

    run = wslab.restart_drill(
        Knobs(downtime_s=5), clients=5, policy="constant", on_record=stop_at_first_refusal, cancel=cancel
    )
    assert run.info.partial
    assert len(run.outages) == 5
    assert {outage.gave_up for outage in run.outages} == {"the run ended first"}


def test_drill_cancelled_beforehand_is_empty_and_partial() -> None:
    cancel = Cancel()
    cancel.cancel()
    run = wslab.restart_drill(QUICK, clients=2, cancel=cancel)
    assert run.info.partial
    assert not run.restarts


def test_drill_leaves_no_thread() -> None:
    def threads() -> set[str]:  # but those of the loop's own pool, which grows to a bound as it is used
        return {thread.name for thread in threading.enumerate() if not thread.name.startswith("asyncio_")}

    wslab.restart_drill(QUICK, clients=2)
    before = threads()
    wslab.restart_drill(QUICK, clients=2)
    assert threads() <= before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clients": 0}, "clients is 0.*500"),
        ({"clients": 10_000}, "clients is 10,000"),
        ({"policy": "full_jiter"}, "'full_jitter'"),
        ({"kind": "crush"}, "'crash'"),
        ({"repeats": 0}, "repeats is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"downtime_s": -1}, "downtime_s is -1"),
        ({"kind": "reload", "changes": {"max_mesage_bytes": 1}}, "'max_message_bytes'"),
        ({"changes": {"max_message_bytes": 1}}, "kind='reload'"),
    ],
)
def test_bad_argument_teaches(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wslab.restart_drill(QUICK, **arguments)


def test_server_of_somebody_is_restarted_by_who_runs_it() -> None:
    with pytest.raises(ValueError, match="restart it yourself while the clients are connected"):
        wslab.restart_drill("ws://127.0.0.1:1/", changes={"max_message_bytes": 1})
    with pytest.raises(TypeError, match="must be a LabServer, a LabFleet, Knobs for one, a Target, or a URL"):
        wslab.restart_drill(5)  # type: ignore[arg-type]


def test_server_that_nobody_reaches_is_not_waited_for() -> None:
    run = wslab.restart_drill("ws://127.0.0.1:1/", clients=2, policy="none", timeout_s=600)
    assert {attempt.outcome for attempt in run.attempts} == {"refused"}


def test_stopped_server_cannot_be_drilled() -> None:
    with LabServer() as server:
        pass
    with pytest.raises(LabServerError, match="was stopped"):
        wslab.restart_drill(server)
