"""herd_drill on a real cluster of two worker processes, one of which may be killed in the middle."""

from __future__ import annotations

import itertools
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from wslab.core.knobs import Knobs
from wslab.core.runs import load
from wslab.experiments import Cancel, Progress, herd_drill
from wslab.net.server.lab_server import LabServer

if TYPE_CHECKING:
    from distributed import LocalCluster

CLIENTS = 40


def processes_of_the_lab() -> list[psutil.Process]:
    return [
        child
        for child in psutil.Process().children(recursive=True)
        if child.status() != psutil.STATUS_ZOMBIE and any(word.startswith("wslab.net.") for word in child.cmdline())
    ]


def parent_of_a_herding() -> int:
    """Return the process id of a cluster's worker that has a process of the herd."""
    herding = next(process for process in processes_of_the_lab() if "wslab.net.herds.worker" in process.cmdline())
    return int(herding.ppid())


def test_drill_is_one_run_of_all_clients(cluster: LocalCluster, tmp_path: Path) -> None:
    run = herd_drill(Knobs(downtime_s=0.2), clients=CLIENTS, scheduler=cluster.scheduler_address)
    assert not run.info.partial
    assert run.info.losses == []
    assert {outage.client for outage in run.outages if outage.reopened_at_s is not None} == set(range(CLIENTS))
    assert len(run.accounts) == 2 * CLIENTS
    opened_at_s = {account.connection_id: account.opened_at_s for account in run.accounts}
    errors_s = [value for name, value in run.info.measured.items() if name.endswith("_clock_error_s")]
    assert len(errors_s) == 2
    for attempt in run.attempts:
        assert 0 <= attempt.due_at_s <= attempt.started_at_s <= attempt.ended_at_s <= run.info.duration_s
        if attempt.connection_id is not None:  # the clocks of both sides agree, as closely as the run says
            assert opened_at_s[attempt.connection_id] >= attempt.started_at_s - max(errors_s)
    assert load(run.save(tmp_path / "run.jsonl")) == run
    assert processes_of_the_lab() == []


def test_cancelled_drill_leaves_nothing(cluster: LocalCluster) -> None:
    cancel = Cancel()
    stopper = threading.Timer(1.0, cancel.cancel)

    def stop_while_away(progress: Progress) -> None:
        if progress.doing == "back" and stopper.ident is None:
            stopper.start()

    run = herd_drill(
        Knobs(downtime_s=0.2),
        clients=10,
        policy=lambda rng: iter([30.0]),
        scheduler=cluster.scheduler_address,
        progress=stop_while_away,
        cancel=cancel,
    )
    assert run.info.partial
    assert {outage.gave_up for outage in run.outages} == {"the run ended first"}
    assert processes_of_the_lab() == []


def test_server_is_reached_on_another_address(cluster: LocalCluster) -> None:
    """127.0.0.2 is loopback too, and as good as another address of this machine."""
    with LabServer(host="127.0.0.2", downtime_s=0.1) as server:
        run = herd_drill(server, clients=4, scheduler=cluster.scheduler_address)
    assert len(run.outages) == 4


def test_lost_worker_takes_only_its_clients_later_rows(cluster: LocalCluster) -> None:
    with LabServer(downtime_s=2.5) as server:  # long enough for the first rows to have been handed over
        killer = threading.Timer(2.0, lambda: os.kill(parent_of_a_herding(), signal.SIGKILL))

        def kill_while_away(progress: Progress) -> None:
            if progress.doing == "back" and killer.ident is None:
                killer.start()

        run = herd_drill(
            server,
            clients=CLIENTS,
            policy=lambda rng: itertools.repeat(4.0),  # long enough for the worker to be killed before
            scheduler=cluster.scheduler_address,
            progress=kill_while_away,
        )
        killer.join()
    (loss,) = run.info.losses
    assert run.info.partial
    lost, kept = (range(20), range(20, 40)) if "clients 0 to 19 " in loss else (range(20, 40), range(20))
    assert f"clients {lost[0]} to {lost[-1]} was lost" in loss
    assert {outage.client for outage in run.outages if outage.reopened_at_s is not None} == set(kept)
    assert {attempt.client for attempt in run.attempts if attempt.outage == 0} == set(range(CLIENTS))
    assert {closure.client for closure in run.closures if closure.close_code == 1012} == set(range(CLIENTS))
    assert {attempt.client for attempt in run.attempts if attempt.outage == 1} == set(kept)
    assert processes_of_the_lab() == []
