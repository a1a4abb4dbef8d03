"""The limit in Python: connect N clients by a plain epoll loop over raw sockets, hold them, and keep nothing of them.

Usage: _plain_client.py PORT N. When all are connected it prints the CPU seconds and the bytes of memory that this took;
when the server has closed them all, the seconds from the first close frame that it read to the last.
"""

from __future__ import annotations

import os
import select
import socket
import sys
import time
from base64 import b64encode
from hashlib import sha1

from wslab.net import machine

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
ANSWER = b"\x88\x82\x00\x00\x00\x00\x03\xf4"  # 1012, masked with zeros
MAX_IN_FLIGHT = 64


class PlainClient:
    """As little as a client can do that checks its accept key and answers a closing handshake."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._held: dict[int, socket.socket] = {}
        self._accepts: dict[int, bytes] = {}
        self._closed_at: list[float] = []

    def connect(self, port: int, clients: int) -> None:
        for _ in range(clients):
            self._begin(port)
            while len(self._accepts) >= MAX_IN_FLIGHT:
                self._hear()
        while self._accepts:
            self._hear()

    def spread_s(self) -> float:
        """Wait until the server has closed everyone; return the time between the first close frame and the last."""
        while self._held:
            self._hear()
        return max(self._closed_at) - min(self._closed_at)

    def _begin(self, port: int) -> None:
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", port))
        key = b64encode(os.urandom(16))
        client.send(
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: " + key + b"\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        self._epoll.register(client, select.EPOLLIN)
        self._held[client.fileno()] = client
        self._accepts[client.fileno()] = b64encode(sha1(key + GUID).digest())

    def _hear(self) -> None:
        for fd, _ in self._epoll.poll():
            received = self._held[fd].recv(4096)
            if received.startswith(b"HTTP/1.1 101") and self._accepts[fd] in received:
                del self._accepts[fd]
            elif received.startswith(b"\x88"):
                self._closed_at.append(time.monotonic())
                self._held[fd].send(ANSWER)
            elif not received:
                self._held.pop(fd).close()
            else:
                raise SystemExit(f"no opening handshake: {received!r}")


if __name__ == "__main__":
    machine.raise_open_files()
    plain = PlainClient()
    cpu, memory = time.process_time(), machine.resident_bytes()
    plain.connect(int(sys.argv[1]), int(sys.argv[2]))
    print(time.process_time() - cpu, machine.resident_bytes() - memory, flush=True)
    print(plain.spread_s(), flush=True)
