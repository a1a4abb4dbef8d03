"""The address of a server, lab server or relay: a port that no other program can take, even while it is down."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import weakref
from collections.abc import Iterator, Sequence

from wslab.core.arguments import check_origins, check_whole
from wslab.core.errors import BadValueError, LabServerError, in_words
from wslab.core.routes import is_loopback

BACKLOG = 4096
"""Connections that the kernel queues for a server. With asyncio's 100, a burst of clients loses SYNs, and the kernel's
retransmission after a second looks like a backoff policy (measured: `benchmarks/`)."""

TRIES = 10
"""Another program may get in between the two calls that open a listener, but not in all tries, unless it stays."""

_ours: weakref.WeakSet[socket.socket] = weakref.WeakSet()


class Reservation:
    """A port that is bound but not listening: connections to it are refused, and no other program can bind it.

    SO_REUSEADDR or SO_REUSEPORT do not help them: Linux lets two sockets share an address only if both ask for it, and
    this one does so just while a listener of ours is opened beside it. If that fails, because another program was
    faster or the system has other rules, `LabServerError` says so.

    Raises:
        LabServerError: the port is in use, or the host is not an address of this machine.
    """

    def __init__(self, host: str, port: int) -> None:
        self._socket = new_socket(host)
        try:
            self._bind(host, port)
        except OSError as error:
            self._socket.close()
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                remedy = "stop the program that uses it, or use port 0 for a free one"
            else:
                remedy = "the host must be an address of this machine, such as 127.0.0.1"
            raise LabServerError(
                f"port {port} on {host} cannot be bound: {in_words(error, named=False)}; {remedy}"
            ) from None

    @property
    def port(self) -> int:
        """The port, also if port 0 was requested."""
        return int(self._socket.getsockname()[1])

    @property
    def given_back(self) -> bool:
        return self._socket.fileno() < 0

    def give_back(self) -> None:
        self._socket.close()

    def listen(self, listener: socket.socket) -> None:
        """Make `listener`, an unbound socket, listen at this address.

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
            f"port {self.port} was lost to another program while this server was down ({why}); stop that program and "
            "restart this server"
        )

    def _bind(self, host: str, port: int) -> None:
        try:
            self._socket.bind((host, port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            # Connections of an earlier server may be in TIME_WAIT there; only this option binds beside them.
            with self._shared():
                self._socket.bind((host, port))

    @contextlib.contextmanager
    def _shared(self) -> Iterator[None]:
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            yield
        finally:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)


def check_listener(host: str, port: int, origins: Sequence[str], *, expose: bool) -> None:
    """Raise BadTypeError or BadValueError unless these are in bounds, and `host` is loopback or meant to be exposed."""
    check_whole("port", port, low=0, high=65_535, unit="(a TCP port)", hint="0 takes a free one")
    if not expose and not is_loopback(host):
        raise BadValueError(
            f"host is {host!r}, which other machines can reach; use 127.0.0.1, or set expose=True if they may"
        )
    check_origins(origins)


def new_socket(host: str) -> socket.socket:
    """Return a socket for an address of this host, for `Reservation.listen`."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family)
    if family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    _ours.add(sock)
    return sock


def _close_in_forked_child() -> None:
    for sock in _ours:
        sock.close()


# A process forked by the notebook's kernel would hold the port for as long as it lives, even after the kernel's end.
os.register_at_fork(after_in_child=_close_in_forked_child)
