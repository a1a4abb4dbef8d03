"""A fleet is one address; its servers restart one after another, and somebody always serves."""

from __future__ import annotations

import itertools

import psutil
import pytest

import wslab
from wslab.core.errors import LabServerError
from wslab.net import runtime
from wslab.net.client.client import Client
from wslab.net.recording import Recorder
from wslab.net.server.fleet import LabFleet


def test_clients_are_spread_over_the_servers() -> None:
    async def connect(url: str) -> list[str | None]:
        clients = [Client(url, Recorder(), client=number) for number in range(6)]
        attempts = [await client.open() for client in clients]
        for client in clients:
            await client.close()
        return [attempt.connection_id for attempt in attempts]

    with LabFleet(servers=3) as fleet:
        names = runtime.run(connect(fleet.url))
        runtime.run(fleet.settle([name for name in names if name]))
        accounts = fleet.accounts
    assert [name.split(".")[0] for name in names if name] == ["1", "2", "3", "1", "2", "3"]
    assert {account.connection_id for account in accounts} == set(names)
    assert all(account.closed_at_s is not None for account in accounts)


def test_limit_is_met_through_the_relay() -> None:
    with LabFleet(servers=2, max_message_bytes=1000) as fleet:
        run = wslab.send_message(fleet.url, "x" * 1001)
        assert run.sends[0].close_code == 1009
        fleet.restart(max_message_bytes=2000, downtime_s=0)
        assert {wslab.send_message(fleet.url, "x" * 2000).sends[0].outcome for _ in range(2)} == {"accepted"}


def test_servers_restart_one_after_another() -> None:
    with LabFleet(servers=3, downtime_s=0.1) as fleet:
        restarts = fleet.restart()
        again = fleet.restart(downtime_s=0)
    assert [restart.number for restart in (*restarts, *again)] == [1, 2, 3, 4, 5, 6]
    assert {restart.kind for restart in restarts} == {"rolling"}
    for earlier, later in itertools.pairwise(restarts):
        assert earlier.up_at_s is not None
        assert later.down_at_s is not None
        assert earlier.up_at_s <= later.down_at_s


def test_rolling_restart_stops_at_a_server_that_does_not_come_back() -> None:
    with LabFleet(servers=3, comes_back=False) as fleet:
        (restart,) = fleet.restart()
        assert restart.up_at_s is None
        outcomes = {wslab.send_message(fleet.url, "hello").sends[0].outcome for _ in range(4)}
    assert outcomes == {"accepted"}  # the other two serve on


def test_fleet_leaves_no_process() -> None:
    before = set(psutil.Process().children(recursive=True))  # such as a helper of multiprocessing's, of other tests
    with LabFleet(servers=2) as fleet:
        assert len(set(psutil.Process().children(recursive=True)) - before) >= 2
    assert set(psutil.Process().children(recursive=True)) <= before
    with pytest.raises(LabServerError, match="is not running"):
        _ = fleet.url


def test_bad_argument_teaches() -> None:
    with pytest.raises(ValueError, match=r"servers is 1, .* between 2 and 16"):
        LabFleet(servers=1)
    with LabFleet(servers=2) as fleet, pytest.raises(ValueError, match="'rolling'"):
        fleet.restart("crash")
