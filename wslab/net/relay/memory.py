"""What a relay remembers of what passed, within bounds, and the run made of it."""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

from wslab.core.records import Attempt, Closure, Record, RunInfo
from wslab.core.runs import Run
from wslab.core.target import Target
from wslab.net import machine
from wslab.net.recording import Recorder, wall_clock
from wslab.net.relay.passing_frames import Passed

MAX_CONNECTIONS = 100_000
"""Records are kept of so many connections; later ones are counted and told, but not kept."""

MAX_WARNINGS = 100


class RelayMemory:
    """The records of a relay, in the order in which they came.

    Args:
        max_frames: records are kept of so many frames; later ones are counted and told, but not kept.

    Attributes:
        listeners: called on the background loop with each record.
        warners: called on the background loop with each warning, once.
    """

    def __init__(self, max_frames: int) -> None:
        self._max_frames = max_frames
        self._kept = self._not_kept = self._connections_not_kept = 0
        self._recorder = Recorder()
        self._started_at = wall_clock()
        self._warnings: list[str] = []
        self.warners: list[Callable[[str], None]] = []
        self._records: list[Record | Passed] = []
        self.listeners = self._recorder.listeners

    def begin(self) -> None:
        """Count time from now on."""
        self._started_at = wall_clock()
        self._recorder.origin = time.monotonic()

    def now(self) -> float:
        """Return the seconds since it began."""
        return self._recorder.now()

    def emit(self, record: Record) -> None:
        """Keep a record, and tell it."""
        if isinstance(record, Attempt | Closure) and record.client >= MAX_CONNECTIONS:
            self._connections_not_kept += isinstance(record, Attempt)
        else:
            self._records.append(record)
        if self.listeners:
            self._recorder.tell(record)

    def note(self, passed: Passed) -> None:
        """Keep frames, within the bound, and tell them."""
        kept = passed.seen[: self._max_frames - self._kept]
        self._kept += len(kept)
        self._not_kept += len(passed.seen) - len(kept)
        if kept:
            self._records.append(passed._replace(seen=kept))
        if self.listeners:
            for record in passed.records():
                self._recorder.tell(record)

    def warn(self, words: str) -> None:
        """Keep a warning for the run, and tell it, unless it was told before."""
        if words not in self._warnings and len(self._warnings) < MAX_WARNINGS:
            self._warnings.append(words)
            for warner in self.warners:
                warner(words)

    def run(self, target: Target, *, seed: int, parameters: Mapping[str, Any]) -> Run:
        """Return what was kept so far."""
        kept = tuple(self._records)
        records = tuple(chain.from_iterable(one.records() if isinstance(one, Passed) else (one,) for one in kept))
        losses = []
        if self._not_kept:
            losses.append(f"{self._not_kept:,} frames passed after the first {self._max_frames:,}, and were not kept")
        if self._connections_not_kept:
            beyond = f"{self._connections_not_kept:,} connections came after the first {MAX_CONNECTIONS:,}"
            losses.append(f"{beyond}, and their attempts and closures were not kept")
        return Run(
            RunInfo(
                experiment="relay",
                started_at=self._started_at,
                duration_s=self._recorder.now(),
                partial=bool(losses),
                seed=seed,
                url=target.shown_url,
                knobs=None,
                parameters=dict(parameters),
                versions=machine.versions(),
                platform=platform.platform(),
                clock_resolution_s=time.get_clock_info("monotonic").resolution,
                loop_lag_p50_s=None,
                loop_lag_p99_s=None,
                loop_lag_max_s=None,
                losses=losses,
                warnings=[*target.warnings(), *self._warnings],
            ),
            records,
        )
