"""Whether the machine kept up while something was measured; where it did not, the tests measure again.

Clocks of fractions of a second make the tests quick, and a machine that starves them blurs what they show. The kit
then says that it is less sure, which is right, and no failure. So a test that asks how sure it was measures again
where this process woke late, and takes whatever it got the last time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Self, TypeVar

T = TypeVar("T")

SAMPLE_S = 0.01

STARVED = "the machine starved what was measured, each time"
"""Why a test skips itself that asks how sure a finding was: a machine in such a state shows nothing of the kit."""


class Lateness:
    """How late a thread woke that slept for a hundredth of a second again and again: `worst_s`, in seconds."""

    def __init__(self) -> None:
        self.worst_s = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._over.is_set():
            before_s = time.monotonic()
            time.sleep(SAMPLE_S)
            self.worst_s = max(self.worst_s, time.monotonic() - before_s - SAMPLE_S)


def measured_steadily(
    measure: Callable[[], T], *, late_s: float, good: Callable[[T], bool], tries: int = 4
) -> tuple[T, bool]:
    """Return what was measured and whether the machine kept up; measure again while it did not and that may be why.

    Args:
        late_s: how late this process may wake before what it measured is blurred, in seconds.
        good: whether the outcome is the one that a machine that keeps up gives.
    """
    for left in reversed(range(tries)):
        with Lateness() as lateness:
            outcome = measure()
        steady = lateness.worst_s <= late_s
        if steady or good(outcome) or not left:
            return outcome, steady
    raise AssertionError("unreachable")
