"""Where a lab server listens: an address of its own, which nobody else gets through every restart."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import weakref
from collections.abc import Iterator

from wslab.core.errors import LabServerError, in_words

BACKLOG = 4096
"""Connections that the kernel queues for a server. With asyncio's 100, a burst of clients loses SYNs, and the kernel's
retransmission after a second looks like a backoff policy (measured: `benchmarks/`)."""

TRIES = 10
"""Another program may come in between the two calls that open a listener; not in all of so many, unless it stays."""

_ours: weakref.WeakSet[socket.socket] = weakref.WeakSet()


class Reservation:
    """A port that is bound without listening: connections to it are refused, and no other program can bind it.

    Nor can one with SO_REUSEADDR or SO_REUSEPORT: Linux lets two sockets share an address only where both say so, and
    this one does for as long as it takes to open a listener of ours beside it. Where a listener cannot be opened, since
    another program was faster or the system has other rules, `LabServerError` says so.

    Raises:
        LabServerError: the port is in use, or the host is no address of this machine.
    """

    def __init__(self, host: str, port: int) -> None:
        self._socket = new_socket(host)
        try:
            self._bind(host, port)
        except OSError as error:
            self._socket.close()
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                remedy = "stop who uses it, or take port 0 for a free one"
            else:
                remedy = "the host must be an address of this machine, such as 127.0.0.1"
            raise LabServerError(
                f"port {port} on {host} cannot be bound: {in_words(error, named=False)}; {remedy}"
            ) from None

    @property
    def port(self) -> int:
        """The port, whichever was asked for."""
        return int(self._socket.getsockname()[1])

    @property
    def given_back(self) -> bool:
        return self._socket.fileno() < 0

    def give_back(self) -> None:
        self._socket.close()

    def listen(self, listener: socket.socket) -> None:
        """Have `listener`, which is not bound yet, listen at this address: connections to it are accepted from now on.

        Raises:
            LabServerError: it cannot; the message says why.
        """
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for _ in range(TRIES):
            try:
                with self._shared():
                    if not listener.getsockname()[1]:
                        listener.bind(self._socket.getsockname())
                    listener.listen(BACKLOG)
                    return
            except OSError as error:
                why = error.strerror
        raise LabServerError(
            f"port {self.port} was lost to another program while this server was down ({why}); stop it and restart "
            "this one"
        )

    def _bind(self, host: str, port: int) -> None:
        try:
            self._socket.bind((host, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            # Connections of an earlier server may wait in TIME_WAIT there, beside which only this option binds.
            with self._shared():
                self._socket.bind((host, port))

    @contextlib.contextmanager
    def _shared(self) -> Iterator[None]:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            yield
        finally:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)


def new_socket(host: str) -> socket.socket:
    """Return a socket for an address of this host, such as `Reservation.listen` wants."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    _ours.add(sock)
    return sock


def _close_in_forked_child() -> None:
    for sock in _ours:
        sock.close()


# A child that the kernel forks would hold the port for as long as it lives, whatever becomes of the kernel.
os.register_at_fork(after_in_child=_close_in_forked_child)
