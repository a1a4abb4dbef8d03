"""Stopping what runs on the background loop, by Ctrl-C or a token, at any moment, without losing what it has.

A whole experiment, from the start of its server to its stop, is one coroutine; the caller's thread only waits. An
interrupt is a request to that coroutine, never an exception in the middle of it, so it may come any number of times.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

from wslab.net import runtime

CLEAN_UP_S = 60.0
"""How long a stopped experiment may take to close its connections and hand over its records. It needs far less."""

T = TypeVar("T")


class Cancel:
    """A token that stops an experiment from another thread at any moment; the run so far is returned."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # an interrupt may come in the middle of `cancel`, and call it too
        self._cancelled = False
        self._stops: list[Callable[[], None]] = []

    def cancel(self) -> None:
        """Stop the experiment that holds this token, or the next one that will."""
        with self._lock:
            self._cancelled = True
            for stop in self._stops:
                stop()

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled, or interrupted by Ctrl-C."""
        return self._cancelled

    @contextlib.contextmanager
    def calls(self, stop: Callable[[], None]) -> Iterator[None]:
        """Within the block, call `stop` on cancellation; at once if this is cancelled already."""
        with self._lock:
            self._stops.append(stop)
            if self._cancelled:
                stop()
        try:
            yield
        finally:
            with self._lock:
                self._stops.remove(stop)


class Stop:
    """A request to stop the work on the background loop: made from any thread, awaited on the loop."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        # Taken now: an interrupt that comes while this thread starts the loop would wait for itself.
        self._loop = runtime.background_loop()

    def ask(self) -> None:
        self._loop.call_soon_threadsafe(self._asked.set)

    async def asked(self) -> None:
        await self._asked.wait()

    async def cut_short(self, work: Coroutine[Any, Any, None], *others: Coroutine[Any, Any, None]) -> bool:
        """Do the work until it ends, this is asked, or one of the others ends; return whether it was cut short.

        Work that is cut short has been cancelled and has cleaned up. Its own exceptions are raised.

        Raises:
            TimeoutError: it was cancelled and did not end in time.
        """
        working = asyncio.create_task(work)
        waiting = [asyncio.create_task(each) for each in (self.asked(), *others)]
        try:
            await asyncio.wait([working, *waiting], return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                working.cancel()
                await asyncio.wait([working], timeout=CLEAN_UP_S)
        finally:
            for task in (working, *waiting):
                task.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)
        if not working.done():
            raise TimeoutError(f"it was stopped, and did not end within {CLEAN_UP_S:g} s")
        with contextlib.suppress(asyncio.CancelledError):
            working.result()
            return False
        return True


def see_through(work: Callable[[Stop], Coroutine[Any, Any, T]], cancel: Cancel | None) -> T:
    """Run `work` on the background loop and return its result; Ctrl-C and `cancel` only ask it to stop.

    Raises:
        Exception: its own; never KeyboardInterrupt.
    """
    cancel = cancel or Cancel()
    stop = Stop()
    with runtime.interrupts(cancel.cancel), cancel.calls(stop.ask):
        job = runtime.start(work(stop))
        while True:
            try:
                return job.result()
            except KeyboardInterrupt:  # no handler could be set, or it did not come from a signal
                if job.done():
                    raise
                cancel.cancel()
