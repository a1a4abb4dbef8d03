"""How every experiment is conducted: on the background loop, with its error bar, and so that nothing is lost.

An experiment is a coroutine that emits records. Here it gets its clock, is cancelled or interrupted in order, and
what it emitted until then becomes a `Run`.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import importlib.metadata
import platform
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, NamedTuple

from wslab.core.arguments import check_url
from wslab.core.errors import BadTypeError
from wslab.core.herds.summaries import quantile
from wslab.core.knobs import Knobs
from wslab.core.policies.policy import Policy
from wslab.core.recordings import Asked, behaviour
from wslab.core.records import Record, Restart, RunInfo, since
from wslab.core.runs import Run, load
from wslab.net import replay, runtime
from wslab.net.recording import Recorder, loop_lag
from wslab.net.server.fleet import LabFleet
from wslab.net.server.lab_server import LabServer

Lab = LabServer | LabFleet
"""What an experiment may restart."""


class Progress(NamedTuple):
    """How far an experiment is: `done` of `total` steps (None: not known), and what it does now."""

    done: int
    total: int | None
    doing: str


OnProgress = Callable[[Progress], None]
OnRecord = Callable[[Record], None]
"""Called with each record, and with what is told of a moment alone (see `Recorder`)."""


class Cancel:
    """A token that stops an experiment from another thread, at any moment; a run made until then is returned."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._cancelled = False
        self._job: runtime.Job[Any] | None = None

    def cancel(self) -> None:
        """Stop the experiment that holds this token, or, if none does yet, the one that will."""
        with self._lock:
            self._cancelled = True
            if self._job is not None:
                self._job.cancel()

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled, for work that no job of the background loop does."""
        return self._cancelled

    def watch(self, job: runtime.Job[Any]) -> None:
        with self._lock:
            self._job = job
            if self._cancelled:
                job.cancel()


class Setting(NamedTuple):
    """What a run says of itself beside its records: see `RunInfo`; and the policy, by which its recording is found."""

    experiment: str
    parameters: dict[str, Any]
    server: Lab | None
    url: str
    seed: int | None
    policy: Policy | None = None

    def asked(self) -> Asked:
        """Return what decides the run, before anything has changed the server."""
        return Asked(
            experiment=self.experiment,
            # What this machine lacks is a finding, and nothing that was asked.
            parameters={name: value for name, value in self.parameters.items() if name != "not_measured"},
            knobs=self.server.knobs if self.server else None,
            seed=self.seed,
            url=None if self.server else self.url,
            policy=behaviour(self.policy) if self.policy else None,
        )


@contextlib.contextmanager
def served(target: LabServer | Knobs | str) -> Iterator[tuple[LabServer | None, str]]:
    """Yield the lab server (None for a foreign one) and the URL of a target; knobs get a server for the while."""
    match target:
        case LabServer():
            yield target, target.url
        case Knobs():
            with LabServer(target) as server:
                yield server, server.url
        case str():
            check_url(target)
            yield None, target
        case _:
            raise BadTypeError(f"target is {target!r}, but must be a LabServer, Knobs to start one with, or a URL")


def conduct(
    measure: Callable[[Recorder], Coroutine[Any, Any, None]],
    setting: Setting,
    *,
    cancel: Cancel | None = None,
    on_record: OnRecord | None = None,
) -> Run:
    """Run `measure` to its end, to `cancel` or to Ctrl-C, and return what it emitted as a `Run`.

    After a cancellation or Ctrl-C (a notebook's ■) the run is marked `partial`; it is returned, not lost in a
    KeyboardInterrupt. What `measure` raises by itself is raised.

    In a replay (see `wslab.net.replay`) nothing is measured: the run is the one that was recorded.

    Raises:
        NotRecordedError: in a replay, when there is none.
    """
    asked = setting.asked()
    if replay.replaying():
        run = replay.recall(asked, load)
        if on_record is not None:
            for record in run.records:
                on_record(record)
        replay.keep(asked, run)
        return run
    job = runtime.start(_measured(measure, setting, on_record))
    if cancel is not None:
        cancel.watch(job)
    try:
        run = job.result()
    except KeyboardInterrupt:
        job.cancel()
        run = job.result()
    replay.keep(asked, run)
    return run


async def _measured(
    measure: Callable[[Recorder], Coroutine[Any, Any, None]], setting: Setting, on_record: OnRecord | None
) -> Run:
    started_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
    knobs = setting.server.knobs if setting.server else None
    restarts_before = len(setting.server.restarts) if setting.server else 0
    recorder = Recorder()
    if on_record is not None:
        recorder.listeners.append(on_record)
    partial = False
    async with loop_lag() as lags:
        try:
            with _restarts_told(setting.server, recorder):
                await measure(recorder)
        except asyncio.CancelledError:
            partial = True
    duration_s = recorder.now()
    if setting.server is not None:
        await _add_servers_side(recorder, setting.server, restarts_before)
    lags = lags if recorder.lags_s is None else recorder.lags_s
    info = RunInfo(
        experiment=setting.experiment,
        started_at=started_at,
        duration_s=duration_s,
        partial=partial or bool(recorder.losses),
        seed=setting.seed,
        url=setting.url,
        knobs=knobs,
        parameters=setting.parameters,
        measured=recorder.measured,
        losses=recorder.losses,
        versions=_versions(),
        platform=platform.platform(),
        clock_resolution_s=time.get_clock_info("monotonic").resolution,
        loop_lag_p50_s=quantile(lags, 0.5),
        loop_lag_p99_s=quantile(lags, 0.99),
        loop_lag_max_s=max(lags, default=None),
    )
    return Run(info, tuple(recorder.records))


@contextlib.contextmanager
def _restarts_told(server: Lab | None, recorder: Recorder) -> Iterator[None]:
    """Tell, within the block, the server's restarts while they are under way; on record they come last."""

    def tell(restart: Restart) -> None:
        recorder.tell(since(recorder.origin, restart))

    listeners = server.listeners if server else []
    listeners.append(tell)
    try:
        yield
    finally:
        listeners.remove(tell)


async def _add_servers_side(recorder: Recorder, server: Lab, restarts_before: int) -> None:
    """Join to the clients' records what the server says of the same connections, and its restarts."""
    seen = {record.connection_id for record in recorder.records if hasattr(record, "connection_id")} - {None}
    await server.settle(seen)
    theirs = [account for account in server.accounts if account.connection_id in seen]
    for record in (*theirs, *server.restarts[restarts_before:]):
        recorder.emit(since(recorder.origin, record))


def _versions() -> dict[str, str]:
    return {
        "python": platform.python_version(),
        "wslab": importlib.metadata.version("wslab"),
        "websockets": importlib.metadata.version("websockets"),
    }
