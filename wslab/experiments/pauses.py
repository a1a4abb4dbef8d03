"""Pauses of the observer itself: the process was stopped, or the machine slept, and nobody looked meanwhile."""

from __future__ import annotations

import time

from wslab.core.records import Pause
from wslab.net.recording import Recorder

PAUSED_S = 2.0
"""A tick that comes so much too late was no busy loop: the process or the machine stood still."""


class PauseWatcher:
    """Notices when the process or the machine stood still: then nobody looked."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._last_s = recorder.now()
        self._asleep_s = _asleep_s()

    def look(self) -> None:
        now_s, asleep_s = self._recorder.now(), _asleep_s()
        slept_s = asleep_s - self._asleep_s
        if now_s - self._last_s > PAUSED_S or slept_s > PAUSED_S:
            self._recorder.emit(Pause(began_at_s=self._last_s, ended_at_s=now_s, asleep_s=max(0.0, slept_s)))
        self._last_s, self._asleep_s = now_s, asleep_s


def _asleep_s() -> float:
    """Return how far the clock that goes on in a sleeping machine is ahead of the one that does not."""
    boot = getattr(time, "CLOCK_BOOTTIME", None)
    return 0.0 if boot is None else time.clock_gettime(boot) - time.monotonic()
