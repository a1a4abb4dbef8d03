"""The clock, the records and the error bar of one run, during the measurement."""

from __future__ import annotations

import asyncio
import contextlib
import datetime
import time
from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple, TypeVar

import msgspec

from wslab.core.records import Record
from wslab.core.secrets import Redaction

LAG_INTERVAL_S = 0.01
STEPPED_S = 1.0
"""If the system clock moves this much against one that is never set, it was set."""

R = TypeVar("R", bound=Record)


class Progress(NamedTuple):
    """How far an experiment is: `done` of `total` steps (None: unknown), and what it is doing."""

    done: int
    total: int | None
    doing: str


OnProgress = Callable[[Progress], None]

OnRecord = Callable[[Record], None]
"""Called with each record, kept or passing (see `Recorder`)."""


class Recorder:
    """Collects records; its clock is the machine's monotonic one, counted from the start of the run.

    `listeners` are called on the background loop's thread with each record, and with passing ones that the run does not
    keep: a client that is waiting, a restart under way. They must return at once; one that raises is not called again.
    No record holds a secret that `redaction` knows. For `measured`, `losses` and `warnings` see `RunInfo`; `lags_s` are
    those of the measuring loops, if the background loop does not measure.

    Args:
        on_progress: called with each step, likewise.
    """

    def __init__(self, on_progress: OnProgress | None = None) -> None:
        self.origin = time.monotonic()
        self._ahead_s = _wall_ahead_s()
        self.records: list[Record] = []
        self.listeners: list[OnRecord] = []
        self.measured: dict[str, float] = {}
        self.losses: list[str] = []
        self.warnings: list[str] = []
        self.lags_s: list[float] | None = None
        self._on_progress = on_progress
        self.redaction = Redaction()

    def now(self) -> float:
        """Seconds since the run began."""
        return time.monotonic() - self.origin

    def warn_of_clock(self) -> None:
        """Warn if the system clock was set during the run, although only `started_at` is read from it."""
        stepped_s = _wall_ahead_s() - self._ahead_s
        if abs(stepped_s) > STEPPED_S:
            way = "forward" if stepped_s > 0 else "back"
            self.warnings.append(
                f"the system clock was set {way} by {abs(stepped_s):,.0f} s during this run; its times come from "
                "another clock and are right, but logs of the same minutes may not match them"
            )

    def emit(self, record: Record) -> None:
        """Keep a record, and call the listeners."""
        record = self._redacted(record)
        self.records.append(record)
        self._call(record)

    def step(self, done: int, total: int | None, doing: str) -> None:
        """Report the experiment's progress, if anyone listens."""
        if self._on_progress is not None:
            self._on_progress(Progress(done, total, doing))

    def tell(self, record: Record) -> None:
        """Call the listeners with a record that the run does not keep."""
        self._call(self._redacted(record))

    def _redacted(self, record: R) -> R:
        """Return the record without any secret of the target in its texts."""
        if not self.redaction.secrets:
            return record
        changed: dict[str, Any] = {}
        for name in record.__struct_fields__:
            value = getattr(record, name)
            if isinstance(value, str):
                changed[name] = self.redaction(value)
            elif isinstance(value, Record):
                changed[name] = self._redacted(value)
        return msgspec.structs.replace(record, **changed)

    def _call(self, record: Record) -> None:
        for listener in tuple(self.listeners):
            try:
                listener(record)
            except BaseException:
                self.listeners.remove(listener)  # it would fail again and again while everything closes
                raise


@contextlib.asynccontextmanager
async def loop_lag(interval_s: float = LAG_INTERVAL_S) -> AsyncIterator[list[float]]:
    """Measure, while the block runs, how late the event loop wakes a sleeping task; the list holds seconds.

    A late loop stamps events late: this is the error bar of every time in the run.
    """
    lags: list[float] = []

    async def sample() -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + interval_s
            await asyncio.sleep(interval_s)
            lags.append(max(0.0, loop.time() - due))

    sampler = asyncio.create_task(sample())
    try:
        yield lags
    finally:
        sampler.cancel()
        await asyncio.wait([sampler])


def wall_clock() -> str:
    """Return the date and time in UTC, for people; every duration comes from the monotonic clock."""
    return datetime.datetime.fromtimestamp(_wall_s(), datetime.UTC).isoformat(timespec="milliseconds")


def _wall_s() -> float:
    return time.time()


def _wall_ahead_s() -> float:
    """Return how far the system clock is ahead of one that is never set and keeps running while the machine sleeps.

    Without such a clock, return 0: a sleep would look as if the clock had been set.
    """
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return 0.0 if boot is None else _wall_s() - time.clock_gettime(boot)
