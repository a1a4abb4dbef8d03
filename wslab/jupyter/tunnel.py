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


async def carry(client: IOStream, server: socket.socket, first: bytes) -> None:
    """Carry bytes both ways until both have ended; `first` was received from the server already.

    The client's stream is closed then; the socket is the caller's to close.
    """
    client.set_nodelay(True)
    async with asyncio.TaskGroup() as directions:
        directions.create_task(_to_client(server, client, first))
        directions.create_task(_to_server(client, server))


async def _to_client(server: socket.socket, client: IOStream, chunk: bytes) -> None:
    loop = asyncio.get_running_loop()
    try:
        if chunk:
            await client.write(chunk)
        while chunk := await loop.sock_recv(server, CHUNK_BYTES):
            await client.write(chunk)
    except StreamClosedError:
        return  # the other direction sees that too, and tells the server
    except OSError:
        _end_client(client, reset=True)
    else:
        _end_client(client, reset=False)


def _end_client(client: IOStream, *, reset: bool) -> None:
    if client.closed():
        return
    if reset:
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    if reset or isinstance(client, SSLIOStream):  # TLS cannot half-close
        client.close()
        return
    # To close would answer with RST what the client is still sending, and take the close frame from it.
    client.socket.shutdown(socket.SHUT_WR)
    asyncio.get_running_loop().call_later(LINGER_S, client.close)


async def _to_server(client: IOStream, server: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    try:
        while True:
            await loop.sock_sendall(server, await client.read_bytes(CHUNK_BYTES, partial=True))
    except StreamClosedError:
        _end_server(server, reset=isinstance(client.error, ConnectionResetError))
    except OSError:
        pass  # it takes no more; what it said before, its close frame perhaps, is still to be read


def _end_server(server: socket.socket, *, reset: bool) -> None:
    # Either way the other direction reads the end of file, as there is nobody left to hear the server.
    with contextlib.suppress(OSError):  # the server has ended already
        if reset:
            server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        server.shutdown(socket.SHUT_RD if reset else socket.SHUT_RDWR)
