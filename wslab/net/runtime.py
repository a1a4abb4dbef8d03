"""The background event loop, on which all the lab's connections live; the only module that knows about Jupyter's loop.

A notebook's own loop stands still while a cell runs, so a connection on it would miss its pings. The lab therefore runs
one loop in a daemon thread, started on first use, and blocking calls wait for it: the same call works in a notebook, a
script, a test, and a widget's callback on any thread.
"""

from __future__ import annotations

import asyncio
import atexit
import concurrent.futures
import contextlib
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Generic, TypeVar

from wslab.core.errors import MisuseError

T = TypeVar("T")

_lock = threading.Lock()
_loop: asyncio.AbstractEventLoop | None = None
_owner: tuple[int, threading.Thread] | None = None


def background_loop() -> asyncio.AbstractEventLoop:
    """Return the lab's running event loop; start its thread if there is none, as after a fork."""
    global _loop, _owner
    with _lock:
        if _loop is None or _owner is None or _owner[0] != os.getpid() or not _owner[1].is_alive():
            _loop = asyncio.new_event_loop()
            thread = threading.Thread(target=_serve, args=(_loop,), name="wslab-loop", daemon=True)
            _owner = (os.getpid(), thread)
            thread.start()
        return _loop


class Job(Generic[T]):
    """A coroutine on the background loop, controlled from another thread."""

    def __init__(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._ended = threading.Event()
        self._loop = background_loop()
        self._loop.call_soon_threadsafe(self._begin, coroutine)

    def _begin(self, coroutine: Coroutine[Any, Any, T]) -> None:
        self._task = self._loop.create_task(coroutine)
        self._task.add_done_callback(lambda _: self._ended.set())

    def cancel(self) -> None:
        """Ask the coroutine to stop; it cleans up first, so call `result` to wait for its end."""
        # One iteration of the loop later, so that the coroutine has begun: cancelled earlier, it could not clean up.
        self._loop.call_soon_threadsafe(lambda: self._loop.call_soon(self._task.cancel))

    def done(self) -> bool:
        return self._ended.is_set()

    def result(self, timeout_s: float | None = None) -> T:
        """Block until the coroutine ends; return its result or raise its exception.

        Raises:
            RuntimeError: called on the background loop itself, which would wait for itself forever.
            TimeoutError: it has not ended within `timeout_s`; it keeps running.
        """
        if _owner is not None and threading.current_thread() is _owner[1]:
            raise MisuseError("a blocking call on the lab's own event loop would wait for itself; await it instead")
        if not self._ended.wait(timeout_s):
            raise TimeoutError(f"not ended within {timeout_s} s")
        return self._task.result()


def start(coroutine: Coroutine[Any, Any, T]) -> Job[T]:
    """Start `coroutine` on the background loop and return at once."""
    return Job(coroutine)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run `coroutine` on the background loop and block until it ends.

    On Ctrl-C (a notebook's ■) it is cancelled, and its clean-up awaited, before KeyboardInterrupt goes on.
    """
    jobs: list[Job[T]] = []
    interrupted = threading.Event()

    def stop() -> None:
        interrupted.set()
        for job in jobs:
            job.cancel()

    try:
        with interrupts(stop):
            jobs.append(start(coroutine))
            if interrupted.is_set():  # before the job was in the list
                jobs[0].cancel()
            return jobs[0].result()
    finally:
        if interrupted.is_set():
            raise KeyboardInterrupt


@contextlib.contextmanager
def interrupts(call: Callable[[], object]) -> Iterator[None]:
    """Within the block, Ctrl-C and a notebook's ■ make this call instead of raising KeyboardInterrupt.

    Only the main thread can be interrupted; a process that ignores interrupts, like a background job, still does.
    """
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: call())
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


async def to_the_end(coroutine: Coroutine[Any, Any, T], *, on_cancel: Callable[[], object] = lambda: None) -> T:
    """Await a coroutine that must not be left half done: it runs to its end even if the waiting is cancelled.

    The cancellation is raised afterwards; `on_cancel` is called when it comes, to shorten the rest.
    """
    task = asyncio.ensure_future(coroutine)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        on_cancel()
        await asyncio.wait([task])
        raise


async def hand_over(coroutine: Coroutine[Any, Any, T]) -> T:
    """Await, from any running loop, a coroutine that runs on the background loop."""
    return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(coroutine, background_loop()))


def allow_nested_run() -> None:
    """Let `asyncio.run(main())` work in this notebook's cells, as the examples in the library's documentation use it.

    A notebook's loop is already running, so `asyncio.run` raises RuntimeError. This applies nest-asyncio2, the
    maintained successor of nest-asyncio, whose last release breaks timeouts on Python 3.14. It patches asyncio for
    the whole kernel: nested calls end last in, first out, and uvloop cannot be patched. `await main()` does not need
    it, nor does the lab; it is for pasted examples and is never applied on import.
    """
    import nest_asyncio2

    nest_asyncio2.apply()


def _serve(loop: asyncio.AbstractEventLoop) -> None:
    asyncio.set_event_loop(loop)
    try:
        loop.run_forever()
    finally:
        loop.run_until_complete(loop.shutdown_asyncgens())
        loop.close()


@atexit.register
def _leave() -> None:
    """Cancel all tasks and end the loop, so that servers and sockets are released in order."""
    if _loop is None or _owner is None or _owner[0] != os.getpid() or not _owner[1].is_alive():
        return
    # A task that does not end must not block the interpreter's exit; its child process will see the pipe close.
    with contextlib.suppress(TimeoutError, concurrent.futures.CancelledError):
        asyncio.run_coroutine_threadsafe(_cancel_all(), _loop).result(timeout=2)
    _loop.call_soon_threadsafe(_loop.stop)
    _owner[1].join(timeout=2)


async def _cancel_all() -> None:
    tasks = asyncio.all_tasks() - {asyncio.current_task()}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
