"""Herd: thousands of real WebSocket clients on this machine, in worker processes, brought back by a policy.

The records are those of `wslab.net.client` and `wslab.net.reconnect`, and mean the same. A worker keeps them until the
herd disperses, so that nothing is sent or read while it measures; meanwhile it tells where its clients are.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import os
from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import chain
from typing import Any, Protocol, Self, TypeVar

import cloudpickle
import msgspec

from wslab.core.arguments import check_number, check_whole
from wslab.core.policy import Policy
from wslab.core.records import Attempt, Closure, Outage, Record
from wslab.net import control, machine
from wslab.net.child import Child
from wslab.net.herd.ledger import unpack
from wslab.net.herd.target import Target
from wslab.net.recording import Recorder

E = TypeVar("E", bound=control.Message)

CLOSE_TIMEOUT_S = 5.0

MAX_IN_FLIGHT = 64
"""Clients that connect for the first time at once. Who comes back does so when it is due, however many others do."""

MAX_WORKERS = 64
MAX_UNASKED_WORKERS = 4
CLIENTS_PER_WORKER = 500


class HerdError(RuntimeError):
    """A worker process of a herd has died or does not answer; the message holds its last words."""


class Process(Protocol):
    """What a herd wants of a worker's process, here or elsewhere: see `wslab.net.child.Child`."""

    @property
    def pid(self) -> int: ...

    @property
    def alive(self) -> bool: ...

    def tell(self, command: control.Command) -> None: ...

    async def expect(self, kind: type[E]) -> E: ...

    def kill(self) -> None: ...

    async def ended(self) -> None: ...

    async def retire(self, patience_s: float) -> None: ...


class Herd:
    """An async context on the background loop: inside it the clients connect and come back, at its end they close.

    At the end, however it comes, the records are emitted in the order of time, and every worker is gone. The recorder
    is told how late the workers' loops were, and `client_bytes_per_connection`: by how much their memory had grown
    when they held the most, before the first outage.

    Args:
        url: ws://, on this machine.
        clients: as many as this machine can hold; they are numbered from 0.
        policy: when they come back.
        seed: of the policy's random numbers: what a client draws depends on it, on the numbers of the client, the
            outage and the attempt, and on nothing else.
        workers: processes. None: one for every 500 clients, as long as there are cores for them, at most 4.
        open_timeout_s: for TCP connection and opening handshake together.
        allow_remote: whether the URL may lead to another machine.
        spawn: starts a worker. None: in a child process.
        lead_s: from the last worker's being ready to the start of all.

    Raises:
        TypeError, ValueError: an argument is out of its bounds, or more than this machine can hold; the message says
            what to raise.
    """

    def __init__(
        self,
        url: str,
        recorder: Recorder,
        clients: int,
        policy: Policy,
        *,
        seed: int = 0,
        workers: int | None = None,
        open_timeout_s: float = 10.0,
        allow_remote: bool = False,
        spawn: Spawn | None = None,
        lead_s: float = 0.0,
    ) -> None:
        check_whole("workers", workers, low=1, high=MAX_WORKERS, unit="processes", optional=True)
        check_number("open_timeout_s", open_timeout_s, low=0.01, high=600, unit="seconds")
        most = workers or min(MAX_UNASKED_WORKERS, os.cpu_count() or 1)
        machine.check_clients(clients, processes=most)
        processes = workers or min(most, -(-clients // CLIENTS_PER_WORKER))
        target = Target.of(url, clients, allow_remote=allow_remote)
        share = -(-clients // processes)
        self._recorder = recorder
        self._spawn = spawn or Worker.spawn
        self._lead_s = lead_s
        self._orders = [
            control.Gather(
                target=target,
                first_client=first,
                clients=min(share, clients - first),
                policy=cloudpickle.dumps(policy),
                seed=seed,
                origin=recorder.origin,
                open_timeout_s=open_timeout_s,
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
            dispersed = await asyncio.gather(*(worker.disperse() for worker in self._workers))
        except BaseException:
            await self._kill()
            raise
        self._recorder.lags_s = [lag_s for each in dispersed for lag_s in each.lags_s]
        if held := sum(worker.fullest.held for worker in self._workers):
            grown_bytes = sum(worker.grown_bytes for worker in self._workers)
            self._recorder.measured["client_bytes_per_connection"] = grown_bytes / held
        for record in heapq.merge(*(worker.records() for worker in self._workers), key=_observed_at_s):
            self._recorder.emit(record)

    @property
    def pids(self) -> list[int]:
        """The process ids of the workers."""
        return [worker.child.pid for worker in self._workers]

    @property
    def tally(self) -> control.Tally:
        """Where the clients are, as last heard."""
        tallies = [msgspec.structs.asdict(worker.tally) for worker in self._workers]
        return control.Tally(**{field: sum(tally[field] for tally in tallies) for field in tallies[0]})

    async def changed(self) -> control.Tally:
        """Wait until clients have moved, and return where they are.

        Raises:
            HerdError: a worker has died.
        """
        await self._changed.wait()
        self._changed.clear()
        for worker in self._workers:
            await worker.check()
        return self.tally

    async def _kill(self) -> None:
        for worker in self._workers:
            worker.child.kill()
        await asyncio.gather(*(worker.child.ended() for worker in self._workers))


class Worker:
    """One worker process, and what it told last."""

    child: Process

    def __init__(self, order: control.Gather, on_change: Callable[[], None]) -> None:
        self.order = order
        self.ledgers: list[bytes] = []
        self._on_change = on_change
        self.tally = control.Tally(attempted=0, held=0, away=0, returned=0, resident_bytes=0)
        self.first = self.fullest = self.tally

    @classmethod
    async def spawn(cls, order: control.Gather, on_change: Callable[[], None]) -> Self:
        worker = cls(order, on_change)
        worker.child = await Child.spawn("wslab.net.herd.worker", worker.asides, HerdError)
        return worker

    @property
    def asides(self) -> Mapping[type[control.Message], Callable[[Any], None]]:
        """The events that come unasked, each with whom to call."""
        return {control.Tally: self._note, control.HandedOver: lambda event: self.ledgers.append(event.ledger)}

    @property
    def grown_bytes(self) -> int:
        return self.fullest.resident_bytes - self.first.resident_bytes

    async def ready(self) -> None:
        """Wait until the worker can be told to gather its clients."""
        await self.child.expect(control.Ready)

    def gather(self, begins_at_s: float) -> None:
        self.child.tell(msgspec.structs.replace(self.order, begins_at_s=begins_at_s))
        self._end = asyncio.create_task(self._hear_of_end())

    async def disperse(self) -> control.Dispersed:
        self.child.tell(control.Disperse())
        dispersed = await self.child.expect(control.Dispersed)
        self.ledgers.append(dispersed.ledger)
        await self.child.retire(patience_s=1.0)
        return dispersed

    def records(self) -> Iterator[Record]:
        """Yield what it saw and handed over, in the order of time."""
        return chain.from_iterable(map(unpack, self.ledgers))

    async def check(self) -> None:
        """Raise HerdError, with its last words, if the process has died."""
        if not self.child.alive:
            await self.child.expect(control.Dispersed)

    async def _hear_of_end(self) -> None:
        await self.child.ended()
        self._on_change()

    def _note(self, tally: control.Tally) -> None:
        if not self.first.resident_bytes:
            self.first = tally
        if not tally.returned and tally.held >= self.fullest.held:
            self.fullest = tally
        self.tally = tally
        self._on_change()


Spawn = Callable[[control.Gather, Callable[[], None]], Awaitable[Worker]]


def _observed_at_s(record: Record) -> float:
    match record:
        case Attempt(ended_at_s=at_s) | Closure(closed_at_s=at_s):
            return at_s
        case Outage(reopened_at_s=float(at_s)):
            return at_s
    return math.inf
