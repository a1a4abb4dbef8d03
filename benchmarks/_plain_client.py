"""The limit in Python: connect N clients by a plain epoll loop over raw sockets, keep them, and keep nothing of them.

Usage: plain_client.py PORT N. Prints the seconds that it took and the CPU seconds that it used.
"""

from __future__ import annotations

import os
import resource
import select
import socket
import sys
import time
from base64 import b64encode
from hashlib import sha1

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455 §1.3
MAX_IN_FLIGHT = 64


def connect(port: int, clients: int) -> None:
    epoll = select.epoll()
    held = {}
    asked: dict[int, bytes] = {}
    for _ in range(clients):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(("127.0.0.1", port))
        key = b64encode(os.urandom(16))
        client.send(
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: " + key + b"\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        epoll.register(client, select.EPOLLIN)
        held[client.fileno()] = client
        asked[client.fileno()] = b64encode(sha1(key + GUID).digest())
        while len(asked) >= MAX_IN_FLIGHT:
            _hear(epoll, held, asked)
    while asked:
        _hear(epoll, held, asked)


def _hear(epoll: select.epoll, held: dict[int, socket.socket], asked: dict[int, bytes]) -> None:
    for fd, _ in epoll.poll():
        answer = held[fd].recv(4096)
        if not answer.startswith(b"HTTP/1.1 101") or asked.pop(fd) not in answer:
            raise SystemExit(f"no opening handshake: {answer!r}")


if __name__ == "__main__":
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    began, cpu = time.monotonic(), time.process_time()
    connect(int(sys.argv[1]), int(sys.argv[2]))
    print(time.monotonic() - began, time.process_time() - cpu)
