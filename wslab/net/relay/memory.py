"""What a relay keeps of what passed, within a bound, and the run that it makes of that."""

from __future__ import annotations

import platform
import time
from collections.abc import Mapping
from itertools import chain
from typing import Any

from wslab.core.records import Record, RunInfo
from wslab.core.runs import Run
from wslab.core.target import Target
from wslab.net import machine
from wslab.net.recording import Recorder, wall_clock
from wslab.net.relay.passed import Passed


class RelayMemory:
    """The records of a relay, in the order in which they came.

    Args:
        max_frames: of which records are kept; later ones are counted and told, and not kept.

    Attributes:
        listeners: called on the background loop with each record.
    """

    def __init__(self, max_frames: int) -> None:
        self._max_frames = max_frames
        self._kept = self._not_kept = 0
        self._recorder = Recorder()
        self._records: list[Record | Passed] = []
        self.listeners = self._recorder.listeners

    def begin(self) -> None:
        """Let time count from now."""
        self._started_at = wall_clock()
        self._recorder.origin = time.monotonic()

    def now(self) -> float:
        """Return the seconds since it began."""
        return self._recorder.now()

    def emit(self, record: Record) -> None:
        """Keep a record, and tell it."""
        self._records.append(record)
        if self.listeners:
            self._recorder.tell(record)

    def note(self, passed: Passed) -> None:
        """Keep what is known of frames, within the bound, and tell it."""
        kept = passed.seen[: self._max_frames - self._kept]
        self._kept += len(kept)
        self._not_kept += len(passed.seen) - len(kept)
        if kept:
            self._records.append(passed._replace(seen=kept))
        if self.listeners:
            for record in passed.records():
                self._recorder.tell(record)

    def run(self, target: Target, *, seed: int, parameters: Mapping[str, Any]) -> Run:
        """Return what was kept until now."""
        kept = tuple(self._records)
        records = tuple(chain.from_iterable(one.records() if isinstance(one, Passed) else (one,) for one in kept))
        losses = [f"{self._not_kept:,} frames passed after the first {self._max_frames:,}, and were not kept"]
        return Run(
            RunInfo(
                experiment="relay",
                started_at=self._started_at,
                duration_s=self._recorder.now(),
                partial=bool(self._not_kept),
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
                losses=losses if self._not_kept else [],
                warnings=target.warnings(),
            ),
            records,
        )
