"""A stage for a client: a listener whose every answer the case decides, and the guests that connect to it.

It is bounded whatever the client does: the number of guests, the bytes kept of a message, and every wait.
"""

from __future__ import annotations

import asyncio
from typing import Self

from wslab.checks.guest import Guest
from wslab.net.handshakes import HandshakeError, check_asking
from wslab.net.heads import HeadError, RequestHead, read_request
from wslab.net.listening import Reservation, new_socket

MAX_GUESTS = 400
HEAD_WITHIN_S = 5.0


class FloodError(Exception):
    """The client keeps opening connections; the message says how many in which time."""


class Stage:
    """A listener on loopback, as an async context. Guests come in order; `shut` refuses connections until `open`."""

    def __init__(self) -> None:
        self._reservation = Reservation("127.0.0.1", 0)
        self._server: asyncio.Server | None = None
        self._waiting: asyncio.Queue[Guest | None] = asyncio.Queue()  # None means too many came
        self._guests: list[Guest] = []
        self.turned_away = 0
        self._over: asyncio.Task[None] | None = None
        self._opened_at_s = 0.0

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._reservation.port}/"

    @property
    def is_deserted(self) -> bool:
        """Whether the client's process has exited."""
        return self._over is not None and self._over.done()

    async def __aenter__(self) -> Self:
        self._opened_at_s = asyncio.get_running_loop().time()
        await self.open()
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.shut()
        for guest in self._guests:
            await guest.finish()
        self._reservation.give_back()

    async def open(self) -> None:
        """Listen, at the same address each time."""
        listener = new_socket("127.0.0.1")
        self._reservation.listen(listener)
        self._server = await asyncio.start_server(self._arrive, sock=listener)

    async def shut(self) -> None:
        """Refuse new connections; open ones stay open."""
        if self._server is not None:
            self._server.close()
            self._server = None

    async def guest(self, timeout_s: float, *, since_s: float = 0.0) -> Guest | None:
        """Return the next guest that asks for a WebSocket; None if none comes in time, or the client has exited.

        Guests that came before `since_s` are accepted and stay: a client may hold several connections at once.

        Raises:
            FloodError: more guests came than any case needs.
        """
        ends_at_s = asyncio.get_running_loop().time() + timeout_s
        while (guest := await self._next(ends_at_s)) is not None and guest.at_s < since_s:
            await guest.accept()
        if self.turned_away:
            raise FloodError(f"It opened more than {MAX_GUESTS} connections in {self._age_s():.1f} s.")
        return guest

    def expects_guests_until(self, over: asyncio.Task[None]) -> None:
        """Stop waiting for guests once this is done: the client's process has exited."""
        self._over = over

    def _age_s(self) -> float:
        return asyncio.get_running_loop().time() - self._opened_at_s

    async def _next(self, ends_at_s: float) -> Guest | None:
        coming = asyncio.create_task(self._waiting.get())
        awaited = {coming} if self._over is None else {coming, self._over}
        try:
            timeout_s = max(0.0, ends_at_s - asyncio.get_running_loop().time())
            await asyncio.wait(awaited, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            return coming.result() if coming.done() else None
        finally:
            coming.cancel()

    async def _arrive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        at_s = asyncio.get_running_loop().time()
        if len(self._guests) >= MAX_GUESTS:
            self.turned_away += 1
            self._waiting.put_nowait(None)
            writer.transport.abort()
            return
        try:
            async with asyncio.timeout(HEAD_WITHIN_S):
                request = await _request(reader)
            accept = check_asking(request)
        except (OSError, TimeoutError, HeadError, HandshakeError):
            writer.transport.abort()
            return
        guest = Guest(at_s, reader, writer, accept, request)
        self._guests.append(guest)
        self._waiting.put_nowait(guest)


async def _request(reader: asyncio.StreamReader) -> RequestHead:
    received = b""
    while (request := read_request(received)) is None:
        data = await reader.read(4096)
        if not data:
            raise HeadError("malformed", "an end of TCP within the head")
        received += data
    return request
