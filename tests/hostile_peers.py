"""Peers that keep to no rule, on either side of a WebSocket, and a process of its own to meet one in.

A manner is what a peer sends: before it accepts, where it is a server that never does, or behind the handshake. It
sends for ever, as fast as it can or in drips, and reads nothing after the first request.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import resource
import socket
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

from websockets.utils import accept_key

from wslab.core.records import Side
from wslab.net.frames import encode_frame, encode_header

PATIENCE_S = 20.0
MOST_ADDRESS_SPACE = 2 * 2**30
MASK = b"mask"


class Manner(NamedTuple):
    """What a peer sends: first, then for ever, every so many seconds. `accepts`: behind a whole handshake."""

    first: bytes
    piece: bytes
    every_s: float = 0.0
    accepts: bool = True
    deflate: bool = False


def manners(sender: Side) -> dict[str, Manner]:
    """Return every manner, with the frames of this side; a server's can also be about its answer to the handshake."""
    mask = MASK if sender == "client" else b""
    ping, close = encode_frame(9, b"p" * 125, sender=sender), encode_frame(8, b"\x03\xf1loop", sender=sender)
    bomb = bytes(_bomb())
    behind = {
        "gigabyte frame": Manner(encode_header(2, 2**30, mask), b"g" * 2**16),
        "drip of a frame": Manner(encode_header(2, 1000, mask), b"d", 0.05),
        "bomb": Manner(b"", bytes([0xC1]) + encode_header(1, len(bomb), mask)[1:] + bomb, deflate=True),
        "ping flood": Manner(b"", ping * 400),
        "endless fragments": Manner(encode_header(1, 1, mask, final=False) + b"f",
                                    (encode_header(0, 1, mask, final=False) + b"f") * 5000),
        "close frames in a loop": Manner(b"", close * 1000),
    }  # fmt: skip
    if sender == "client":
        head = b"GET / HTTP/1.1\r\n"
        return {"endless head": Manner(head, b"X-Pad: x\r\n" * 1000, accepts=False), **behind} | {
            "drip of a head": Manner(head, b"X", 0.05, accepts=False)
        }
    head = b"HTTP/1.1 101 Switching Protocols\r\n"
    return {
        "endless head": Manner(head, b"X-Pad: x\r\n" * 1000, accepts=False),
        "endless line": Manner(head + b"X: ", b"x" * 10_000, accepts=False),
        "1xx without end": Manner(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 100, accepts=False),
        "drip of a head": Manner(head, b"X", 0.05, accepts=False),
        **behind,
    }


def _bomb() -> bytes:
    """A compressed message of some kilobytes that inflates to 256 MiB."""
    block = zlib.compressobj(9, zlib.DEFLATED, -15)
    once = block.compress(b"b" * 2**24) + block.flush(zlib.Z_FULL_FLUSH)
    return (once * 16)[:-4]


@contextlib.contextmanager
def serving(manner: Manner) -> Iterator[int]:
    """Serve on loopback with this manner; yield the port."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        held: list[socket.socket] = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    held.append(listener.accept()[0])
                    threading.Thread(target=_answer, args=(held[-1], manner), daemon=True).start()

        threading.Thread(target=accept, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
        for one in held:
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def _answer(peer: socket.socket, manner: Manner) -> None:
    with contextlib.suppress(OSError), peer:
        request = b""
        while b"\r\n\r\n" not in request:
            request += (more := peer.recv(65_536))
            if not more:
                return
        if manner.accepts:
            key = next(
                line.split(b": ")[1] for line in request.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key")
            )
            offered = b"permessage-deflate" in request
            peer.sendall(
                b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + (b"Sec-WebSocket-Extensions: permessage-deflate\r\n" if manner.deflate and offered else b"")
                + f"Sec-WebSocket-Accept: {accept_key(key.decode())}\r\n\r\n".encode()
            )
        rant(peer, manner)


def rant(peer: socket.socket, manner: Manner) -> None:
    """Send for ever, or until nobody listens."""
    with contextlib.suppress(OSError):
        peer.sendall(manner.first)
        while True:
            peer.sendall(manner.piece)
            if manner.every_s:
                time.sleep(manner.every_s)


def call(port: int, manner: Manner) -> None:
    """Be a client with this manner, until the server has had enough."""
    with socket.create_connection(("127.0.0.1", port)) as peer:
        if manner.accepts:
            extension = b"Sec-WebSocket-Extensions: permessage-deflate\r\n" if manner.deflate else b""
            peer.sendall(
                b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n" + extension + b"\r\n"
            )
            peer.recv(4096)
        rant(peer, manner)


class Met(NamedTuple):
    """How a reader met a peer: what came of it, how long it took, and by how much its memory grew at most."""

    outcome: str
    elapsed_s: float
    grown_bytes: int


def meet(reader: Callable[..., str], *arguments: Any) -> Met:
    """Run a reader in a process of its own, whose memory is measured and bounded."""
    here, there = multiprocessing.Pipe(duplex=False)
    process = _context().Process(target=_meet, args=(there, reader, arguments))
    process.start()
    there.close()
    try:
        if not here.poll(PATIENCE_S):
            return Met(f"never returned within {PATIENCE_S:g} s", PATIENCE_S, 0)
        return Met(*here.recv())
    except EOFError:
        return Met("died", 0.0, 0)
    finally:
        process.kill()
        process.join()
        here.close()


def _context() -> Any:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["wslab.experiments", "wslab.checks", "wslab.jupyter.handler", "wslab.net.relay.relay"]
    )
    return context


def _meet(there: Connection, reader: Callable[..., str], arguments: tuple[Any, ...]) -> None:
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (MOST_ADDRESS_SPACE, MOST_ADDRESS_SPACE))
    idle_bytes, began_s = _peak_bytes(), time.monotonic()
    try:
        outcome = reader(*arguments)
    except BaseException as error:
        outcome = f"raised {type(error).__name__}: {error}"
    there.send((outcome, time.monotonic() - began_s, _peak_bytes() - idle_bytes))
    time.sleep(PATIENCE_S)  # until it is ended: nothing is to tidy up after the measurement


def _peak_bytes() -> int:
    status = Path("/proc/self/status")
    if status.exists():  # of this process alone; what getrusage says is inherited from the one that it was forked from
        return 1024 * int(status.read_text().partition("VmHWM:")[2].split()[0])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
