"""Cluster: a herd's workers, or any independent calls, on the workers of a Dask cluster. Dask is imported only here.

The machines' monotonic clocks have nothing in common but, nearly, their pace. So each one's offset is measured, and the
worker is given the run's beginning in its own clock: then its times are the run's.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, Self, TypeVar

import msgspec

from wslab.core.errors import BadTypeError, ClusterError, HerdError, MissingPackageError
from wslab.core.policies.policy import Policy
from wslab.core.target import Target
from wslab.net import runtime
from wslab.net.herds.herd import MAX_WORKERS, Herd
from wslab.net.herds.outpost import FarChild, Outpost
from wslab.net.herds.worker_protocol import Dispersed, Gather
from wslab.net.herds.workers import Worker
from wslab.net.recording import Recorder

if TYPE_CHECKING:
    from distributed import Client

T = TypeVar("T")

CONNECT_TIMEOUT_S = 10.0

EXCHANGES = 16
"""Readings of a worker's clock for one measurement of its offset."""

LEAD_S = 0.5
"""From the last worker's being ready to the start of all; the order to start reaches them all within it."""

HAND_OVER_EVERY_S = 1.0
"""How much of its clients' time a worker may take with it when it is lost."""

_alone = threading.Lock()


def over_cluster(calls: Sequence[Callable[[], T]], scheduler: str) -> list[T]:
    """Make independent calls on a cluster's workers, and return what they return, in the order of the calls.

    For sweeps of parameters: simulations, or experiments, each against a lab server that it starts where it runs. A
    worker process makes one call at a time, since two would disturb each other; to measure, have one worker a machine.
    A call whose worker is lost is made again on another.

    Args:
        calls: without arguments; `functools.partial` and lambdas give them theirs. The workers need wslab too.
        scheduler: the cluster's address, such as "tcp://192.0.2.1:8786".

    Raises:
        TypeError: `scheduler` is no text, or one of `calls` cannot be called.
        ImportError: Dask is not installed here.
        ClusterError: no cluster answers there, or it has no workers.
        Exception: whatever a call raises; the others are given up.
    """
    for call in calls:
        if not callable(call):
            raise BadTypeError(f"calls holds {call!r}, which cannot be called; write functools.partial(function, …)")

    async def gather() -> list[T]:
        async with connected(scheduler) as client:
            made: list[T] = await client.gather([client.submit(_call_alone, call, pure=False) for call in calls])
            return made

    return runtime.run(gather())


def _call_alone(call: Callable[[], T]) -> T:
    with _alone:
        return call()


@contextlib.asynccontextmanager
async def connected(scheduler: str) -> AsyncIterator[Client]:
    """Yield a client of a cluster that has workers.

    Raises:
        TypeError, ImportError, ClusterError: as `over_cluster`.
    """
    if not isinstance(scheduler, str):
        raise BadTypeError(
            f"scheduler is {scheduler!r}, but must be a cluster's address, such as 'tcp://192.0.2.1:8786'"
        )
    try:
        from distributed import Client
    except ImportError:
        raise MissingPackageError(
            "a cluster needs Dask, here and on its workers: pip install 'wslab[cluster]'"
        ) from None
    async with contextlib.AsyncExitStack() as stack:
        try:
            client = Client(scheduler, asynchronous=True, set_as_default=False, timeout=CONNECT_TIMEOUT_S)
            await stack.enter_async_context(client)
        except (OSError, ValueError) as error:
            raise ClusterError(f"no cluster answers at {scheduler!r} ({error}); start one: dask scheduler") from None
        try:
            await client.wait_for_workers(1, timeout=CONNECT_TIMEOUT_S)
        except TimeoutError:
            raise ClusterError(f"{scheduler} has no workers; start some: dask worker {scheduler}") from None
        yield client


@contextlib.asynccontextmanager
async def herd_on(
    scheduler: str,
    target: Target | str,
    recorder: Recorder,
    clients: int,
    policy: Policy,
    *,
    workers: int | None = None,
    seed: int = 0,
    open_timeout_s: float = 10.0,
) -> AsyncIterator[Herd]:
    """Be a `Herd` whose workers are on a cluster; None: one on each of its workers.

    The target may lead to another machine than the one that it is asked from: it must, from the others.

    Raises:
        TypeError, ValueError: as `Herd`.
        ImportError, ClusterError, HerdError: as `Cluster` and `Cluster.spawn`.
    """
    async with (
        Cluster(scheduler, recorder) as cluster,
        Herd(
            target,
            recorder,
            clients,
            policy,
            seed=seed,
            workers=workers or min(MAX_WORKERS, len(cluster.addresses)),
            open_timeout_s=open_timeout_s,
            allow_remote=True,
            spawn=cluster.spawn,
            lead_s=LEAD_S,
        ) as herd,
    ):
        yield herd


class Cluster:
    """An async context on the background loop: inside it a herd's workers can be spawned on the cluster's.

    The recorder is told of each worker `worker_<n>_clock_offset_s`, by how much its monotonic clock was ahead of the
    one here; `…_clock_error_s`, no further than which that is from the truth; `…_clock_drift_s`, by how much the offset
    had grown at the end; and, in `losses`, who was lost.

    Raises:
        TypeError, ImportError, ClusterError: as `over_cluster`.
    """

    def __init__(self, scheduler: str, recorder: Recorder) -> None:
        self._scheduler = scheduler
        self._recorder = recorder
        self._exit = contextlib.AsyncExitStack()
        self._numbers = itertools.count()

    async def __aenter__(self) -> Self:
        self._client = await self._exit.enter_async_context(connected(self._scheduler))
        identity = await self._client.scheduler.identity(n_workers=-1)  # what the client itself knows may be cut short
        self.addresses = sorted(identity["workers"])
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._exit.aclose()

    async def spawn(self, order: Gather, on_change: Callable[[], None]) -> Worker:
        """Start a herd's worker on one of the cluster's, on each in turn.

        Raises:
            ValueError: that machine could not hold the clients, or they could not reach the server from it.
            HerdError: the worker was lost.
        """
        number = next(self._numbers)
        address = self.addresses[number % len(self.addresses)]
        worker = FarWorker(order, on_change, f"worker_{number}", self._recorder)
        try:
            with self._client.as_current():  # an actor's proxy asks for it
                outpost = await self._client.submit(Outpost, actor=True, workers=[address], pure=False)
            pid = await outpost.start(order, socket.gethostname())
        except OSError as error:
            raise HerdError(f"worker {address} of the cluster was lost: {error!r}") from error
        worker.child = FarChild(outpost, pid, address, worker.asides)
        return worker


class FarWorker(Worker):
    """A herd's worker on a worker of the cluster, with a clock of its own."""

    child: FarChild

    def __init__(self, order: Gather, on_change: Callable[[], None], name: str, recorder: Recorder) -> None:
        super().__init__(order, on_change)
        self._name = name
        self._recorder = recorder

    async def ready(self) -> None:
        await super().ready()
        self._clock = await self._measure_clock()
        self._recorder.measured[f"{self._name}_clock_offset_s"] = self._clock.offset_s
        self._recorder.measured[f"{self._name}_clock_error_s"] = self._clock.error_s
        origin = self.order.origin + self._clock.offset_s
        self.order = msgspec.structs.replace(self.order, origin=origin, hand_over_every_s=HAND_OVER_EVERY_S)

    async def _disperse(self) -> Dispersed:
        drift_s = (await self._measure_clock()).offset_s - self._clock.offset_s
        dispersed = await super()._disperse()
        self._recorder.measured[f"{self._name}_clock_drift_s"] = drift_s
        return dispersed

    async def _measure_clock(self) -> ClockOffset:
        exchanges = []
        for _ in range(EXCHANGES):
            asked_at = time.monotonic()
            read = await self.child.read_clock()
            exchanges.append(ClockReading(asked_at, read, time.monotonic()))
        return clock(exchanges)


class ClockReading(NamedTuple):
    """A question after the time, and its answer: asked and answered by the clock here, read off the one there."""

    asked_at: float
    read: float
    answered_at: float


class ClockOffset(NamedTuple):
    """How far a clock is ahead of the one here, and no further than which that is from the truth."""

    offset_s: float
    error_s: float


def clock(exchanges: Iterable[ClockReading]) -> ClockOffset:
    """Return the offset by the quickest of several exchanges.

    The clock was read at some moment between question and answer. Halfway is the best guess, and half the round trip
    the most that it can be wrong (D. L. Mills, RFC 5905 §8 and §10: the clock filter).

    >>> clock([ClockReading(10.0, 110.5, 11.0), ClockReading(12.0, 112.25, 12.5)])
    ClockOffset(offset_s=100.0, error_s=0.25)
    """
    quickest = min(exchanges, key=lambda exchange: exchange.answered_at - exchange.asked_at)
    round_trip_s = quickest.answered_at - quickest.asked_at
    return ClockOffset(quickest.read - (quickest.asked_at + round_trip_s / 2), round_trip_s / 2)
