"""Cluster: a herd's workers, or any independent calls, on the workers of a Dask cluster. Dask is imported only here.

The machines' monotonic clocks share nothing but, nearly, their pace. So the offset of each is measured, and the worker
gets the start of the run on its own clock; its times are then the run's.
"""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from typing import TYPE_CHECKING, Self, TypeVar

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

LEAD_S = 0.5
"""From the moment when the last worker is ready to the start of all; the order must reach them all in this time."""

HAND_OVER_EVERY_S = 1.0
"""The time whose records are lost with a worker."""

_alone = threading.Lock()


def over_cluster(calls: Sequence[Callable[[], T]], scheduler: str) -> list[T]:
    """Make independent calls on a cluster's workers, and return their results, in the order of the calls.

    For parameter sweeps of simulations, or of experiments that each start their own lab server. A worker process makes
    one call at a time, since two would disturb each other; for measurements, use one worker per machine. A call whose
    worker is lost is repeated on another.

    Args:
        calls: callables without arguments; use `functools.partial` or lambdas. The workers need wslab too.
        scheduler: the cluster's address, such as "tcp://192.0.2.1:8786".

    Raises:
        TypeError: `scheduler` is not a string, or one of `calls` is not callable.
        ImportError: Dask is not installed here.
        ClusterError: no cluster answers there, or it has no workers.
        Exception: any exception of a call; the others are abandoned.
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
        TypeError, ImportError, ClusterError: as in `over_cluster`.
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
) -> AsyncIterator[Herd]:
    """Yield a `Herd` whose workers run on a cluster; `workers=None`: one on each of the cluster's workers.

    The target may be on another machine: seen from most workers, it must be.

    Raises:
        TypeError, ValueError: as in `Herd`.
        ImportError, ClusterError, HerdError: as in `Cluster` and `Cluster.spawn`.
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
            allow_remote=True,
            spawn=cluster.spawn,
            lead_s=LEAD_S,
        ) as herd,
    ):
        yield herd


class Cluster:
    """An async context on the background loop, inside which a herd's workers can be spawned on the cluster's.

    For each worker, the recorder's `measured` gets `worker_<n>_clock_offset_s`, how far its monotonic clock was ahead
    of the one here; `…_clock_error_s`, the largest possible error of that; and `…_clock_drift_s`, how much the offset
    had grown by the end.

    Raises:
        TypeError, ImportError, ClusterError: as in `over_cluster`.
    """

    def __init__(self, scheduler: str, recorder: Recorder) -> None:
        self._scheduler = scheduler
        self._recorder = recorder
        self._exit = contextlib.AsyncExitStack()
        self._numbers = itertools.count()

    async def __aenter__(self) -> Self:
        self._client = await self._exit.enter_async_context(connected(self._scheduler))
        identity = await self._client.scheduler.identity(n_workers=-1)  # the client's own list may be truncated
        self.addresses = sorted(identity["workers"])
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self._exit.aclose()

    async def spawn(self, order: Gather, on_change: Callable[[], None]) -> Worker:
        """Start a herd's worker on one of the cluster's workers, taken in turn.

        Raises:
            ValueError: that machine cannot hold the clients, or they cannot reach the server from it.
            HerdError: the worker was lost.
        """
        number = next(self._numbers)
        address = self.addresses[number % len(self.addresses)]
        worker = FarWorker(order, on_change, f"worker_{number}", self._recorder)
        try:
            with self._client.as_current():  # an actor's proxy needs it
                outpost = await self._client.submit(Outpost, actor=True, workers=[address], pure=False)
            pid = await outpost.start(order, socket.gethostname())
        except OSError as error:
            raise HerdError(f"worker {address} of the cluster was lost: {error!r}") from error
        worker.child = FarChild(outpost, pid, address, worker.asides)
        return worker


class FarWorker(Worker):
    """A herd's worker on a worker of the cluster, which has its own clock."""

    child: FarChild

    def __init__(self, order: Gather, on_change: Callable[[], None], name: str, recorder: Recorder) -> None:
        super().__init__(order, on_change)
        self._name = name
        self._recorder = recorder

    async def ready(self) -> None:
        await super().ready()
        self._clock = await self.child.clock_offset()
        self._recorder.measured[f"{self._name}_clock_offset_s"] = self._clock.offset_s
        self._recorder.measured[f"{self._name}_clock_error_s"] = self._clock.error_s
        origin = self.order.origin + self._clock.offset_s
        self.order = msgspec.structs.replace(self.order, origin=origin, hand_over_every_s=HAND_OVER_EVERY_S)

    async def _disperse(self) -> Dispersed:
        drift_s = (await self.child.clock_offset()).offset_s - self._clock.offset_s
        dispersed = await super()._disperse()
        self._recorder.measured[f"{self._name}_clock_drift_s"] = drift_s
        return dispersed
