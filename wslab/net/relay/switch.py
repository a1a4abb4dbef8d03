"""A TCP front for several servers: one address, and a switch that says which of them get new connections.

It moves bytes and knows nothing of WebSocket. A FIN is passed on as a FIN, a reset as a reset.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import socket
import struct
from collections.abc import Sequence
from typing import NamedTuple, Self, cast

from wslab.net import machine

BACKLOG = 4096
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER, for no time


class Address(NamedTuple):
    """The address of a listener."""

    host: str
    port: int


class Switch:
    """An async context manager on the background loop; within it, clients connect to `address`.

    Args:
        backends: the servers that get new connections, in turn. A client is reset if there is none, or if the one whose
            turn it is does not listen.
    """

    address: Address

    def __init__(self, backends: Sequence[Address], *, host: str = "127.0.0.1") -> None:
        self._host = host
        self._sides: set[_Side] = set()
        self._connecting: set[asyncio.Task[None]] = set()
        self.switch(backends)

    def switch(self, backends: Sequence[Address]) -> None:
        """Send new connections to these backends from now on; open ones stay where they are."""
        self._backends = itertools.cycle(backends)

    async def __aenter__(self) -> Self:
        machine.raise_open_files()  # each client takes two
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Front(self), self._host, 0, backlog=BACKLOG)
        self.address = Address(*self._server.sockets[0].getsockname()[:2])
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        self._server.close()
        for task in self._connecting:
            task.cancel()
        for side in self._sides:
            side.transport.abort()
        await asyncio.sleep(0)  # in which the transports close

    def begin(self, front: _Front) -> None:
        """Connect the client at this front to a backend."""
        task = asyncio.create_task(self._connect(front))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    def note(self, side: _Side, *, is_open: bool) -> None:
        (self._sides.add if is_open else self._sides.discard)(side)

    async def _connect(self, front: _Front) -> None:
        backend = next(self._backends, None)
        if backend is None:
            front.end(reset=True)
            return
        try:
            await asyncio.get_running_loop().create_connection(lambda: _Back(self, front), *backend)
        except OSError:
            front.end(reset=True)


class _Side(asyncio.Protocol):
    """One end of a connection; what it receives is written to the other end."""

    transport: asyncio.Transport
    other: _Side | None = None

    def __init__(self, relay: Switch) -> None:
        self._relay = relay
        self._has_ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._relay.note(self, is_open=True)

    def data_received(self, data: bytes) -> None:
        assert self.other is not None
        self.other.transport.write(data)

    def eof_received(self) -> bool:
        assert self.other is not None
        self._has_ended = True
        if self.other._has_ended:  # noqa: SLF001 (its twin)
            self.transport.close()
            self.other.transport.close()
        else:
            self.other.transport.write_eof()
        return True  # the other direction goes on

    def pause_writing(self) -> None:
        assert self.other is not None
        self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        assert self.other is not None
        self.other.transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        self._relay.note(self, is_open=False)
        if self.other is not None:
            self.other.end(reset=exc is not None)

    def end(self, *, reset: bool) -> None:
        if not reset:
            self.transport.close()
            return
        with contextlib.suppress(OSError):  # it has ended already
            sock = cast("socket.socket", self.transport.get_extra_info("socket"))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.transport.abort()


class _Front(_Side):
    """The client's side; nothing is read from it until its backend is connected."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        # Not at once: in Python 3.11.2 (Debian 12) a transport begins to read after this call, whether paused or not.
        asyncio.get_running_loop().call_soon(self.transport.pause_reading)
        self._relay.begin(self)


class _Back(_Side):
    """The backend's side."""

    def __init__(self, relay: Switch, front: _Front) -> None:
        super().__init__(relay)
        self._front = front

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.other, self._front.other = self._front, self
        if self._front.transport.is_closing():
            self.transport.close()
        else:
            self._front.transport.resume_reading()
