"""How what runs on the background loop is stopped, by Ctrl-C or a token, at any moment, and still returns what it has.

The whole of an experiment, its server's start and stop included, is one coroutine, and the caller's thread only waits.
An interrupt is a request to that coroutine and never an exception in the middle of it, so it may come as often as it
likes.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, TypeVar

from wslab.net import runtime

CLEAN_UP_S = 60.0
"""What was stopped has this long to close its connections and to hand over what it saw. It takes far less."""

T = TypeVar("T")


class Cancel:
    """A token that stops an experiment from another thread, at any moment; a run made until then is returned."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # an interrupt may come in the middle of `cancel`, and cancels too
        self._cancelled = False
        self._stops: list[Callable[[], None]] = []

    def cancel(self) -> None:
        """Stop the experiment that holds this token, or, if none does yet, the one that will."""
        with self._lock:
            self._cancelled = True
            for stop in self._stops:
                stop()

    @property
    def cancelled(self) -> bool:
        """Whether it was cancelled, by Ctrl-C too."""
        return self._cancelled

    @contextlib.contextmanager
    def calls(self, stop: Callable[[], None]) -> Iterator[None]:
        """Within the block, call `stop` when this is cancelled; at once, if it was before."""
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
    """Whether the work on the background loop is to stop: set from any thread, awaited on the loop."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        # Not when it is asked: an interrupt may come while this thread starts the loop, and would wait for itself.
        self._loop = runtime.background_loop()

    def ask(self) -> None:
        self._loop.call_soon_threadsafe(self._asked.set)

    async def asked(self) -> None:
        await self._asked.wait()

    async def cut_short(self, work: Coroutine[Any, Any, None], *others: Coroutine[Any, Any, None]) -> bool:
        """Do the work to its end, or until this is asked or one of the others ends; return whether it was cut short.

        Then it has been cancelled and has cleaned up. What it raises by itself is raised.

        Raises:
            TimeoutError: it was cancelled, and did not end.
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
    """Run `work` on the background loop and return what it does; Ctrl-C and `cancel` only ask it to stop.

    Raises:
        Exception: whatever it raises by itself; no KeyboardInterrupt.
    """
    cancel = cancel or Cancel()
    stop = Stop()
    with runtime.interrupts(cancel.cancel), cancel.calls(stop.ask):
        job = runtime.start(work(stop))
        while True:
            try:
                return job.result()
            except KeyboardInterrupt:  # where no handler could be set, or by other means than a signal
                if job.done():
                    raise
                cancel.cancel()
