"""A WebSocket server that only accepts and closes, as fast as Python can, so that a benchmark of clients measures them.

Usage: _fast_server.py N. It prints its port and, when N handshakes are done, the seconds from the first to the last of
them. SIGUSR1 makes it send 1012 to everyone. It leaves when its stdin ends.
"""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import sys
import time
from base64 import b64encode
from hashlib import sha1

from wslab.net import machine

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
KEY = b"\r\nsec-websocket-key: "
SERVICE_RESTART = b"\x88\x02\x03\xf4"
EMPTY_CLOSE = b"\x88\x00"
OPCODE_CLOSE = 8
BACKLOG = 4096


class FastServer:
    """One epoll loop over plain sockets."""

    def __init__(self, expected: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=BACKLOG)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._epoll = select.epoll()
        for fd in (0, self._listener.fileno()):
            self._epoll.register(fd, select.EPOLLIN)
        self._connections: dict[int, socket.socket] = {}
        self._told: set[int] = set()
        self._expected = expected
        self._greeted = 0
        self._began_at = 0.0

    def run(self) -> None:
        while True:
            for fd, _ in self._epoll.poll():
                if fd == 0:
                    return
                if fd == self._listener.fileno():
                    self._accept()
                else:
                    self._read(fd)

    def restart(self) -> None:
        """Send 1012 to everyone; a connection is ended when its answer comes."""
        for connection in self._connections.values():
            connection.send(SERVICE_RESTART)
        self._told |= self._connections.keys()

    def _accept(self) -> None:
        with contextlib.suppress(BlockingIOError):
            while True:
                connection, _ = self._listener.accept()
                connection.setblocking(False)
                self._connections[connection.fileno()] = connection
                self._epoll.register(connection, select.EPOLLIN)
                self._read(connection.fileno())  # the request is usually there already

    def _read(self, fd: int) -> None:
        connection = self._connections[fd]
        try:
            received = connection.recv(4096)
        except BlockingIOError:
            return
        except ConnectionError:
            received = b""
        if received.startswith(b"GET "):
            connection.send(_greeting(received))
            self._count()
        elif not received or received[0] & 0x0F == OPCODE_CLOSE:
            self._end(fd, answered=not received)

    def _count(self) -> None:
        self._greeted += 1
        self._began_at = self._began_at or time.monotonic()
        if self._greeted == self._expected:
            print(time.monotonic() - self._began_at, flush=True)

    def _end(self, fd: int, *, answered: bool) -> None:
        connection = self._connections.pop(fd)
        if not answered and fd not in self._told:
            with contextlib.suppress(OSError):
                connection.send(EMPTY_CLOSE)
        self._told.discard(fd)
        self._epoll.unregister(fd)
        connection.close()


def _greeting(request: bytes) -> bytes:
    begin = request.lower().index(KEY) + len(KEY)
    accept = b64encode(sha1(request[begin : request.index(b"\r\n", begin)].strip() + GUID).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


if __name__ == "__main__":
    machine.raise_open_files()
    server = FastServer(int(sys.argv[1]))
    signal.signal(signal.SIGUSR1, lambda *_: server.restart())
    print(server.port, flush=True)
    server.run()
