"""The relay beside a bare relay of TCP in asyncio, which passes bytes and looks at none.

Each is a process of its own between the same server and the same client, and they take turns. The relay finds every
frame and records it while it passes. What arrives is compared with what was sent.
"""

from __future__ import annotations

import contextlib
import hashlib
import platform
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
from _results import Result, paired, tell
from websockets.frames import Opcode

from wslab.net import machine
from wslab.net.frames import encode_frame

TOTAL_BYTES = 32 * 2**20
ROUND_TRIPS = 300

SERVER = r"""
import asyncio, hashlib
from wslab.net import machine
class Sink(asyncio.Protocol):
    # Asked for /N: reads N bytes, and answers with their digest. Asked for /0: answers each piece with an empty frame.
    left_bytes = -1
    def connection_made(self, transport):
        self.transport, self.digest = transport, hashlib.sha256()
    def data_received(self, data):
        if self.left_bytes < 0:
            self.left_bytes = int(data.split(b" ")[1][1:])
            self.transport.write(b"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        elif self.left_bytes == 0:
            self.transport.write(b"\x82\x00")
        else:
            self.digest.update(data)
            self.left_bytes -= len(data)
            if not self.left_bytes:
                self.transport.write(b"\x82\x20" + self.digest.digest())
                self.left_bytes = -1
async def main():
    machine.raise_open_files()
    server = await asyncio.get_running_loop().create_server(Sink, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""

BARE = r"""
import asyncio, sys
from wslab.net import machine
from wslab.net.relay.relay import Relay  # not used: so that both processes have loaded the same
class Back(asyncio.Protocol):
    def __init__(self, front): self.front = front
    def connection_made(self, transport): self.transport = transport
    def data_received(self, data): self.front.transport.write(data)
    def pause_writing(self): self.front.transport.pause_reading()
    def resume_writing(self): self.front.transport.resume_reading()
    def connection_lost(self, exc): self.front.transport.close()
class Front(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport, self.back, self.early = transport, None, []
        asyncio.create_task(self.connect())
    async def connect(self):
        loop, port = asyncio.get_running_loop(), int(sys.argv[1])
        _, self.back = await loop.create_connection(lambda: Back(self), "127.0.0.1", port)
        for data in self.early: self.back.transport.write(data)
    def data_received(self, data):
        if self.back is None: self.early.append(data)
        else: self.back.transport.write(data)
    def pause_writing(self): self.back.transport.pause_reading()
    def resume_writing(self): self.back.transport.resume_reading()
    def connection_lost(self, exc):
        if self.back is not None: self.back.transport.close()
async def main():
    machine.raise_open_files()
    server = await asyncio.get_running_loop().create_server(Front, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()
asyncio.run(main())
"""

OURS = r"""
import sys, time
from wslab.net.relay.relay import Relay
relay = Relay(f"ws://127.0.0.1:{sys.argv[1]}/").start()
print(relay.port, flush=True)
time.sleep(3600)
"""


@contextlib.contextmanager
def running(program: str, *arguments: str) -> Iterator[tuple[int, psutil.Process]]:
    """Run a program that prints its port, and yield that and its process."""
    command = [sys.executable, "-c", program, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            yield int(child.stdout.readline()), psutil.Process(child.pid)
        finally:
            child.kill()


def opened(port: int, path: int) -> socket.socket:
    """Return a connection whose opening handshake is through."""
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.sendall(
        f"GET /{path} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: {'A' * 22}==\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
    )
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += sock.recv(1000)
    return sock


def send_s(port: int, wire: bytes, digest: bytes) -> float:
    """Return the seconds until all of it has arrived as it was sent."""
    with opened(port, len(wire)) as sock:
        began = time.perf_counter()
        sock.sendall(wire)
        answer = b""
        while len(answer) < 34:
            answer += sock.recv(1000)
        took_s = time.perf_counter() - began
    assert answer[2:] == digest, "what arrived is not what was sent"
    return took_s


def round_trip_s(port: int) -> float:
    """Return the median of many small messages and their answers, one after the other."""
    frame = encode_frame(Opcode.TEXT, b"x" * 16)
    with opened(port, 0) as sock:
        took_s = []
        for _ in range(ROUND_TRIPS):
            began = time.perf_counter()
            sock.sendall(frame)
            sock.recv(1000)
            took_s.append(time.perf_counter() - began)
    return statistics.median(took_s)


def grown_bytes(port: int, process: psutil.Process, connections: int) -> float:
    """Return how much the memory of a process grows per connection that is opened and held."""
    before = process.memory_info().rss
    with contextlib.ExitStack() as held:
        for _ in range(connections):
            sock = held.enter_context(opened(port, 0))
            sock.sendall(encode_frame(Opcode.TEXT, b"hello"))
            sock.recv(1000)
        return float(process.memory_info().rss - before) / connections


def measure(quick: bool) -> Iterator[Result]:
    rounds, connections = (2, 200) if quick else (5, 1000)
    machine.raise_open_files()
    with running(SERVER) as (server, _), running(BARE, str(server)) as (bare, _):
        with running(OURS, str(server)) as (ours, process):
            for payload_bytes in (1024, 65_536, 2**20):
                wire = encode_frame(Opcode.BINARY, bytes(payload_bytes)) * (TOTAL_BYTES // payload_bytes)
                digest = hashlib.sha256(wire).digest()
                yield paired(
                    f"{TOTAL_BYTES // 2**20} MiB through the relay in messages of {payload_bytes:,} bytes",
                    lambda wire=wire, digest=digest: send_s(ours, wire, digest),  # type: ignore[misc]
                    lambda wire=wire, digest=digest: send_s(bare, wire, digest),  # type: ignore[misc]
                    rounds=rounds,
                    peer=f"a bare relay, asyncio {platform.python_version()}",
                    at_most=2,
                )
            added_ms = tuple((round_trip_s(ours) - round_trip_s(server)) * 1e3 for _ in range(rounds))
            yield Result(claim="what the relay adds to a round trip", values=added_ms, unit="ms", at_most=1)
        with running(OURS, str(server)) as (ours, process):
            grown_kib = grown_bytes(ours, process, connections) / 1024
            claim = f"the relay's memory for each of {connections:,} connections"
            yield Result(claim=claim, values=(grown_kib,), unit="KiB", at_most=20)


if __name__ == "__main__":
    tell(measure, __doc__)
