"""herd_drill: thousands of clients, in processes of their own, while their server restarts, and how they come back."""

from __future__ import annotations

import functools
from typing import Any

from wslab.core.arguments import check_number, check_seed, check_whole
from wslab.core.policies.policy import Delays, Policy
from wslab.core.policies.textbook import named
from wslab.core.records import RestartKind
from wslab.core.runs import Run
from wslab.core.target import Target, as_target
from wslab.experiments.call import Call
from wslab.experiments.conduct import Aim, Bench, Cancel, Lab, OnProgress, OnRecord, conduct
from wslab.experiments.gathering import Gathering, Whereabouts
from wslab.experiments.restarts import Restarts
from wslab.net import machine
from wslab.net.herds.cluster import herd_on
from wslab.net.herds.herd import Herd
from wslab.net.recording import Recorder

MAX_ELSEWHERE = 1000
"""Clients at most, where the server is not this machine's."""


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
    """Do as `restart_drill` does with thousands of clients, and return a run of the same records.

    `RunInfo.measured` has `client_bytes_per_connection`, and its loop lag is that of the worker processes. What one
    client may take of both is little enough that the run measures the restart. `herd_summary` of
    `wslab.core.herds.summaries` puts the run into a few numbers.

    Args:
        target: a running lab server or fleet, or the knobs of one to start for the drill; or a URL or `Target` of a
            server that you restart yourself, once the clients are connected and within `timeout_s`.
        clients: 1 to as many as this machine can hold, on another machine at most 1000; for more there is the
            simulation.
        policy, kind, downtime_s, changes, repeats, open_timeout_s, timeout_s: as in `restart_drill`.
        workers: processes that the clients are divided among. None: one for every 500, as long as there are cores, at
            most 4; on a cluster one for each of its workers.
        scheduler: the address of a Dask cluster, such as "tcp://192.0.2.1:8786", on whose workers the clients are to
            be. Those on other machines must reach the server: `LabServer(host=…, expose=True)`. All begin at the same
            time. `RunInfo.measured` has how far their clocks were off this one's, by which their records are corrected
            (see `wslab.net.herds.cluster.Cluster`). Where a worker is lost, what its clients did before is kept, but
            for the last second or so; the run is `partial`, and `RunInfo.losses` says who is missing. None: this
            machine alone.
        seed: of the policy's random numbers: the same seed draws the same delays, however many workers there are.
        progress, cancel: as in `payload_sweep`.
        on_record: called with each record when the herd has dispersed; until then the workers keep them.

    Raises:
        TypeError, ValueError: an argument is out of its bounds, or more than this machine can hold; the message says
            what to raise.
        LabServerError, HerdError: the server did not come up again, or a worker died, in a cluster before the start.
        ImportError, ClusterError: Dask is not installed, or there is no such cluster, or it has no workers.
    """
    call = Call.taken(herd_drill, locals())
    # One process holds them all: the server, or the relay before a fleet, which takes two files for each.
    machine.check_clients(clients, files_per_client=2 if kind == "rolling" else 1)
    check_seed(seed)
    check_number("timeout_s", timeout_s, low=0.1, high=3600, unit="seconds")
    restarts = Restarts(kind, downtime_s, changes or {}, repeats)
    restarts.check(target)
    chosen = named(policy)
    if isinstance(target, Target | str) and not as_target(target).is_this_machine:
        check_whole("clients", clients, low=1, high=MAX_ELSEWHERE, unit="clients on another machine")

    async def measure(bench: Bench) -> None:
        gather = Herd if scheduler is None else functools.partial(herd_on, scheduler)
        async with gather(
            bench.target, bench.recorder, clients, chosen, seed=seed, workers=workers, open_timeout_s=open_timeout_s
        ) as herd:
            await restarts.carry_out(bench, HerdGathering(herd, bench.recorder, clients, timeout_s))

    return conduct(measure, call, fleet=restarts.of_fleet)


class HerdGathering(Gathering):
    """A herd, to be waited for."""

    def __init__(self, herd: Herd, recorder: Recorder, clients: int, timeout_s: float) -> None:
        super().__init__(recorder, clients, timeout_s)
        self._herd = herd

    def tally(self) -> Whereabouts:
        now = self._herd.tally
        return Whereabouts(now.attempted, now.held, now.away, now.returned)

    async def changed(self) -> None:
        await self._herd.changed()
