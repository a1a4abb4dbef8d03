"""Bytes between a client's stream and a server's socket, both ways. It knows nothing of WebSocket.

How one side ends is passed to the other as it was: FIN as FIN, with the other direction going on, and RST as RST.
Tornado owns the client's stream; the server's end is a bare socket, since a stream of Tornado's cannot half-close.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct

from tornado.iostream import IOStream, SSLIOStream, StreamClosedError

CHUNK_BYTES = 65_536
RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER, for no time at all

LINGER_S = 60.0
"""A client has this long to end after the server has, no less than the longest `close_timeout_s` of a lab server."""


class Tunnel:
    """One connection through this process; the server's socket is non-blocking, and the caller's to close."""

    def __init__(self, client: IOStream, server: socket.socket) -> None:
        self._client = client
        self._server = server
        self._server_reset = False

    async def carry(self, received: bytes) -> None:
        """Carry bytes until both sides have ended; these were received from the server already."""
        self._client.set_nodelay(True)
        async with asyncio.TaskGroup() as directions:
            directions.create_task(self._to_client(received))
            directions.create_task(self._to_server())
        self._close_client()

    async def _to_client(self, chunk: bytes) -> None:
        loop = asyncio.get_running_loop()
        try:
            if chunk:
                await self._client.write(chunk)
            while chunk := await loop.sock_recv(self._server, CHUNK_BYTES):
                await self._client.write(chunk)
        except StreamClosedError:
            return  # the other direction sees that too, and tells the server
        except OSError:
            self._server_reset = True
        if self._server_reset or isinstance(self._client, SSLIOStream):  # TLS cannot half-close
            self._close_client()
        elif not self._client.closed():
            # To close would answer with RST what the client is still sending, and take the close frame from it.
            with contextlib.suppress(OSError):  # it has gone already
                self._client.socket.shutdown(socket.SHUT_WR)
            loop.call_later(LINGER_S, self._client.close)

    async def _to_server(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                await loop.sock_sendall(self._server, await self._client.read_bytes(CHUNK_BYTES, partial=True))
        except StreamClosedError:
            self._end_server(reset=isinstance(self._client.error, ConnectionResetError))
        except OSError:
            # What it said before, its close frame perhaps, is still to be read; that it was a reset is told only once.
            self._server_reset = True

    def _close_client(self) -> None:
        if self._server_reset and not self._client.closed():
            self._client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self._client.close()

    def _end_server(self, *, reset: bool) -> None:
        # Either way the other direction reads the end of file, as there is nobody left to hear the server.
        with contextlib.suppress(OSError):  # the server has ended already
            if reset:
                self._server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            self._server.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)
