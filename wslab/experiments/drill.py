"""restart_drill: clients stay connected while their server restarts, and every attempt to come back is on record."""

from __future__ import annotations

from typing import Any

from wslab.core.arguments import check_number, check_seed, check_whole
from wslab.core.policies.policy import Delays, Policy
from wslab.core.policies.textbook import named
from wslab.core.records import RestartKind
from wslab.core.runs import Run
from wslab.experiments.call import Call
from wslab.experiments.conduct import Aim, Bench, Cancel, Lab, OnProgress, OnRecord, conduct
from wslab.experiments.crowd import Crowd
from wslab.experiments.restarts import Restarts

MAX_CLIENTS = 500
"""Beyond it one process with full clients would measure itself rather than the restart."""


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
            server that you restart yourself, once the clients are connected and within `timeout_s`.
        clients: 1 to 500.
        policy: when they come back: a name of `wslab.core.policies.textbook.POLICIES`, a `Policy`, or a generator
            function.
        kind: "graceful", "crash" or "reload"; "rolling" for a fleet, one server after another.
        downtime_s: seconds from listener closed to listening again. None: as the server's knob says.
        changes: knobs from the first restart on ("reload" and "rolling" only).
        repeats: restarts, one after the other, 1 to 100.
        open_timeout_s: for one attempt.
        ping_interval_s, ping_timeout_s: as in `stay_connected`.
        timeout_s: how long a restart's clients are waited for; who is away then has an `Outage` that says so.
        seed: of the policies' random numbers.
        progress, on_record, cancel: as in `payload_sweep`.

    Raises:
        TypeError, ValueError: an argument is out of its bounds.
        LabServerError: the server does not run, or did not come up again.
    """
    call = Call.taken(restart_drill, locals())
    check_whole("clients", clients, low=1, high=MAX_CLIENTS, unit="clients", hint="for more, use herd_drill")
    check_number("timeout_s", timeout_s, low=0.1, high=3600, unit="seconds")
    check_seed(seed)
    restarts = Restarts(kind, downtime_s, changes or {}, repeats)
    restarts.check(target)
    chosen = named(policy)

    async def measure(bench: Bench) -> None:
        crowd = Crowd(
            bench.pinging(ping_interval_s, ping_timeout_s).target.replace(open_timeout_s=open_timeout_s),
            bench.recorder,
            clients,
            chosen,
            seed=seed,
            timeout_s=timeout_s,
        )
        async with crowd:
            await restarts.carry_out(bench, crowd)

    return conduct(measure, call, fleet=restarts.of_fleet)
