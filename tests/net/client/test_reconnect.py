"""The reconnect loop does what the policy says, attempt by attempt, and tells of every absence."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from random import Random
from typing import Any

import pytest

from wslab.core.policies.policy import Policy
from wslab.core.policies.textbook import named
from wslab.core.records import Attempt, Closure, Outage, RestartKind
from wslab.core.target import Target
from wslab.net import runtime
from wslab.net.client.client import Client
from wslab.net.client.reconnect import stay_connected
from wslab.net.recording import Recorder
from wslab.net.server.lab_server import LabServer


def eager(rng: Random) -> Iterator[float]:
    while True:
        yield 0.02


def absent(policy: Any, *, kind: RestartKind = "graceful", wait_s: float = 10.0, **knobs: Any) -> Recorder:
    """Restart a server under one client, wait until its outage has ended (or `wait_s`), and stop."""
    chosen = named(policy)

    async def restart(server: LabServer) -> Recorder:
        recorder = Recorder()
        outage_ended = asyncio.Event()
        recorder.listeners.append(lambda record: outage_ended.set() if isinstance(record, Outage) else None)
        client = Client(Target(server.url, open_timeout_s=0.5), recorder)
        staying = asyncio.create_task(stay_connected(client, chosen, Random(0)))
        while not client.is_open:
            await asyncio.sleep(0.005)
        await server.restart_async(kind)
        await asyncio.wait([asyncio.ensure_future(outage_ended.wait())], timeout=wait_s)
        staying.cancel()
        await asyncio.gather(staying, return_exceptions=True)
        await client.close()
        return recorder

    with LabServer(**({"downtime_s": 0.15} | knobs)) as server:
        recorder: Recorder = runtime.run(restart(server))
    return recorder


def of(recorder: Recorder, kind: type[Any]) -> list[Any]:
    return [record for record in recorder.records if isinstance(record, kind)]


def test_client_comes_back_after_refused_attempts() -> None:
    recorder = absent(eager)
    (outage,) = of(recorder, Outage)
    first, *attempts = of(recorder, Attempt)
    assert (first.outage, first.number, first.outcome) == (0, 1, "opened")
    assert [attempt.number for attempt in attempts] == list(range(1, outage.attempts + 1))
    assert [attempt.outcome for attempt in attempts] == ["refused"] * (outage.attempts - 1) + ["opened"]
    assert outage.close_code == 1012
    assert outage.gave_up is None
    assert (
        outage.time_to_reconnect_s
        == outage.reopened_at_s - outage.closed_at_s
        == pytest.approx(attempts[-1].ended_at_s - of(recorder, Closure)[0].closed_at_s)
    )


def test_no_attempt_starts_before_it_is_due() -> None:
    attempts = of(absent("full_jitter"), Attempt)
    assert all(attempt.started_at_s >= attempt.due_at_s for attempt in attempts)
    for before, after in pairwise(attempts[1:]):
        assert after.due_at_s == pytest.approx(before.ended_at_s + after.delay_s)


def test_policy_that_does_not_retry_the_code_makes_no_attempt() -> None:
    (outage,) = of(absent(Policy("fussy", eager, retries=lambda code: code != 1012)), Outage)
    assert (outage.attempts, outage.reopened_at_s) == (0, None)
    assert outage.gave_up == "fussy does not retry 1012"


def test_policy_that_ends_gives_up() -> None:
    (outage,) = of(absent(named(eager, max_attempts=2)), Outage)
    assert (outage.attempts, outage.gave_up) == (2, "eager ends after 2 attempts")


@pytest.mark.parametrize("bad", [-1.0, float("nan"), float("inf"), "soon"])
def test_policy_that_yields_no_delay_is_named_at_the_attempt(bad: Any) -> None:
    def broken(rng: Random) -> Iterator[float]:
        yield 0.01
        yield bad

    (outage,) = of(absent(broken), Outage)
    assert outage.attempts == 1
    assert "'broken'" in outage.gave_up
    assert "attempt 2" in outage.gave_up


def test_retry_after_is_waited_for_where_the_policy_honours_it() -> None:
    recorder = absent(
        Policy("polite", eager, honours_retry_after=True), downtime_s=0.5, while_down="unavailable", retry_after_s=1
    )
    rejected = [attempt for attempt in of(recorder, Attempt) if attempt.outcome == "rejected"]
    (outage,) = of(recorder, Outage)
    assert rejected[0].retry_after_s == 1
    assert len(rejected) == 1
    assert outage.time_to_reconnect_s >= 1


def test_outage_that_is_cut_short_is_on_record() -> None:
    def patient(rng: Random) -> Iterator[float]:
        yield 60.0

    recorder = absent(patient, kind="crash", wait_s=0.05)
    (outage,) = of(recorder, Outage)
    assert (outage.close_code, outage.attempts, outage.gave_up) == (1006, 0, "the run ended first")


def test_first_connection_is_retried_by_the_policy_too() -> None:
    async def knock() -> Recorder:
        recorder = Recorder()
        await stay_connected(Client("ws://127.0.0.1:9/", recorder), named(eager, max_attempts=2), Random(0))
        return recorder

    attempts = of(runtime.run(knock()), Attempt)
    assert [(attempt.outage, attempt.number, attempt.outcome) for attempt in attempts] == [
        (0, 1, "refused"),
        (0, 2, "refused"),
        (0, 3, "refused"),
    ]


@pytest.mark.parametrize(("min_uptime_s", "delays_s"), [(5.0, [0.01, 0.02, 0.03]), (0.0, [0.01, 0.01, 0.01])])
def test_delays_start_anew_only_after_a_connection_that_lasted(min_uptime_s: float, delays_s: list[float]) -> None:
    growing = Policy("growing", lambda _: iter([0.01, 0.02, 0.03, 0.04]), min_uptime_s=min_uptime_s)

    async def accept_and_close(url: str) -> Recorder:
        recorder = Recorder()
        client = Client(Target(url), recorder)
        await stay_connected(client, growing, Random(0), max_outages=3)
        await client.close()
        return recorder

    with LabServer(max_age_s=0.05) as server:
        recorder = runtime.run(accept_and_close(server.url))
    assert [attempt.delay_s for attempt in of(recorder, Attempt) if attempt.outage] == delays_s
