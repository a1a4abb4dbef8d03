"""One end of a connection through a relay: an asyncio protocol that is told what to write and how to end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import Protocol, cast

from wslab.net.relay.lane import Lane
from wslab.net.relay.switch import RESET_ON_CLOSE

READ_BYTES = 131_072
"""Read from a socket at once. More would be faster, but nothing else happens until each frame of it has been looked at,
and this much holds 65,000 of them."""


class Owner(Protocol):
    """What an end needs of its connection."""

    @property
    def is_over(self) -> bool: ...

    def ask(self, data: bytes) -> None: ...

    def end(self, why: str, *, reset: bool = False) -> None: ...

    def ends(self, end: PassageEnd, *, reset: bool) -> None: ...

    def lost(self, end: PassageEnd, exc: Exception | None) -> None: ...


class PassageEnd(asyncio.Protocol):
    """One of the two TCP connections."""

    transport: asyncio.Transport | None = None
    lane: Lane | None = None

    def __init__(self, passage: Owner) -> None:
        self._passage = passage
        self._not_reading: set[str] = set()
        self._may_write = asyncio.Event()
        self._may_write.set()
        self.is_lost = self.has_ended = self._end_is_written = False
        self.other: PassageEnd | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        if self._passage.is_over:  # it was ended during the TLS handshake
            self.transport.abort()
        if hasattr(transport, "max_size"):  # asyncio's own, over TCP
            transport.max_size = READ_BYTES
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        if self.lane is not None:
            self.lane.receive(data)
        else:
            self._passage.ask(data)

    def eof_received(self) -> bool:
        assert self.transport is not None
        self.has_ended = True
        self._passage.ends(self, reset=False)
        if self.lane is not None:
            self.lane.receive_end()
        else:
            self._passage.end("its client ended it")
        self._close_if_over()
        return self.transport.can_write_eof()  # the other direction goes on, where TLS does not forbid it

    def pause_writing(self) -> None:
        self._may_write.clear()
        if self.other is not None:
            self.other.read_on("other", False)

    def resume_writing(self) -> None:
        self._may_write.set()
        if self.other is not None:
            self.other.read_on("other", True)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        self._may_write.set()
        self._passage.ends(self, reset=exc is not None)
        self._passage.lost(self, exc)

    def write(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    def write_end(self, *, reset: bool) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        if reset or not self.transport.can_write_eof() or (self.other is not None and self.other.is_lost):
            self.end(reset=reset)
            return
        self._end_is_written = True
        with contextlib.suppress(OSError):  # it has ended already
            self.transport.write_eof()
        self._close_if_over()

    def _close_if_over(self) -> None:
        if self.has_ended and self._end_is_written and self.transport is not None:
            self.transport.close()

    def end(self, *, reset: bool) -> None:
        if self.transport is None:
            return
        if not reset:
            self.transport.close()
            return
        with contextlib.suppress(OSError):  # it has ended already
            sock = cast(socket.socket, self.transport.get_extra_info("socket"))
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.transport.abort()

    def read_on(self, why: str, wanted: bool) -> None:
        """Stop reading for this reason, or read on unless there is another one."""
        (self._not_reading.discard if wanted else self._not_reading.add)(why)
        if self.transport is not None and not self.is_lost:
            (self.transport.pause_reading if self._not_reading else self.transport.resume_reading)()

    async def writable(self) -> None:
        await self._may_write.wait()
