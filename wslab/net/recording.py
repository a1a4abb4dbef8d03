"""The clock, the records and the error bar of one run, while it is being measured."""

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
"""A system clock that moved so much against the one that no one sets was set."""

R = TypeVar("R", bound=Record)


class Progress(NamedTuple):
    """How far an experiment is: `done` of `total` steps (None: not known), and what it does now."""

    done: int
    total: int | None
    doing: str


OnProgress = Callable[[Progress], None]

OnRecord = Callable[[Record], None]
"""Called with each record, and with what is told of a moment alone (see `Recorder`)."""


class Recorder:
    """Collects records; its clock is the machine's monotonic one, counted from the run's beginning.

    `listeners` are called with each record on the background loop's thread, and with what is told of a moment alone:
    a client that is waiting, a restart under way. They must return at once, and one that raises is not called again.
    What is kept and told holds no secret that `redaction` knows.
    `measured` is what was measured of the instrument itself, `losses` what was lost of the run, `warnings` what else
    is to be known of it (see `RunInfo`); `lags_s` is of the loops that measured, where it was not the background loop.

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
        """Warn if the system clock was set during the run: of all times only the run's beginning is read from it."""
        stepped_s = _wall_ahead_s() - self._ahead_s
        if abs(stepped_s) > STEPPED_S:
            way = "forward" if stepped_s > 0 else "back"
            self.warnings.append(
                f"the system clock was set {way} by {abs(stepped_s):,.0f} s during this run; its times are counted on "
                "another clock, so they hold, but a log of the same minutes may not match them"
            )

    def emit(self, record: Record) -> None:
        """Keep a record, and tell it."""
        record = self._redacted(record)
        self.records.append(record)
        self._call(record)

    def step(self, done: int, total: int | None, doing: str) -> None:
        """Tell how far the experiment is, where somebody wants to know."""
        if self._on_progress is not None:
            self._on_progress(Progress(done, total, doing))

    def tell(self, record: Record) -> None:
        """Call the listeners; what is told alone is no part of the run."""
        self._call(self._redacted(record))

    def _redacted(self, record: R) -> R:
        """Return a record in which no text repeats a secret of the target, no matter who said it."""
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
                self.listeners.remove(listener)  # what fails for one record would for the next, while all is closed
                raise


@contextlib.asynccontextmanager
async def loop_lag(interval_s: float = LAG_INTERVAL_S) -> AsyncIterator[list[float]]:
    """Measure, while the block runs, how late the event loop wakes a sleeper; the list holds seconds.

    What the loop notices late, it stamps late: this is the error bar of every time in the run.
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
    """Return how far the system clock is ahead of one that nobody sets and that goes on while the machine sleeps.

    Where there is none, 0: a sleep would look like a clock that was set.
    """
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return 0.0 if boot is None else _wall_s() - time.clock_gettime(boot)
