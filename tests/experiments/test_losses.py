"""A server or a worker that is lost costs what it took with it, and no more; the run says so, and soon."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable

import psutil
import pytest

from wslab.core.knobs import Knobs
from wslab.core.records import Attempt, Record, Restart, Waiting
from wslab.core.runs import Run
from wslab.experiments import (
    Progress,
    closure_visibility,
    frames_question,
    herd_drill,
    in_flight_drill,
    limit_cost,
    payload_sweep,
    restart_drill,
    stay_connected,
)
from wslab.net.server.fleet import LabFleet
from wslab.net.server.lab_server import LabServer

KNOBS = Knobs(max_message_bytes=1000, downtime_s=0.05)
SOON_S = 20.0
"""Far below what each of these would take with a server that nobody misses."""

EXPERIMENTS: dict[str, Callable[[LabServer, Callable[[Record], None]], Run]] = {
    "sweep": lambda server, told: payload_sweep(server, [10] * 100_000, confirm="ping", on_record=told),
    "drill": lambda server, told: restart_drill(server, clients=3, policy="none", on_record=told),
    "in flight": lambda server, told: in_flight_drill(server, senders=2, lead_s=60, on_record=told),
    "frames": lambda server, told: frames_question(server, 3_000_000, piece_bytes=900, on_record=told),
    "visibility": lambda server, told: closure_visibility(server, clients=["wslab"], tries=1000, on_record=told),
}


def kill(server: LabServer) -> None:
    os.kill(server.pid, signal.SIGKILL)


@pytest.mark.parametrize("experiment", EXPERIMENTS)
def test_lost_server_is_told_soon_and_nothing_seen_is_lost(experiment: str) -> None:
    told: list[Record] = []
    with LabServer(KNOBS) as server:

        def kill_after_some(record: Record) -> None:
            told.append(record)
            if len(told) == 2:
                kill(server)

        began_s = time.monotonic()
        run = EXPERIMENTS[experiment](server, kill_after_some)
        assert time.monotonic() - began_s < SOON_S
    assert run.info.partial
    assert "the lab server was lost at" in run.info.losses[0]
    kept = {record for record in told if not isinstance(record, Waiting | Restart)}
    assert kept <= set(run.records)


def test_herd_whose_server_is_lost_says_so_and_ends_soon() -> None:
    began_s = time.monotonic()

    with LabServer(KNOBS) as server:
        timers: list[threading.Timer] = []

        def kill_when_down(record: Record) -> None:
            if isinstance(record, Restart) and record.down_at_s is not None and not timers:
                timers.append(threading.Timer(0.3, kill, [server]))  # by then it is the successor, which is to come up
                timers[0].start()

        run = herd_drill(server, clients=10, downtime_s=600, timeout_s=600, on_record=kill_when_down)
    assert time.monotonic() - began_s < SOON_S
    assert "the lab server was lost at" in run.info.losses[0]
    assert len(run.closures) == 10


def test_server_that_is_lost_before_anything_was_measured_is_told_too() -> None:
    with LabFleet(KNOBS) as fleet:
        kill(fleet._servers[1])
        run = restart_drill(fleet, clients=2, kind="rolling", policy="none", timeout_s=1)
    assert run.info.partial
    assert "lost" in run.info.losses[0]


def test_process_under_a_limit_that_is_lost_is_told() -> None:
    pids: list[int] = []

    def kill_the_newest(_: Record) -> None:
        if not pids:
            newest = max(psutil.Process().children(), key=lambda child: child.create_time())
            pids.append(newest.pid)
            newest.kill()

    run = limit_cost([1000, 2000], half_sent=[1], compression=[False], on_record=kill_the_newest)
    assert run.info.losses
    assert run.footprints


def test_client_that_stays_goes_on_without_its_server() -> None:
    with LabServer(KNOBS) as server:
        run = stay_connected(
            server,
            lambda _: iter([0.2] * 100),
            duration_s=2.5,
            on_record=lambda record: kill(server) if isinstance(record, Attempt) and not record.outage else None,
        )
    assert run.info.duration_s >= 2.5
    assert "the lab server was lost at" in run.info.losses[0]
    assert len(run.attempts) > 8


def test_lost_worker_takes_only_what_it_had_not_handed_over() -> None:
    killed: list[psutil.Process] = []

    def kill_one_while_away(step: Progress) -> None:
        if step.doing == "back" and not killed:
            alive = [child for child in psutil.Process().children() if child.status() != psutil.STATUS_ZOMBIE]
            workers = [child for child in alive if "wslab.net.herds.worker" in child.cmdline()]
            time.sleep(0.3)  # in which both hand over what they have seen
            killed.append(min(workers, key=lambda worker: worker.pid))
            killed[0].kill()

    run = herd_drill(KNOBS, clients=40, workers=2, policy=lambda _: iter([1.5]), progress=kill_one_while_away)
    assert run.info.partial
    (loss,) = run.info.losses
    lost, kept = (range(20), range(20, 40)) if "clients 0 to 19 " in loss else (range(20, 40), range(20))
    assert f"clients {lost[0]} to {lost[-1]} was lost" in loss
    assert {attempt.client for attempt in run.attempts if not attempt.outage} == set(range(40))
    assert {outage.client for outage in run.outages if outage.gave_up is None} == set(kept)
