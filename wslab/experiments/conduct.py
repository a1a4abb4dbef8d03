"""How every experiment runs: on the background loop, with its error bar, and without losing anything.

An experiment takes its arguments (`Call.taken`), checks them, and hands a coroutine to `conduct`. The coroutine gets a
`Bench`: a recorder, which takes records and reports progress, and the server under test. Whatever ends it, the records
so far become a `Run`.
"""

from __future__ import annotations

import contextlib
import platform
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any, NamedTuple

import msgspec

from wslab.core.errors import BadTypeError, BadValueError, MisuseError, WslabError, in_words
from wslab.core.intervals import quantile
from wslab.core.knobs import Knobs
from wslab.core.records import RunInfo
from wslab.core.runs import Run, load
from wslab.core.target import Target, as_target
from wslab.experiments.call import Call
from wslab.experiments.servers_side import Lab as Lab
from wslab.experiments.servers_side import add_servers_side, loss, restarts_told
from wslab.experiments.stopping import Cancel as Cancel
from wslab.experiments.stopping import Stop, see_through
from wslab.net import machine, replay
from wslab.net.client.client import Client
from wslab.net.recording import LAG_INTERVAL_S, Recorder, loop_lag, wall_clock
from wslab.net.recording import OnProgress as OnProgress
from wslab.net.recording import OnRecord as OnRecord
from wslab.net.recording import Progress as Progress
from wslab.net.server.fleet import LabFleet
from wslab.net.server.lab_server import LabServer

Aim = LabServer | Knobs | Target | str
"""What an experiment on one server takes: a lab server, the knobs of one to start, or a foreign server."""

_FAULTS = (BadTypeError, BadValueError, MisuseError)
"""A faulty call raises these; any other error of a run under way becomes one of its losses."""


class Bench(NamedTuple):
    """What an experiment works with; `lab` is the lab's own server, None for a foreign one."""

    recorder: Recorder
    lab: Lab | None
    target: Target

    @property
    def url(self) -> str:
        """Where to connect, with all secrets of the URL."""
        return self.target.sent_url

    def pinging(self, interval_s: float | None, timeout_s: float | None) -> Bench:
        """Return a bench whose clients ping at this interval; None leaves it to the target."""
        given = {"ping_interval_s": interval_s, "ping_timeout_s": timeout_s}
        changes = {name: value for name, value in given.items() if value is not None}
        return self._replace(target=self.target.replace(**changes))

    def client(self, **options: Any) -> Client:
        """Return a client for the server. It listens first, unless the server is the lab's own and does not greet."""
        greets = self.lab is None or self.lab.knobs.greeting is not None
        return Client(self.target, self.recorder, listens_first=greets, **options)

    @property
    def restartable(self) -> Lab:
        """The lab's own server or fleet."""
        assert self.lab is not None, "the target is one that the lab can restart"
        return self.lab

    @property
    def server(self) -> LabServer:
        """The lab's own server."""
        assert isinstance(self.lab, LabServer), "the target is a lab server"
        return self.lab


Measure = Callable[[Bench], Coroutine[Any, Any, None]]


def conduct(
    measure: Measure,
    call: Call,
    *,
    fleet: bool = False,
    ends_with_server: bool = True,
    lag_interval_s: float = LAG_INTERVAL_S,
) -> Run:
    """Run `measure` until it ends, or until `cancel` or Ctrl-C, and return its records as a `Run`.

    After a cancellation or Ctrl-C (a notebook's ■), however often it comes, the run is returned and marked `partial`.
    It is also partial if a server or process of the lab was lost, which `losses` describes.

    In a replay (see `wslab.net.replay`) nothing is measured: the recorded run is returned.

    Args:
        fleet: start a fleet, not a single server, if the target is `Knobs`.
        ends_with_server: whether the loss of the lab's own server ends the experiment.
        lag_interval_s: how often the loop's lag is measured; rarely in runs of hours.

    Raises:
        NotRecordedError: a replay has no such run.
        Exception: what `measure` raises, if nothing was measured yet, or if a callback or the call is at fault.
    """
    knobs, url = asked_of(call.target)
    if isinstance(call.target, Target) and (described := call.target.described()):
        call.instead("target", target=described)
    asked = call.asked(knobs, url)
    if replay.replaying():
        run = replay.recall(asked, load)
        if call.on_record is not None:
            for record in run.records:
                call.on_record(record)
    else:
        run = see_through(
            lambda stop: _conducted(measure, call, stop, fleet, ends_with_server, lag_interval_s), call.cancel
        )
    replay.keep(asked, run)
    return run


def asked_of(target: Any) -> tuple[Knobs | None, str | None]:
    """Return the present knobs of a lab server, or the URL of a foreign one without its secrets.

    Raises:
        BadValueError: the server is not on this machine, and the target does not allow its host.
    """
    match target:
        case LabServer() | LabFleet():
            target.url  # noqa: B018 - raises unless it runs
            return target.knobs, None
        case Knobs():
            return target, None
        case str() | Target():
            reached = as_target(target)
            reached.check_permission()
            return None, reached.shown_url
    raise BadTypeError(f"target is {target!r}, but must be a LabServer, Knobs to start one with, a Target, or a URL")


@contextlib.asynccontextmanager
async def opened(target: Lab | Aim, *, fleet: bool = False) -> AsyncIterator[tuple[Lab | None, Target]]:
    """Yield the lab server (None for a foreign one) and how to reach it; for knobs, start a server and stop it."""
    match target:
        case Knobs():
            own = LabFleet(target) if fleet else LabServer(target)
            await own.start_async()
            try:
                yield own, Target(own.url)
            finally:
                await own.stop_async()
        case LabServer() | LabFleet():
            yield target, Target(target.url)
        case _:
            yield None, as_target(target)


async def _conducted(
    measure: Measure, call: Call, stop: Stop, fleet: bool, ends_with_server: bool, lag_interval_s: float
) -> Run:
    async with opened(call.target, fleet=fleet) as (lab, target):
        bench = Bench(Recorder(call.on_progress), lab, target)
        async with loop_lag(lag_interval_s) as lags:
            return await _measured(measure, call, stop, bench, ends_with_server, lags)


async def _measured(
    measure: Measure, call: Call, stop: Stop, bench: Bench, ends_with_server: bool, lags: list[float]
) -> Run:
    recorder, lab, target = bench
    recorder.redaction = target.redaction
    began = provisional(call, bench)
    restarts_before = len(lab.restarts) if lab else 0
    if call.on_record is not None:
        recorder.listeners.append(call.on_record)
    with restarts_told(lab, recorder):
        cut_short = await _cut_short(measure, stop, bench, ends_with_server)
    duration_s = recorder.now()
    recorder.warn_of_clock()
    if lab is not None:
        await add_servers_side(lab, recorder, restarts_before)
    lags = lags if recorder.lags_s is None else recorder.lags_s
    info = msgspec.structs.replace(
        began,
        duration_s=duration_s,
        partial=cut_short or bool(recorder.losses),
        warnings=[*target.warnings(), *recorder.warnings],
        loop_lag_p50_s=quantile(lags, 0.5),
        loop_lag_p99_s=quantile(lags, 0.99),
        loop_lag_max_s=max(lags, default=None),
        ended=True,
    )
    return Run(info, tuple(recorder.records))


async def _cut_short(measure: Measure, stop: Stop, bench: Bench, ends_with_server: bool) -> bool:
    """Measure, and return whether something ended it early; an error of the lab becomes a loss of the run."""
    recorder = bench.recorder
    try:
        return await stop.cut_short(measure(bench), loss(bench.lab, recorder, ends=ends_with_server))
    except (WslabError, OSError) as error:
        if isinstance(error, _FAULTS) or not recorder.records:
            raise
        recorder.losses.append(f"it ended at {recorder.now():.3f} s: {in_words(error)}")
    return False


def provisional(call: Call, bench: Bench) -> RunInfo:
    """Return the head of a run that has not ended, for a file that is written as it goes."""
    return RunInfo(
        experiment=call.experiment,
        started_at=wall_clock(),
        duration_s=bench.recorder.now(),
        partial=True,
        seed=call.seed,
        url=bench.target.shown_url,
        warnings=[*bench.target.warnings(), *bench.recorder.warnings],
        knobs=bench.lab.knobs if bench.lab else None,
        parameters=call.parameters,
        measured=bench.recorder.measured,
        losses=bench.recorder.losses,
        versions=machine.versions(),
        platform=platform.platform(),
        clock_resolution_s=time.get_clock_info("monotonic").resolution,
        loop_lag_p50_s=None,
        loop_lag_p99_s=None,
        loop_lag_max_s=None,
        ended=False,
    )
