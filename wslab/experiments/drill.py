"""restart_drill and herd_drill: clients stay connected while their server restarts, and come back.

A drill has up to 500 full clients in this process; a herd has thousands in worker processes.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import AsyncIterator, Callable
from typing import Any

from wslab.core.arguments import check_number, check_seed, check_whole
from wslab.core.policies.policy import Delays, Policy
from wslab.core.policies.textbook import named
from wslab.core.records import RestartKind
from wslab.core.runs import Run
from wslab.core.target import Target, as_target
from wslab.experiments.call import Call
from wslab.experiments.conduct import Aim, Bench, Cancel, Lab, OnProgress, OnRecord, conduct
from wslab.experiments.crowd import Crowd
from wslab.experiments.gathering import Gathering, Whereabouts
from wslab.experiments.restarts import Restarts
from wslab.net import machine
from wslab.net.herds.cluster import herd_on
from wslab.net.herds.herd import Herd
from wslab.net.recording import Recorder

MAX_CLIENTS = 500
"""More full clients in one process would measure themselves rather than the restart."""

MAX_ELSEWHERE = 1000
"""The most clients of a herd if the server is on another machine."""


def restart_drill(
    target: Lab | Aim,
    *,
    clients: int = 10,
    policy: str | Policy | Delays = "full_jitter",
    kind: RestartKind = "graceful",
    downtime_s: float | None = None,
    changes: dict[str, Any] | None = None,
    repeats: int = 1,
    open_timeout_s: float = 10.0,
    ping_interval_s: float | None = None,
    ping_timeout_s: float | None = None,
    timeout_s: float = 60.0,
    seed: int = 0,
    progress: OnProgress | None = None,
    on_record: OnRecord | None = None,
    cancel: Cancel | None = None,
) -> Run:
    """Connect clients, restart their server, wait until all are back; return a run of what each of them saw.

    The run holds `Attempt`, `Closure`, `Outage`, `Account` and `Restart` records.

    Args:
        target: a running lab server or fleet, or the knobs of one to start for the drill; or a URL or `Target` of a
            server that you restart yourself once the clients are connected, within `timeout_s`.
        clients: 1 to 500.
        policy: when they come back: a name from `wslab.core.policies.textbook.POLICIES`, a `Policy`, or a generator
            function.
        kind: "graceful", "crash" or "reload"; "rolling" for a fleet, one server after another.
        downtime_s: seconds from listener closed to listening again. None: the server's knob.
        changes: knobs from the first restart on ("reload" and "rolling" only).
        repeats: restarts, one after the other, 1 to 100.
        open_timeout_s: for one attempt.
        ping_interval_s, ping_timeout_s: as in `stay_connected`.
        timeout_s: how long to wait for the clients after each restart; the `Outage` of one still away says so.
        seed: of the policies' random numbers.
        progress, on_record, cancel: as in `payload_sweep`.

    Raises:
        TypeError, ValueError: an argument is out of its bounds.
        LabServerError: the server does not run, or did not come up again.
    """
    call = Call.taken(restart_drill, locals())
    check_whole("clients", clients, low=1, high=MAX_CLIENTS, unit="clients", hint="for more, use herd_drill")
    restarts = Restarts(kind, downtime_s, changes or {}, repeats)
    chosen = named(policy)

    def gather(bench: Bench) -> Crowd:
        reached = bench.pinging(ping_interval_s, ping_timeout_s).target.replace(open_timeout_s=open_timeout_s)
        return Crowd(reached, bench.recorder, clients, chosen, seed=seed, timeout_s=timeout_s)

    return _drill(call, restarts, gather, seed, timeout_s)


def herd_drill(
    target: Lab | Aim,
    *,
    clients: int = 1000,
    policy: str | Policy | Delays = "full_jitter",
    kind: RestartKind = "graceful",
    downtime_s: float | None = None,
    changes: dict[str, Any] | None = None,
    repeats: int = 1,
    workers: int | None = None,
    scheduler: str | None = None,
    open_timeout_s: float = 10.0,
    timeout_s: float = 60.0,
    seed: int = 0,
    progress: OnProgress | None = None,
    on_record: OnRecord | None = None,
    cancel: Cancel | None = None,
) -> Run:
    """Do what `restart_drill` does, with thousands of clients, and return a run of the same records.

    `RunInfo.measured` has `client_bytes_per_connection`; the loop lag is that of the worker processes. Both are small
    enough for the run to measure the restart and not the clients. `wslab.core.herds.summaries.herd_summary` puts the
    run into a few numbers.

    Args:
        target: as in `restart_drill`.
        clients: 1 to as many as this machine can hold, at most 1000 if the server is on another machine; simulate more
            with `simulate_herd`.
        policy, kind, downtime_s, changes, repeats, open_timeout_s, timeout_s: as in `restart_drill`.
        workers: processes to divide the clients among. None: one for every 500, up to the number of cores and at most
            4; on a cluster, all of its workers.
        scheduler: the address of a Dask cluster, such as "tcp://192.0.2.1:8786", whose workers run the clients. They
            must reach the server: `LabServer(host=…, expose=True)`. All begin at the same time. `RunInfo.measured` has
            the offset of each machine's clock, by which its records are corrected (see
            `wslab.net.herds.cluster.Cluster`). If a worker is lost, the records of its clients are kept, up to about a
            second before; the run is `partial`, and `RunInfo.losses` says who is missing. None: this machine.
        seed: of the policy's random numbers: the same seed draws the same delays, however many workers there are.
        progress, cancel: as in `payload_sweep`.
        on_record: called with each record after the herd has dispersed; until then the workers keep them.

    Raises:
        TypeError, ValueError: an argument is out of its bounds, or more than this machine can hold; the message says
            what to raise.
        LabServerError, HerdError: the server did not come up again, or a worker died (on a cluster: before the start).
        ImportError, ClusterError: Dask is not installed, or there is no such cluster, or it has no workers.
    """
    call = Call.taken(herd_drill, locals())
    # One process holds all connections: the server, or the relay before a fleet, which takes two files for each.
    machine.check_clients(clients, files_per_client=2 if kind == "rolling" else 1)
    restarts = Restarts(kind, downtime_s, changes or {}, repeats)
    chosen = named(policy)
    if isinstance(target, Target | str) and not as_target(target).is_this_machine:
        check_whole("clients", clients, low=1, high=MAX_ELSEWHERE, unit="clients on another machine")

    @contextlib.asynccontextmanager
    async def gather(bench: Bench) -> AsyncIterator[_HerdGathering]:
        begin = Herd if scheduler is None else functools.partial(herd_on, scheduler)
        reached = bench.target.replace(open_timeout_s=open_timeout_s)
        async with begin(reached, bench.recorder, clients, chosen, seed=seed, workers=workers) as herd:
            yield _HerdGathering(herd, bench.recorder, clients, timeout_s)

    return _drill(call, restarts, gather, seed, timeout_s)


def _drill(
    call: Call,
    restarts: Restarts,
    gather: Callable[[Bench], contextlib.AbstractAsyncContextManager[Gathering]],
    seed: int,
    timeout_s: float,
) -> Run:
    check_seed(seed)
    check_number("timeout_s", timeout_s, low=0.1, high=3600, unit="seconds")
    restarts.check(call.target)

    async def measure(bench: Bench) -> None:
        async with gather(bench) as gathering:
            await restarts.carry_out(bench, gathering)

    return conduct(measure, call, fleet=restarts.of_fleet)


class _HerdGathering(Gathering):
    """A herd to wait for."""

    def __init__(self, herd: Herd, recorder: Recorder, clients: int, timeout_s: float) -> None:
        super().__init__(recorder, clients, timeout_s)
        self._herd = herd

    def tally(self) -> Whereabouts:
        now = self._herd.tally
        return Whereabouts(now.attempted, now.held, now.away, now.returned)

    async def changed(self) -> None:
        await self._herd.changed()
