"""A plain readiness loop: sockets that say when they are ready, handlers that are called then, and deadlines.

For the herd's workers: an event loop of tasks and callbacks costs a client ten times the memory and several times
the time of one entry in a selector, and its queue of callbacks is a delay that an instrument must not add.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import time
from array import array
from collections import OrderedDict
from collections.abc import Iterator
from typing import Protocol

from wslab.net.recording import LAG_INTERVAL_S

PORTION = 16


class Handler(Protocol):
    """What is called when its socket is ready, or when its deadline has passed."""

    def ready(self) -> None: ...

    def expired(self) -> None: ...


class Readiness:
    """The loop of one process; its clock is the machine's monotonic one, counted from `origin`.

    `lags` holds how late, in seconds, the loop was for a beat that was due every `LAG_INTERVAL_S`.
    """

    def __init__(self, origin: float) -> None:
        self.origin = origin
        self.lags = array("d")
        self._selector = selectors.DefaultSelector()
        self._deadlines: list[Deadlines] = []
        self._beat_at_s = self.now()

    def now(self) -> float:
        return time.monotonic() - self.origin

    def deadlines(self, timeout_s: float) -> Deadlines:
        """Return a set of deadlines, all of `timeout_s`, that this loop looks after."""
        self._deadlines.append(Deadlines(timeout_s))
        return self._deadlines[-1]

    def watch(self, sock: socket.socket, handler: Handler, *, writable: bool = False) -> None:
        """Call `handler.ready` whenever `sock` can be read, or, with `writable`, written."""
        self._selector.register(sock, selectors.EVENT_WRITE if writable else selectors.EVENT_READ, handler)

    def hand_over(self, sock: socket.socket, handler: Handler) -> None:
        """From now on call this handler, whenever the watched `sock` can be read."""
        self._selector.modify(sock, selectors.EVENT_READ, handler)

    def close(self, sock: socket.socket) -> None:
        """Close `sock`, and stop watching it if it was watched."""
        with contextlib.suppress(KeyError):
            self._selector.unregister(sock)
        sock.close()

    def handlers(self) -> list[Handler]:
        """Return the handlers of all watched sockets."""
        return [key.data for key in self._selector.get_map().values()]

    def turn(self, until_s: float) -> Iterator[bool]:
        """Wait for sockets until `until_s` at most, and serve those that are ready, a portion an iteration.

        Thousands may be ready at once, and what else there is to do need not wait until all of them are served. Yields
        whether a beat was due.
        """
        timeout_s = min(until_s, self._beat_at_s) - self.now()
        ready = self._selector.select(max(0.0, timeout_s))
        for begin in range(0, max(1, len(ready)), PORTION):
            for key, _ in ready[begin : begin + PORTION]:
                key.data.ready()
            for deadlines in self._deadlines:
                deadlines.expire(self.now())
            yield self._beat()

    def _beat(self) -> bool:
        now = self.now()
        if now < self._beat_at_s:
            return False
        self.lags.append(now - self._beat_at_s)
        self._beat_at_s = now + LAG_INTERVAL_S
        return True


class Deadlines:
    """Handlers that must be done within the same time, in the order in which it began."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._at_s: OrderedDict[Handler, float] = OrderedDict()

    def __len__(self) -> int:
        return len(self._at_s)

    def begin(self, handler: Handler, now: float) -> None:
        """Call `handler.expired` when the time is over, counted from its first beginning, unless it ends before."""
        self._at_s.setdefault(handler, now + self._timeout_s)

    def end(self, handler: Handler) -> None:
        self._at_s.pop(handler, None)

    def expire(self, now: float) -> None:
        while self._at_s:
            handler, at_s = next(iter(self._at_s.items()))
            if at_s > now:
                return
            del self._at_s[handler]
            handler.expired()
