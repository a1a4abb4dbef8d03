"""The relay moves bytes both ways, passes on how a side ends, and sends new connections where the switch says."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from wslab.net import runtime
from wslab.net.relay.switch import Address, Switch

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def backend(serve: Serve) -> AsyncIterator[Address]:
    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await serve(reader, writer)
        writer.close()

    async with await asyncio.start_server(served, "127.0.0.1", 0) as server:
        yield Address(*server.sockets[0].getsockname()[:2])


def saying(name: bytes) -> Serve:
    async def say(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(name)

    return say


async def echo_until_eof(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read() + b"!")


async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(1)
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def heard(address: Address) -> bytes:
    reader, writer = await asyncio.open_connection(*address)
    try:
        return await reader.read()
    finally:
        writer.close()


def test_relay_moves_bytes_and_a_half_close() -> None:
    async def talk() -> bytes:
        async with backend(echo_until_eof) as behind, Switch([behind]) as relay:
            reader, writer = await asyncio.open_connection(*relay.address)
            for _ in range(100):
                writer.write(bytes(100_000))
                await writer.drain()
            writer.write_eof()
            answer = await reader.read()
            writer.close()
            return answer

    assert runtime.run(talk()) == bytes(10_000_000) + b"!"


def test_relay_takes_its_backends_in_turn_and_switches() -> None:
    async def visit() -> list[bytes]:
        async with backend(saying(b"one")) as one, backend(saying(b"two")) as two, Switch([one, two]) as relay:
            in_turn = [await heard(relay.address) for _ in range(4)]
            relay.switch([two])
            return [*in_turn, *[await heard(relay.address) for _ in range(2)]]

    assert runtime.run(visit()) == [b"one", b"two", b"one", b"two", b"two", b"two"]


def test_connection_stays_where_it_is_after_a_switch() -> None:
    async def talk() -> bytes:
        async with backend(echo_until_eof) as one, backend(saying(b"two")) as two, Switch([one]) as relay:
            reader, writer = await asyncio.open_connection(*relay.address)
            writer.write(b"still")
            await writer.drain()
            relay.switch([two])
            assert await heard(relay.address) == b"two"
            writer.write_eof()
            answer = await reader.read()
            writer.close()
            return answer

    assert runtime.run(talk()) == b"still!"


@pytest.mark.parametrize("what", ["no backend", "nobody listens", "backend resets"])
def test_client_is_reset(what: str) -> None:
    async def visit() -> None:
        async with backend(reset) as resetting, Switch([resetting]) as relay:
            if what == "no backend":
                relay.switch([])
            elif what == "nobody listens":
                with socket.create_server(("127.0.0.1", 0)) as unheard:
                    relay.switch([Address(*unheard.getsockname())])
            reader, writer = await asyncio.open_connection(*relay.address)
            try:
                writer.write(b"?")
                await writer.drain()
                await reader.read()
            finally:
                writer.close()

    with pytest.raises(ConnectionResetError):
        runtime.run(visit())


def test_relay_ends_with_its_connections() -> None:
    async def leave() -> bytes:
        async with backend(echo_until_eof) as behind:
            async with Switch([behind]) as relay:
                reader, writer = await asyncio.open_connection(*relay.address)
                writer.write(b"?")
                await asyncio.sleep(0.05)
            try:
                return await reader.read()
            finally:
                writer.close()

    with contextlib.suppress(ConnectionResetError):
        assert runtime.run(leave()) == b""
