"""How every experiment is conducted: on the background loop, with its error bar, and so that nothing is lost.

An experiment takes its arguments (`Call.taken`), checks them, and has a coroutine conducted. That is given a `Bench`
with the recorder, which takes its records and tells its progress, and the server under test. Whatever ends it, what it
emitted until then becomes a `Run`.
"""

from __future__ import annotations

import asyncio
import contextlib
import platform
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from typing import Any, NamedTuple

import msgspec

from wslab.core.errors import BadTypeError, BadValueError, MisuseError, WslabError, in_words
from wslab.core.intervals import quantile
from wslab.core.knobs import Knobs
from wslab.core.records import Restart, RunInfo, since
from wslab.core.runs import Run, load
from wslab.core.target import Target, as_target
from wslab.experiments.call import Call
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

Lab = LabServer | LabFleet
"""What an experiment may restart."""

Aim = LabServer | Knobs | Target | str
"""What an experiment of one server takes: a lab server, the knobs of one to start, or what somebody else runs."""

LOST_S = 1.0
"""After the loss of its server an experiment goes on for so long, in which its clients notice."""

_FAULTS = (BadTypeError, BadValueError, MisuseError)
"""What is wrong with a call and raises, while other errors of a run under way are told in it."""


class Bench(NamedTuple):
    """What an experiment works with; `lab` is the lab's own server, None for a foreign one."""

    recorder: Recorder
    lab: Lab | None
    target: Target

    @property
    def url(self) -> str:
        """Where to connect, with all that the URL keeps secret."""
        return self.target.sent_url

    def pinging(self, interval_s: float | None, timeout_s: float | None) -> Bench:
        """Return a bench whose clients ping so; None leaves it to the target."""
        given = {"ping_interval_s": interval_s, "ping_timeout_s": timeout_s}
        changes = {name: value for name, value in given.items() if value is not None}
        return self._replace(target=self.target.replace(**changes))

    def client(self, **options: Any) -> Client:
        """Return a client for the server; the lab's own is known to say nothing unasked, unless its knobs greet."""
        greets = self.lab is None or self.lab.knobs.greeting is not None
        return Client(self.target, self.recorder, listens_first=greets, **options)

    @property
    def restartable(self) -> Lab:
        """The lab's own server or fleet."""
        assert self.lab is not None, "only targets that the lab can restart were let in"
        return self.lab

    @property
    def server(self) -> LabServer:
        """The lab's own server."""
        assert isinstance(self.lab, LabServer), "only targets that are one were let in"
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
    """Run `measure` to its end, to `cancel` or to Ctrl-C, and return what it emitted as a `Run`.

    After a cancellation or Ctrl-C (a notebook's ■) the run is marked `partial`; it is returned, not lost in a
    KeyboardInterrupt, however often that comes. Where a server or process of the lab is lost while it measures, the run
    says so in `losses` and is partial likewise.

    In a replay (see `wslab.net.replay`) nothing is measured: the run is the one that was recorded.

    Args:
        fleet: knobs as a target get a fleet, and not a single server.
        ends_with_server: whether there is nothing more to see once the lab's own server is lost.
        lag_interval_s: how often the loop's lag is measured; seldom in what runs for hours.

    Raises:
        NotRecordedError: in a replay, when there is none.
        Exception: what `measure` raises, where nothing was measured yet, or a callback or the call is at fault.
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
    """Return the knobs of a target's server, as it is now; of a foreign one, the URL without its secrets.

    Raises:
        BadValueError: the server is neither this machine's nor one that the target says may be probed.
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
    """Yield the lab server (None for a foreign one) and how to reach it; knobs get a server for the while."""
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
    started_at = wall_clock()
    knobs = lab.knobs if lab else None
    restarts_before = len(lab.restarts) if lab else 0
    if call.on_record is not None:
        recorder.listeners.append(call.on_record)
    cut_short = False
    with _restarts_told(lab, recorder):
        try:
            cut_short = await stop.cut_short(measure(bench), _loss(bench, ends=ends_with_server))
        except (WslabError, OSError) as error:
            if isinstance(error, _FAULTS) or not recorder.records:
                raise
            recorder.losses.append(f"it ended at {recorder.now():.3f} s: {in_words(error)}")
    duration_s = recorder.now()
    recorder.warn_of_clock()
    if lab is not None:
        # What was measured may have ended before the loss of its server was noticed.
        noticing = [] if recorder.losses else [asyncio.create_task(_loss(bench, ends=False))]
        await _add_servers_side(recorder, lab, restarts_before)
        for task in noticing:
            task.cancel()
        await asyncio.gather(*noticing, return_exceptions=True)
    lags = lags if recorder.lags_s is None else recorder.lags_s
    info = msgspec.structs.replace(
        provisional(call, bench),
        started_at=started_at,
        duration_s=duration_s,
        partial=cut_short or bool(recorder.losses),
        knobs=knobs,
        loop_lag_p50_s=quantile(lags, 0.5),
        loop_lag_p99_s=quantile(lags, 0.99),
        loop_lag_max_s=max(lags, default=None),
        ended=True,
    )
    return Run(info, tuple(recorder.records))


def provisional(call: Call, bench: Bench) -> RunInfo:
    """Return what a run says of itself while it is under way, for a file that is written as it goes."""
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


async def _loss(bench: Bench, *, ends: bool) -> None:
    """Tell of the loss of the lab's server; return a while after it, unless that ends nothing or it is there again."""
    if bench.lab is not None:
        last_words = await bench.lab.died()
        bench.recorder.losses.append(f"the lab server was lost at {bench.recorder.now():.3f} s; {last_words}")
        await asyncio.sleep(LOST_S)
        if ends and not bench.lab.alive:
            return
    await asyncio.Event().wait()


@contextlib.contextmanager
def _restarts_told(lab: Lab | None, recorder: Recorder) -> Iterator[None]:
    """Tell, within the block, the server's restarts while they are under way; on record they come last."""

    def tell(restart: Restart) -> None:
        recorder.tell(since(recorder.origin, restart))

    listeners = lab.listeners if lab else []
    listeners.append(tell)
    try:
        yield
    finally:
        listeners.remove(tell)


async def _add_servers_side(recorder: Recorder, lab: Lab, restarts_before: int) -> None:
    """Join to the clients' records what the server says of the same connections, and its restarts."""
    seen = {record.connection_id for record in recorder.records if hasattr(record, "connection_id")} - {None}
    await lab.settle(seen)
    theirs = [account for account in lab.accounts if account.connection_id in seen]
    for record in (*theirs, *lab.restarts[restarts_before:]):
        recorder.emit(since(recorder.origin, record))
