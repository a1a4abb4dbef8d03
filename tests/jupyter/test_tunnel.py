"""How one side of a tunnel ends is how the other sees it end."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from tornado.iostream import IOStream

from wslab.jupyter.tunnel import RESET_ON_CLOSE, Tunnel

TIMEOUT_S = 30.0


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    for end in (near, far):
        end.setblocking(False)
    return near, far


def reset(end: socket.socket) -> None:
    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    end.close()


@asynccontextmanager
async def tunnel(received: bytes = b"") -> AsyncIterator[tuple[socket.socket, socket.socket]]:
    """Yield the client's and the server's sockets, with a tunnel between them; both must end inside."""
    client, front = tcp_pair()
    back, server = tcp_pair()

    async def carry() -> None:
        with back:
            await Tunnel(IOStream(front), back).carry(received)

    with client, server:
        carrying = asyncio.create_task(carry())
        yield client, server
        await asyncio.wait_for(carrying, TIMEOUT_S)


async def read(end: socket.socket) -> bytes:
    return await asyncio.wait_for(asyncio.get_running_loop().sock_recv(end, 65_536), TIMEOUT_S)


def test_bytes_pass_both_ways_with_those_received_before_first() -> None:
    async def converse() -> None:
        loop = asyncio.get_running_loop()
        async with tunnel(b"first ") as (client, server):
            assert await read(client) == b"first "
            await loop.sock_sendall(client, b"up")
            assert await read(server) == b"up"
            await loop.sock_sendall(server, b"down")
            assert await read(client) == b"down"
            client.close()
            assert await read(server) == b""

    asyncio.run(converse())


def test_end_of_the_server_leaves_the_other_direction_open() -> None:
    async def converse() -> None:
        async with tunnel() as (client, server):
            await asyncio.get_running_loop().sock_sendall(server, b"a close frame")
            server.shutdown(socket.SHUT_WR)
            assert await read(client) == b"a close frame"
            assert await read(client) == b""
            await asyncio.get_running_loop().sock_sendall(client, b"still sending")
            assert await read(server) == b"still sending"
            client.close()
            assert await read(server) == b""

    asyncio.run(converse())


def test_reset_by_the_server_comes_behind_what_it_said() -> None:
    async def converse() -> None:
        async with tunnel() as (client, server):
            await asyncio.get_running_loop().sock_sendall(server, b"a close frame")
            assert await read(client) == b"a close frame"
            reset(server)
            with pytest.raises(ConnectionResetError):
                await read(client)

    asyncio.run(converse())


def test_reset_by_the_client_is_a_reset() -> None:
    async def converse() -> None:
        async with tunnel() as (client, server):
            reset(client)
            with pytest.raises(ConnectionResetError):
                await read(server)

    asyncio.run(converse())


def test_slow_client_slows_the_server() -> None:
    """What a tunnel read and could not yet write is bounded, so that it needs no limit of its own."""

    async def converse() -> None:
        async with tunnel() as (client, server):
            sending = asyncio.create_task(asyncio.get_running_loop().sock_sendall(server, bytes(64 * 2**20)))
            await asyncio.wait([sending], timeout=0.3)
            assert not sending.done()
            received = 0
            while received < 64 * 2**20:
                received += len(await read(client))
            await sending
            client.close()
            assert await read(server) == b""

    asyncio.run(converse())
