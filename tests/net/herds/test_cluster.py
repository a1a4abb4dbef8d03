"""Calls and herds on a real cluster: a scheduler and two worker processes, here on loopback."""

from __future__ import annotations

import functools
import os
import socket
from typing import TYPE_CHECKING

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

import wslab
from wslab.core.errors import ClusterError
from wslab.core.policies.textbook import named
from wslab.core.records import Attempt, Closure
from wslab.core.runs import Run
from wslab.net import runtime
from wslab.net.herds.cluster import Cluster, herd_on, over_cluster
from wslab.net.herds.herd import Herd
from wslab.net.herds.outpost import ClockOffset, ClockReading, best_offset, check_reach
from wslab.net.recording import Recorder
from wslab.net.server.lab_server import LabServer

if TYPE_CHECKING:
    from distributed import LocalCluster


def herding_processes() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if child.is_running() and child.status() != psutil.STATUS_ZOMBIE and "wslab.net.herds.worker" in child.cmdline()
    ]


# Clocks

seconds = st.floats(0, 1e6)
delays = st.floats(0, 10)


@given(true_offset_s=st.floats(-1e6, 1e6), readings=st.lists(st.tuples(seconds, delays, delays), min_size=1))
def test_offset_is_within_its_error(true_offset_s: float, readings: list[tuple[float, float, float]]) -> None:
    """However unequal the two ways are."""
    exchanges = [ClockReading(at, at + there + true_offset_s, at + there + back) for at, there, back in readings]
    measured = best_offset(exchanges)
    assert abs(measured.offset_s - true_offset_s) <= measured.error_s + 1e-6


def test_quickest_exchange_counts() -> None:
    assert best_offset([ClockReading(0, 105, 10), ClockReading(20, 121, 22), ClockReading(30, 150, 40)]) == ClockOffset(
        100, 1
    )


# Calls


def test_calls_return_in_their_order(cluster: LocalCluster) -> None:
    calls = [functools.partial(pow, base, 2) for base in range(10)]
    assert over_cluster(calls, cluster.scheduler_address) == [base**2 for base in range(10)]


def test_calls_are_made_elsewhere(cluster: LocalCluster) -> None:
    elsewhere = set(over_cluster([os.getpid] * 10, cluster.scheduler_address))
    assert elsewhere <= {child.pid for child in psutil.Process().children(recursive=True)}


def test_simulation_on_a_cluster_is_that_of_here(cluster: LocalCluster) -> None:
    calls = [functools.partial(wslab.simulate_herd, 100, policy, seed=3) for policy in ("full_jitter", "constant")]
    far = over_cluster(calls, cluster.scheduler_address)
    assert [herd.to_run().records for herd in far] == [call().to_run().records for call in calls]


def test_experiment_has_a_server_where_it_runs(cluster: LocalCluster) -> None:
    def drill() -> Run:
        return wslab.restart_drill(wslab.Knobs(downtime_s=0.1), clients=3)

    runs = over_cluster([drill, drill], cluster.scheduler_address)
    assert [len(run.outages) for run in runs] == [3, 3]


def test_call_that_raises_raises_here(cluster: LocalCluster) -> None:
    with pytest.raises(ZeroDivisionError):
        over_cluster([lambda: 1 // 0], cluster.scheduler_address)


@pytest.mark.parametrize(
    ("calls", "scheduler", "complaint"),
    [([5], "tcp://127.0.0.1:1", "calls holds 5, which cannot be called"), ([], 8786, "scheduler is 8786, but must be")],
)
def test_bad_argument_is_named(calls: list[object], scheduler: object, complaint: str) -> None:
    with pytest.raises(TypeError, match=complaint):
        over_cluster(calls, scheduler)  # type: ignore[arg-type]


def test_no_cluster_is_told_how_to_start_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wslab.net.herds.cluster.CONNECT_TIMEOUT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    with pytest.raises(ClusterError, match="dask scheduler"):
        over_cluster([os.getpid], f"tcp://127.0.0.1:{free}")


def test_no_workers_are_told_how_to_start_some(monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import LocalCluster

    monkeypatch.setattr("wslab.net.herds.cluster.CONNECT_TIMEOUT_S", 0.5)
    with (
        LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address="127.0.0.1:0") as empty,
        pytest.raises(ClusterError, match=f"dask worker {empty.scheduler_address}"),
    ):
        over_cluster([os.getpid], empty.scheduler_address)


# Herds


def test_herd_is_spread_over_the_workers(cluster: LocalCluster) -> None:
    recorder = Recorder()

    async def gather() -> tuple[Herd, int]:
        async with (
            LabServer() as server,
            herd_on(cluster.scheduler_address, server.url, recorder, 40, named("constant")) as herd,
        ):
            parents = {psutil.Process(pid).parent() for pid in herd.pids}
            while herd.tally.held < 40:
                await herd.changed()
            return herd, len(parents - {psutil.Process()})

    herd, parents = runtime.run(gather())
    assert (len(herd.pids), parents) == (2, 2)
    attempts = [record for record in recorder.records if isinstance(record, Attempt)]
    closures = [record for record in recorder.records if isinstance(record, Closure)]
    assert sorted(attempt.client for attempt in attempts) == list(range(40))
    assert {closure.close_code for closure in closures} == {1000}
    assert recorder.losses == []
    assert herding_processes() == []


def test_workers_begin_together(cluster: LocalCluster) -> None:
    recorder = Recorder()

    async def gather() -> float:
        async with (
            LabServer() as server,
            herd_on(cluster.scheduler_address, server.url, recorder, 2, named("constant")) as herd,
        ):
            before_s = recorder.now()
            while herd.tally.held < 2:
                await herd.changed()
            return before_s

    before_s = runtime.run(gather())
    attempts = [record for record in recorder.records if isinstance(record, Attempt)]
    assert {attempt.client for attempt in attempts} == {0, 1}
    assert all(before_s < attempt.started_at_s <= attempt.ended_at_s < recorder.now() for attempt in attempts)


def test_clocks_of_one_machine_are_found_equal(cluster: LocalCluster) -> None:
    """All its processes share the monotonic clock, so the offset is known: 0."""
    recorder = Recorder()

    async def gather() -> None:
        async with (
            LabServer() as server,
            herd_on(cluster.scheduler_address, server.url, recorder, 2, named("constant")),
        ):
            pass

    runtime.run(gather())
    for worker in ("worker_0", "worker_1"):
        error_s = recorder.measured[f"{worker}_clock_error_s"]
        assert abs(recorder.measured[f"{worker}_clock_offset_s"]) <= error_s
        assert f"{worker}_clock_drift_s" in recorder.measured


def test_cluster_lists_its_workers(cluster: LocalCluster) -> None:
    async def addresses() -> list[str]:
        async with Cluster(cluster.scheduler_address, Recorder()) as entered:
            return entered.addresses

    assert len(runtime.run(addresses())) == 2


@pytest.mark.parametrize("target", ["127.0.0.1", "::1", "0.0.0.0"])
def test_server_that_another_machine_cannot_reach_is_refused(target: str) -> None:
    with pytest.raises(ValueError, match="expose=True"):
        check_reach(target, conductor="alba", here="bruno")


def test_server_with_an_address_is_reached_from_another_machine() -> None:
    check_reach("192.0.2.7", conductor="alba", here="bruno")
