"""Herd: thousands of real WebSocket clients on this machine, in worker processes, brought back by a policy.

The records are those of `wslab.net.client.client` and `wslab.net.client.reconnect`, with the same meaning. A worker
writes them to a file in memory, which is read only when the herd disperses, and which outlives the worker; meanwhile it
reports where its clients are.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import os
import time
from collections import Counter
from collections.abc import Mapping
from typing import Self

import cloudpickle
import msgspec

from wslab.core.arguments import check_whole
from wslab.core.policies.policy import Policy
from wslab.core.printable import printable
from wslab.core.records import Attempt, Closure, Outage, Record
from wslab.core.target import Target, as_target
from wslab.net import machine, runtime
from wslab.net.herds.destination import Destination
from wslab.net.herds.worker_protocol import Dispersed, Gather, Tally
from wslab.net.herds.workers import Spawn, Worker
from wslab.net.recording import Recorder

CLOSE_TIMEOUT_S = 5.0

MAX_IN_FLIGHT = 64
"""Clients that connect for the first time simultaneously. Returning clients do so when due, however many there are."""

MAX_WORKERS = 64
MAX_UNASKED_WORKERS = 4
CLIENTS_PER_WORKER = 500


class Herd:
    """An async context on the background loop: inside it, clients connect and come back; at its end they close.

    At the end, even after an exception, the records are emitted in order of time, and every worker is gone. A worker
    that was lost before is listed in the recorder's `losses`, with its clients; the others go on. The recorder also
    gets the lags of the workers' loops, and `client_bytes_per_connection`: the growth of their memory until they held
    the most connections, before the first outage.

    Args:
        target: a URL on this machine, or a `Target` without a proxy; headers, cookies and greeting may differ by client
            (`{client}`). A greeting begins once a connection is open and is not part of the attempt; a client that gets
            no answer stays connected. The recorder's `warnings` say so, and that the target's pings are not sent.
        clients: as many as this machine can hold; numbered from 0.
        policy: decides when they come back.
        seed: for the policy's random numbers. A client's draw depends only on the seed and on the numbers of the
            client, the outage and the attempt.
        workers: number of processes. None: one per `CLIENTS_PER_WORKER` clients, but no more than cores or
            `MAX_UNASKED_WORKERS`.
        allow_remote: whether the URL may lead to another machine.
        spawn: starts a worker. None: in a child process.
        lead_s: from the moment when the last worker is ready to the start of all.

    Raises:
        TypeError, ValueError: an argument is out of bounds, or more than this machine can hold; the message says what
            to raise.
    """

    def __init__(
        self,
        target: Target | str,
        recorder: Recorder,
        clients: int,
        policy: Policy,
        *,
        seed: int = 0,
        workers: int | None = None,
        allow_remote: bool = False,
        spawn: Spawn | None = None,
        lead_s: float = 0.0,
    ) -> None:
        check_whole("workers", workers, low=1, high=MAX_WORKERS, unit="processes", optional=True)
        target = as_target(target)
        most = workers or min(MAX_UNASKED_WORKERS, os.cpu_count() or 1)
        machine.check_clients(clients, processes=most)
        processes = workers or min(most, -(-clients // CLIENTS_PER_WORKER))
        destination = Destination.of(target, clients, allow_remote=allow_remote)
        if interval_s := target.ping_interval_s:
            recorder.warnings.append(f"a herd's clients send no pings: ping_interval_s={interval_s:g} is ignored")
        share = -(-clients // processes)
        self._recorder = recorder
        self._spawn = spawn or Worker.spawn
        self._lead_s = lead_s
        self._orders = [
            Gather(
                destination=destination,
                first_client=first,
                clients=min(share, clients - first),
                policy=cloudpickle.dumps(policy),
                seed=seed,
                origin=recorder.origin,
                open_timeout_s=target.open_timeout_s,
                close_timeout_s=CLOSE_TIMEOUT_S,
                max_in_flight=-(-MAX_IN_FLIGHT // processes),
            )
            for first in range(0, clients, share)
        ]
        self._workers: list[Worker] = []
        self._changed = asyncio.Event()

    async def __aenter__(self) -> Self:
        try:
            for order in self._orders:
                self._workers.append(await self._spawn(order, self._changed.set))
            await asyncio.gather(*(worker.ready() for worker in self._workers))
        except BaseException:
            await self._kill()
            raise
        begins_at_s = self._recorder.now() + self._lead_s
        for worker in self._workers:
            worker.gather(begins_at_s)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        try:
            ends = await runtime.to_the_end(self._disperse())
        except BaseException:
            await self._kill()
            raise
        finally:
            self._keep_records()
        self._recorder.lags_s = [lag_s for end in ends if isinstance(end, Dispersed) for lag_s in end.lags_s]
        self._warn(sum((Counter(end.not_greeted) for end in ends if isinstance(end, Dispersed)), Counter()))
        for worker, end in zip(self._workers, ends, strict=True):
            if isinstance(end, str):
                self._recorder.losses.append(self._loss(worker, end))
        if held := sum(worker.fullest.held for worker in self._workers):
            grown_bytes = sum(worker.grown_bytes for worker in self._workers)
            self._recorder.measured["client_bytes_per_connection"] = grown_bytes / held

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers."""
        return [worker.child.pid for worker in self._workers]

    @property
    def tally(self) -> Tally:
        """The latest tally of all clients."""
        tallies = [msgspec.structs.asdict(worker.tally) for worker in self._workers]
        return Tally(**{field: sum(tally[field] for tally in tallies) for field in tallies[0]})

    async def changed(self) -> Tally:
        """Wait until the tally changes, and return it; clients of a lost worker count as back."""
        await self._changed.wait()
        self._changed.clear()
        return self.tally

    async def _disperse(self) -> list[Dispersed | str]:
        return await asyncio.gather(*(worker.disperse() for worker in self._workers))

    def _keep_records(self) -> None:
        for record in heapq.merge(*(worker.records() for worker in self._workers), key=_observed_at_s):
            self._recorder.emit(record)

    def _warn(self, not_greeted: Mapping[str, int]) -> None:
        for awaited, count in not_greeted.items():
            self._recorder.warnings.append(
                f"{count:,} connections waited {self._orders[0].open_timeout_s:g} s in vain for “{printable(awaited)}” "
                "of the greeting, and were kept without it"
            )

    def _loss(self, worker: Worker, last_words: str) -> str:
        order = worker.order
        first = order.first_client
        at_s = (worker.lost_at or time.monotonic()) - self._recorder.origin
        return (
            f"worker {self._workers.index(worker)} with clients {first} to {first + order.clients - 1} was lost at "
            f"{at_s:.3f} s; their records from then on, and from up to {order.hand_over_every_s:g} s before, are "
            f"missing: {last_words}"
        )

    async def _kill(self) -> None:
        for worker in self._workers:
            worker.child.kill()
        await asyncio.gather(*(worker.child.ended() for worker in self._workers))


def _observed_at_s(record: Record) -> float:
    match record:
        case Attempt(ended_at_s=at_s) | Closure(closed_at_s=at_s):
            return at_s
        case Outage(reopened_at_s=float(at_s)):
            return at_s
    return math.inf
