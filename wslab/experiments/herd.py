"""herd_drill: thousands of clients, in processes of their own, while their server restarts, and how they come back."""

from __future__ import annotations

from typing import Any

from wslab.core.arguments import check_number, check_whole
from wslab.core.backoff import named
from wslab.core.knobs import Knobs
from wslab.core.policy import Delays, Policy
from wslab.core.records import RestartKind
from wslab.core.runs import Run
from wslab.experiments.conduct import Cancel, OnProgress, OnRecord, Setting, conduct, served
from wslab.experiments.drill import Restarts
from wslab.experiments.gathering import Gathering, Tally
from wslab.net import machine
from wslab.net.herd.herd import Herd
from wslab.net.recording import Recorder
from wslab.net.server import LabServer


def herd_drill(
    target: LabServer | Knobs,
    *,
    clients: int = 1000,
    policy: str | Policy | Delays = "full_jitter",
    kind: RestartKind = "graceful",
    downtime_s: float | None = None,
    changes: dict[str, Any] | None = None,
    repeats: int = 1,
    workers: int | None = None,
    open_timeout_s: float = 10.0,
    timeout_s: float = 60.0,
    seed: int = 0,
    progress: OnProgress | None = None,
    on_record: OnRecord | None = None,
    cancel: Cancel | None = None,
) -> Run:
    """Do as `restart_drill` does with thousands of clients, and return a run of the same records.

    `RunInfo.measured` has `client_bytes_per_connection`, and its loop lag is that of the worker processes. What one
    client may take of both is little enough that the run measures the restart; `wslab.core.summaries.herd_summary` puts
    the run into a few numbers.

    Args:
        target: a running lab server, or the knobs of one to start for the drill.
        clients: 1 to as many as this machine can hold; for more there is the simulation.
        policy, kind, downtime_s, changes, repeats, open_timeout_s, timeout_s: as in `restart_drill`.
        workers: processes that the clients are divided among. None: one for each core but one, at most 4.
        seed: of the policy's random numbers: the same seed draws the same delays, however many workers there are.
        progress, cancel: as in `payload_sweep`.
        on_record: called with each record when the herd has dispersed; meanwhile the workers keep them.

    Raises:
        TypeError, ValueError: an argument is out of its bounds, or more than this machine can hold; the message says
            what to raise.
        LabServerError, HerdError: the server did not come up again, or a worker died.
    """
    machine.check_clients(clients)  # the server holds them all in one process
    check_whole("seed", seed, low=0, unit="(any whole number)")
    check_number("timeout_s", timeout_s, low=0.1, high=3600, unit="seconds")
    restarts = Restarts(kind, downtime_s, changes or {}, repeats)
    restarts.check(target)
    chosen = named(policy)

    async def measure(recorder: Recorder) -> None:
        assert server is not None
        async with Herd(
            url, recorder, clients, chosen, seed=seed, workers=workers, open_timeout_s=open_timeout_s
        ) as herd:
            await restarts.carry_out(server, HerdGathering(herd, clients, timeout_s, progress))

    parameters = {
        "clients": clients,
        "policy": chosen.name,
        "policy_knobs": dict(chosen.knobs),
        **restarts._asdict(),
        "workers": workers,
        "open_timeout_s": open_timeout_s,
        "timeout_s": timeout_s,
    }
    with served(target) as (server, url):
        setting = Setting("herd_drill", parameters, server, url, seed)
        return conduct(measure, setting, cancel=cancel, on_record=on_record)


class HerdGathering(Gathering):
    """A herd, to be waited for."""

    def __init__(self, herd: Herd, clients: int, timeout_s: float, progress: OnProgress | None) -> None:
        super().__init__(clients, timeout_s, progress)
        self._herd = herd

    def tally(self) -> Tally:
        now = self._herd.tally
        return Tally(now.attempted, now.held, now.away, now.returned)

    async def changed(self) -> None:
        await self._herd.changed()
