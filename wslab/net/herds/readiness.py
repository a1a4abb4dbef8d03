"""A plain readiness loop: it calls handlers when their sockets are ready or their deadlines pass.

For the herd's workers: with an event loop of tasks and callbacks, a client takes ten times the memory and several times
the time of an entry in a selector, and the queue of callbacks is a delay that an instrument must not add.
"""

from __future__ import annotations

import select
import selectors
import socket
import sys
import time
from array import array
from collections import OrderedDict
from collections.abc import Iterator
from typing import Protocol

from wslab.net.recording import LAG_INTERVAL_S

PORTION = 16


class PortableSelector(selectors.DefaultSelector):
    """The part of `select.epoll` that the loop needs, for systems without it; where epoll exists, this is too slow."""

    def poll(self, timeout_s: float) -> list[tuple[int, int]]:
        return [(key.fd, events) for key, events in self.select(timeout_s)]


if sys.platform == "linux":
    new_selector, READ, WRITE = select.epoll, select.EPOLLIN, select.EPOLLOUT
else:
    new_selector, READ, WRITE = PortableSelector, selectors.EVENT_READ, selectors.EVENT_WRITE


class Handler(Protocol):
    """Called when its socket is ready, or when its deadline has passed."""

    def ready(self) -> None: ...

    def expired(self) -> None: ...


class Readiness:
    """The loop of one process; its clock is the machine's monotonic one, counted from `origin`.

    `lags` holds how late, in seconds, the loop was for beats due every `LAG_INTERVAL_S`.
    """

    def __init__(self, origin: float) -> None:
        self.origin = origin
        self.lags = array("d")
        self._selector = new_selector()
        self._handlers: dict[int, Handler] = {}
        self._deadlines: list[Deadlines] = []
        self._beat_at_s = self.now()

    def now(self) -> float:
        return time.monotonic() - self.origin

    def deadlines(self, timeout_s: float) -> Deadlines:
        """Return a set of deadlines of `timeout_s`, which this loop watches."""
        self._deadlines.append(Deadlines(timeout_s))
        return self._deadlines[-1]

    def watch(self, sock: socket.socket, handler: Handler, *, writable: bool = False) -> None:
        """From now on, call `handler.ready` whenever `sock` is readable, or, with `writable`, writable."""
        fd = sock.fileno()
        watch = self._selector.modify if fd in self._handlers else self._selector.register
        watch(fd, WRITE if writable else READ)
        self._handlers[fd] = handler

    def hand_over(self, sock: socket.socket, handler: Handler) -> None:
        """From now on, call this handler for `sock` instead."""
        self._handlers[sock.fileno()] = handler

    def close(self, sock: socket.socket) -> None:
        """Close `sock`, and stop watching it if it was watched."""
        if self._handlers.pop(sock.fileno(), None) is not None:
            self._selector.unregister(sock.fileno())
        sock.close()

    def handlers(self) -> list[Handler]:
        """Return the handlers of all watched sockets."""
        return list(self._handlers.values())

    def turn(self, until_s: float) -> Iterator[bool]:
        """Wait for sockets until `until_s` at most, and serve those that are ready, one portion per iteration.

        Thousands may be ready at once, and other work need not wait until all of them are served. Yields whether a beat
        was due.
        """
        timeout_s = min(until_s, self._beat_at_s) - self.now()
        ready = self._selector.poll(max(0.0, timeout_s))
        for begin in range(0, max(1, len(ready)), PORTION):
            for fd, _ in ready[begin : begin + PORTION]:
                if (handler := self._handlers.get(fd)) is not None:  # its deadline may have closed it
                    handler.ready()
            yield self._beat()

    def _beat(self) -> bool:
        now = self.now()
        if now < self._beat_at_s:
            return False
        self.lags.append(now - self._beat_at_s)
        self._beat_at_s = now + LAG_INTERVAL_S
        for deadlines in self._deadlines:
            deadlines.expire(now)
        return True


class Deadlines:
    """Handlers with the same timeout, in the order of their beginnings."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._at_s: OrderedDict[Handler, float] = OrderedDict()

    def begin(self, handler: Handler, now: float) -> None:
        """Call `handler.expired` after the timeout, counted from its first beginning, unless it ends before."""
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
