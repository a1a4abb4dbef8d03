"""Nothing that was measured is lost: an experiment may be interrupted at any moment, and as often as one likes."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import psutil
import pytest

from wslab.core.knobs import Knobs
from wslab.core.ladders import until_refused
from wslab.core.records import Attempt, Record
from wslab.core.runs import Run
from wslab.experiments import (
    Cancel,
    closure_visibility,
    find_limit,
    frames_question,
    herd_drill,
    in_flight_drill,
    limit_cost,
    payload_sweep,
    resend,
    restart_drill,
    send_message,
    stay_connected,
    tell_story,
    watch,
)
from wslab.net import runtime
from wslab.net.herds.workers import Worker
from wslab.net.server.lab_server import LabServer

QUICK = Knobs(max_message_bytes=1000, downtime_s=0.05)


@pytest.fixture(autouse=True)
def interrupts() -> Iterator[list[int]]:
    """Interrupts that come when no experiment is there to take them: noted, so that they end no test."""
    late: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: late.append(number))
    yield late
    signal.signal(signal.SIGINT, before)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


EXPERIMENTS: dict[str, Callable[[Callable[[Record], None]], Run]] = {
    "sweep": lambda told: payload_sweep(QUICK, until_refused(10, 2000), on_record=told),
    "drill": lambda told: restart_drill(QUICK, clients=3, policy="none", on_record=told),
    "herd": lambda told: herd_drill(QUICK, clients=20, policy="none", workers=2, on_record=told),
    "story": lambda told: tell_story(clients=2, max_message_bytes=1024, policy="none", on_record=told),
    "in flight": lambda told: in_flight_drill(QUICK, senders=2, lead_s=0.02, on_record=told),
    "frames": lambda told: frames_question(QUICK, 2000, piece_bytes=900, payloads=["text"], on_record=told),
    "cost": lambda told: limit_cost([1000], half_sent=[1, 2], compression=[False], on_record=told),
    "visibility": lambda told: closure_visibility(QUICK, [1], clients=["wslab"], tries=2, on_record=told),
    "watch": lambda told: watch(QUICK, duration_s=0.6, clients=5, interval_s=0.1, apart_s=0.02, on_record=told),
    "stay": lambda told: stay_connected(QUICK, duration_s=0.2, on_record=told),
    "resend": lambda told: resend(QUICK, "x" * 1001, policy="none", duration_s=0.2, on_record=told),
}


@pytest.mark.parametrize("experiment", EXPERIMENTS)
@pytest.mark.parametrize("at_record", [1, 3])
@pytest.mark.parametrize("times", [1, 3])
def test_interrupt_at_a_record_keeps_it(experiment: str, at_record: int, times: int) -> None:
    told: list[Record] = []

    def note(record: Record) -> None:
        told.append(record)
        if len(told) == at_record:
            for _ in range(times):
                interrupt()

    run = EXPERIMENTS[experiment](note)
    kept = [record for record in told if type(record).__name__ not in ("Waiting", "Restart")]
    assert set(kept) <= set(run.records)
    assert run.info.partial or len(told) >= at_record
    assert not psutil.Process().children(recursive=True)


@pytest.mark.parametrize("after_s", [0.0, 0.02, 0.1, 0.2, 0.3, 0.4, 0.6, 0.8])
def test_interrupt_at_any_time_ends_a_drill_in_order(after_s: float) -> None:
    timers = [threading.Timer(after_s + again_s, interrupt) for again_s in (0.0, 0.01, 0.1)]
    for timer in timers:
        timer.start()
    run = restart_drill(QUICK, clients=3, policy="constant")
    for timer in timers:
        timer.join()
    opened = [attempt for attempt in run.attempts if attempt.outcome == "opened"]
    assert len(run.closures) == len(opened)  # each connection is accounted for
    assert not psutil.Process().children(recursive=True)


def test_interrupt_while_the_own_server_stops_leaves_the_run_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    stop = LabServer.stop_async

    async def stop_slowly(server: LabServer) -> None:
        interrupt()
        interrupt()
        await stop(server)

    monkeypatch.setattr(LabServer, "stop_async", stop_slowly)
    run = send_message(QUICK, "x")
    assert [send.outcome for send in run.sends] == ["accepted"]
    assert not run.info.partial


def test_interrupt_while_a_herd_disperses_loses_none_of_its_records(monkeypatch: pytest.MonkeyPatch) -> None:
    disperse = Worker.disperse

    async def disperse_slowly(worker: Worker) -> Any:
        interrupt()
        return await disperse(worker)

    monkeypatch.setattr(Worker, "disperse", disperse_slowly)
    run = herd_drill(QUICK, clients=30, policy="none", workers=2)
    assert len({attempt.client for attempt in run.attempts}) == 30
    assert len(run.closures) == 60


def test_interrupted_search_says_what_it_established() -> None:
    verdict = find_limit(QUICK, progress=lambda step: interrupt() if step.done == 4 else None)
    assert verdict.stats.messages if hasattr(verdict, "stats") else verdict


def test_interrupted_tune_leaves_server_and_knobs_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with LabServer(max_message_bytes=100) as server:
        assert server._starts is not None
        process = server._starts.serving
        assert process is not None
        tell = process.tell

        def tell_and_interrupt(command: Any) -> None:
            tell(command)
            interrupt()

        monkeypatch.setattr(process, "tell", tell_and_interrupt)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        with contextlib.suppress(KeyboardInterrupt):
            server.tune(max_message_bytes=200)
            threading.Event().wait(1)
        monkeypatch.undo()
        assert server.knobs.max_message_bytes == 200
        assert send_message(server, "x" * 200).sends[0].outcome == "accepted"
        assert send_message(server, "x" * 201).sends[0].close_code == 1009


def test_server_whose_restart_was_interrupted_is_there_again() -> None:
    cancel = Cancel()
    with LabServer(downtime_s=60) as server:

        def stop_when_down(record: Record) -> None:
            if isinstance(record, Attempt) and record.outage:
                cancel.cancel()

        run = restart_drill(server, clients=1, policy="none", on_record=stop_when_down, cancel=cancel)
        assert run.info.partial
        (restart,) = run.restarts
        assert restart.downtime_s is not None
        assert restart.downtime_s < 30
        assert send_message(server, "x").sends[0].outcome == "accepted"


def test_token_cancelled_before_makes_a_run_without_records() -> None:
    cancel = Cancel()
    cancel.cancel()
    run = payload_sweep(QUICK, [1], cancel=cancel)
    assert run.info.partial
    assert run.records == ()


def test_who_ignores_interrupts_is_left_alone() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    run = payload_sweep(QUICK, [1, 2, 3], on_record=lambda _: interrupt())
    assert not run.info.partial


def test_interrupt_is_a_keyboard_interrupt_again_afterwards(interrupts: list[int]) -> None:
    send_message(QUICK, "x")
    interrupt()
    assert interrupts == [signal.SIGINT]
    assert runtime.background_loop().is_running()
