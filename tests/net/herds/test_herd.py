"""A herd comes back as its policy says, keeps every record, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

import psutil
import pytest

from wslab.core.policies.policy import Policy
from wslab.core.policies.textbook import constant, named
from wslab.core.records import Attempt, Close, Closure, Outage, Record
from wslab.net import runtime
from wslab.net.herds.herd import Herd
from wslab.net.herds.worker_protocol import Tally
from wslab.net.recording import Recorder
from wslab.net.server.lab_server import LabServer

QUICK = constant(delay_s=0.01)
PATIENCE_S = 20

Reached = Callable[[Tally], bool]


async def wait_until(herd: Herd, reached: Reached) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not reached(herd.tally):
            await herd.changed()


def of(records: list[Record], kind: type[Any]) -> list[Any]:
    return [record for record in records if isinstance(record, kind)]


# Policies


def returned(
    policy: Policy, *, clients: int = 20, seed: int = 0, workers: int | None = None, **knobs: Any
) -> list[Record]:
    """Let a herd be away for one restart of a lab server, until everyone is back or has given up."""

    async def drill(server: LabServer) -> list[Record]:
        recorder = Recorder()
        async with Herd(server.url, recorder, clients, policy, seed=seed, workers=workers) as herd:
            await wait_until(herd, lambda now: now.held == clients)
            await server.restart_async()
            await wait_until(herd, lambda now: now.returned == clients)
        return recorder.records

    with LabServer(**({"downtime_s": 0.1} | knobs)) as server:
        records: list[Record] = runtime.run(drill(server))
    return records


def test_delays_are_the_seeds_however_many_workers_draw_them() -> None:
    def delays(**knobs: Any) -> list[tuple[int, float]]:
        policy = named("full_jitter", initial_delay_s=0.3)
        return sorted(
            (a.client, a.delay_s) for a in of(returned(policy, **knobs), Attempt) if a.outage and a.number == 1
        )

    assert delays(seed=1, workers=1) == delays(seed=1, workers=3) != delays(seed=2, workers=1)


def test_policy_written_in_a_notebook_reaches_the_workers() -> None:
    ceiling_s = 0.2

    def mine(rng: Random) -> Iterator[float]:
        print("a policy may print")
        yield rng.uniform(0, ceiling_s)
        while True:
            yield 0.05

    outages = of(returned(named(mine)), Outage)
    assert {outage.gave_up for outage in outages} == {None}


@pytest.mark.parametrize(
    ("delays", "why"),
    [
        ([], "shy ends after 0 attempts"),
        ([0.0], "shy ends after 1 attempts"),
        ([-1.0], "policy 'shy' yielded -1.0 before attempt 1"),
        ([0.0, float("nan")], "policy 'shy' yielded nan before attempt 2"),
    ],
)
def test_policy_that_ends_or_yields_no_delay_is_named(delays: list[float], why: str) -> None:
    outages = of(returned(Policy("shy", lambda rng: iter(delays)), clients=2), Outage)
    assert len(outages) == 2
    assert all(outage.gave_up.startswith(why) for outage in outages)


def test_retry_after_is_waited_for_where_the_policy_honours_it() -> None:
    polite = named("full_jitter", initial_delay_s=0.05, max_delay_s=0.1)
    records = returned(polite, clients=5, while_down="unavailable", retry_after_s=1, downtime_s=0.6)
    attempts = [attempt for attempt in of(records, Attempt) if attempt.outage]
    rejected = {attempt.client: attempt for attempt in attempts if attempt.outcome == "rejected"}
    after = [attempt for attempt in attempts if attempt.outcome == "opened" and attempt.client in rejected]
    assert after
    assert all(a.due_at_s == rejected[a.client].ended_at_s + (a.delay_s + 1) for a in after)


def test_refused_client_tries_as_often_as_its_policy_says() -> None:
    records = returned(QUICK.giving_up_after(2), clients=3, comes_back=False)
    attempts = [attempt for attempt in of(records, Attempt) if attempt.outage]
    assert {attempt.outcome for attempt in attempts} == {"refused"}
    assert Counter((attempt.client, attempt.number) for attempt in attempts) == Counter(
        (client, number) for client in range(3) for number in (1, 2)
    )
    assert all(attempt.due_at_s <= attempt.started_at_s <= attempt.ended_at_s for attempt in attempts)
    assert {outage.gave_up for outage in of(records, Outage)} == {"constant ends after 2 attempts"}


# What is recorded


def herd_at(url: str, clients: int, policy: Policy, reached: Reached, **knobs: Any) -> list[Record]:
    """Let a herd meet whoever serves there, until `reached`."""

    async def drill() -> list[Record]:
        recorder = Recorder()
        async with Herd(url, recorder, clients, policy, **knobs) as herd:
            await wait_until(herd, reached)
        return recorder.records

    records: list[Record] = runtime.run(drill())
    return records


def test_records_join_the_servers_accounts() -> None:
    with LabServer() as server:
        records = herd_at(server.url, 10, QUICK, lambda now: now.held == 10)
        runtime.run(server.settle({c.connection_id for c in of(records, Closure)}))
        theirs = {account.connection_id: account for account in server.accounts}
    closures = of(records, Closure)
    assert len(closures) == 10
    for closure in closures:
        account = theirs[closure.connection_id]
        assert account.received == closure.sent == Close(code=1000)
        assert (account.received_wire_bytes, account.sent_wire_bytes) == (
            closure.sent_wire_bytes,
            closure.received_wire_bytes,
        )


def test_records_are_in_the_order_of_time_across_workers() -> None:
    with LabServer() as server:
        records = herd_at(server.url, 30, QUICK, lambda now: now.held == 30, workers=3)
    ended = [record.ended_at_s for record in of(records, Attempt)]
    assert ended == sorted(ended)
    assert {attempt.client for attempt in of(records, Attempt)} == set(range(30))


def test_instrument_measures_itself() -> None:
    async def drill(url: str) -> Recorder:
        recorder = Recorder()
        async with Herd(url, recorder, 200, QUICK) as herd:
            await wait_until(herd, lambda now: now.held == 200)
            await asyncio.sleep(0.05)
        return recorder

    with LabServer() as server:
        recorder = runtime.run(drill(server.url))
    assert recorder.lags_s
    assert 0 < recorder.measured["client_bytes_per_connection"] < 10_000


# Nothing is left


def test_worker_leaves_when_its_parent_is_killed() -> None:
    script = textwrap.dedent(
        """
        import asyncio
        from wslab import LabServer
        from wslab.core.policies.textbook import named
        from wslab.net import runtime
        from wslab.net.herds.herd import Herd
        from wslab.net.recording import Recorder

        async def stay(server):
            async with Herd(server.url, Recorder(), 50, named("full_jitter"), workers=2) as herd:
                while herd.tally.held < 50:
                    await herd.changed()
                print(*herd.pids, flush=True)
                await asyncio.sleep(60)

        with LabServer() as server:
            runtime.run(stay(server))
        """
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        workers = [psutil.Process(int(pid)) for pid in parent.stdout.readline().split()]
        assert len(workers) == 2
        parent.kill()
    _, left = psutil.wait_procs(workers, timeout=2)
    assert not left


def test_cancelled_herd_keeps_its_records_and_leaves_no_process() -> None:
    recorder = Recorder()
    workers: list[psutil.Process] = []

    async def stay(url: str) -> None:
        async with Herd(url, recorder, 50, QUICK) as herd:
            await wait_until(herd, lambda now: now.held == 50)
            workers.extend(psutil.Process(pid) for pid in herd.pids)
            task = asyncio.current_task()
            assert task is not None
            task.cancel()
            await asyncio.sleep(60)

    with LabServer() as server, pytest.raises(asyncio.CancelledError):
        runtime.run(stay(server.url))
    assert len(of(recorder.records, Attempt)) == len(of(recorder.records, Closure)) == 50
    assert workers
    assert not any(worker.is_running() for worker in workers)


def test_worker_that_dies_is_told_and_the_others_go_on() -> None:
    recorder = Recorder()

    async def lose_one(url: str) -> None:
        async with Herd(url, recorder, 20, QUICK, workers=2) as herd:
            await wait_until(herd, lambda now: now.held == 20)
            psutil.Process(herd.pids[0]).kill()
            await wait_until(herd, lambda now: now.held == 10 and now.returned == 10)

    with LabServer() as server:
        runtime.run(lose_one(server.url))
    (loss,) = recorder.losses
    assert "worker 0 with clients 0 to 9 was lost at" in loss
    assert "ended unexpectedly" in loss
    assert {closure.client for closure in of(recorder.records, Closure)} >= set(range(10, 20))
    assert not [child for child in psutil.Process().children() if "wslab.net.herds.worker" in child.cmdline()]


# Bad input


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"clients": 0}, "clients is 0, .* on this machine; .* simulate"),
        ({"clients": 100_000_000}, "clients is 100,000,000, .*; .* simulate"),
        ({"workers": 0}, "workers is 0, .* processes"),
        ({"target": "http://127.0.0.1:1/"}, "ws://… instead"),
        ({"target": "ws://192.0.2.1:1/"}, "another machine.*allow_remote=True"),
        ({"target": "ws://nowhere.invalid/"}, "cannot be resolved"),
    ],
)
def test_bad_argument_teaches(arguments: dict[str, Any], message: str) -> None:
    valid: dict[str, Any] = {"target": "ws://127.0.0.1:1/", "recorder": Recorder(), "clients": 1, "policy": QUICK}
    with pytest.raises(ValueError, match=message):
        Herd(**(valid | arguments))


def test_remote_address_is_taken_with_consent() -> None:
    Herd("ws://192.0.2.1:1/", Recorder(), 1, QUICK, allow_remote=True)  # TEST-NET-1 (RFC 5737); nothing is sent yet
