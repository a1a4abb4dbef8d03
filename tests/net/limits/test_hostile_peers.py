"""Peers that keep to no rule: each gets its name in the verdict, in bounded memory, messages and time."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import struct
import zlib
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from wslab.core.limits.verdicts import Verdict
from wslab.core.target import Target
from wslab.net.limits.probe import find_limit

from .conftest import Raw, accept

MOST_BYTES = 64 * 2**20
"""By which reading any of them may raise what this process has ever held."""

Converse = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def probed(raw: type[Raw], converse: Converse, *, cap_bytes: int = 1000, **target: Any) -> Verdict:
    async def quietly(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await converse(reader, writer)

    async def both() -> Verdict:
        async with raw.tcp(quietly) as url:
            return await find_limit(Target(url, **target), cap_bytes=cap_bytes, hold_s=0.2, max_elapsed_s=90)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    verdict = asyncio.run(both())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before < MOST_BYTES
    return verdict


def flood(raw: type[Raw], piece: bytes, *, first: bytes = b"") -> Converse:
    """A server that sends a piece for ever, whatever it hears."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        writer.write(first)
        while True:
            writer.write(piece * (1 + 2**16 // len(piece)))
            await writer.drain()

    return converse


ENDLESS = struct.pack("!BBQ", 0x81, 127, 2**63 - 1)


@pytest.mark.parametrize(
    ("piece", "first", "name"),
    [
        (b"\x89\x00", b"", "floods the connection with pings"),
        (b"\x89\x7d" + b"p" * 125, b"", "floods the connection with pings"),
        (b"\x8a\x04pong", b"", "floods the connection with pongs"),
        (b"a" * 1000, ENDLESS, "announces a frame of 9,223,372,036,854,775,807 bytes"),
        (struct.pack("!BBQ", 0x81, 127, 2_000_000) + b"a" * 2_000_000, b"", "announces a frame|sends without an end"),
        (b"\x00\x00", b"\x01\x01a", "sends fragments without an end|sends without an end"),
        (b"\x00\x01a", b"\x01\x01a", "sends without an end"),
        (b"\x81\x04tick", b"", "floods the connection with messages|sends without an end"),
        (b"\x81\x00", b"", "floods the connection with messages|sends without an end"),
    ],
)
def test_flood(raw: type[Raw], piece: bytes, first: bytes, name: str) -> None:
    verdict = probed(raw, flood(raw, piece, first=first))
    assert verdict.status == "out_of_bounds"
    assert any(each in verdict.explanation for each in name.split("|")), verdict.explanation
    assert verdict.max_single_frame_bytes in (None, 1)


def test_flood_behind_a_close_frame(raw: type[Raw]) -> None:
    verdict = probed(raw, flood(raw, b"\x88\x02\x03\xf1", first=b"\x88\x02\x03\xf1"))
    assert (verdict.status, verdict.close_code) == ("refuses_everything", 1009)
    assert "when it was sent nothing" in verdict.explanation


def test_close_frame_before_anything_was_sent_is_no_refusal(raw: type[Raw]) -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        writer.write(b"\x88\x02\x03\xf1")
        await reader.read()

    assert "when it was sent nothing" in probed(raw, converse).explanation


def test_bomb(raw: type[Raw]) -> None:
    """A compressed message of some kilobytes that inflates to a gigabyte."""
    block = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = block.compress(b"b" * 2**24) + block.flush(zlib.Z_FULL_FLUSH)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer, deflate=True)
        if (await reader.readexactly(2))[0] & 0x40:
            writer.write(struct.pack("!BBQ", 0xC1, 127, 64 * len(bomb)) + bomb * 64)
        else:
            writer.write(b"\x81\x01a")
        await reader.read()

    verdict = probed(raw, converse)
    assert "sends without an end" in " ".join((verdict.explanation, *verdict.remarks))


def test_echo_that_drips(raw: type[Raw]) -> None:
    """An answer byte by byte is waited for only while it comes forward."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        header = await reader.readexactly(6)
        if header[1] & 0x7F == 1:
            writer.write(b"\x81\x01a")
        else:
            writer.write(b"\x81\x7e\xff\xff")
        while True:
            await asyncio.sleep(0.01)
            writer.write(b"a")

    assert probed(raw, converse).status != "limit_found"


@pytest.mark.parametrize(
    ("head", "endless", "name"),
    [
        (
            b"HTTP/1.1 101 Switching Protocols\r\n",
            b"X-Pad: " + b"x" * 100 + b"\r\n",
            "a head of more than 65,536 bytes",
        ),
        (b"HTTP/1.1 101 Switching Protocols\r\nX: ", b"x" * 1000, "a head of more than 65,536 bytes"),
        (b"", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n", "interim answers"),
        (b"\x00" * 16, b"", "not HTTP"),
    ],
)
def test_head_without_an_end(raw: type[Raw], head: bytes, endless: bytes, name: str) -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(head)
        while endless:
            writer.write(endless)
            await writer.drain()

    verdict = probed(raw, converse)
    assert (verdict.status, verdict.connections) == ("not_a_websocket_server", 1)
    assert name in verdict.explanation


def test_head_that_drips_is_a_matter_of_patience(raw: type[Raw]) -> None:
    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        for byte in b"HTTP/1.1 101 Switching Protocols\r\n" * 100:
            writer.write(bytes([byte]))
            await asyncio.sleep(0.02)

    verdict = probed(raw, converse, open_timeout_s=0.3)
    assert verdict.status == "no_answer"
    assert "--open-timeout" in verdict.explanation


@pytest.mark.parametrize(
    ("payload", "fault"),
    [
        (b"\x03", "one byte"),
        (b"\x03\xe7", "999"),
        (b"\x03\xec", "1004"),
        (b"\x03\xed", "1005"),
        (b"\x03\xee", "1006"),
        (b"\x03\xf7", "1015"),
        (b"\x13\x88", "5000"),
        (b"\x03\xf1\xff\xfe", "not UTF-8"),
    ],
)
def test_invalid_close_frame(raw: type[Raw], payload: bytes, fault: str) -> None:
    """What is on the wire is kept, and nobody says that an application is told it."""

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        while True:
            first, second = await reader.readexactly(2)
            size = second & 0x7F
            if size >= 126:
                (size,) = struct.unpack(
                    "!H" if size == 126 else "!Q", await reader.readexactly(2 if size == 126 else 8)
                )
            await reader.readexactly(4)
            if size > 300:
                writer.write(bytes([0x88, len(payload)]) + payload)
                await reader.read()
                return
            await reader.readexactly(size)
            if first & 0x0F == 9:
                writer.write(b"\x8a\x00")
            elif first & 0x80:
                writer.write(
                    bytes([0x81]) + (bytes([size]) if size < 126 else b"\x7e" + struct.pack("!H", size)) + b"a" * size
                )

    verdict = probed(raw, converse)
    assert (verdict.status, verdict.max_single_frame_bytes) == ("limit_found", 300)
    assert (verdict.over_limit, verdict.close_code) == ("invalid_close_frame", 1006)
    assert verdict.close_frame_hex == (bytes([0x88, len(payload)]) + payload).hex()
    assert fault in verdict.explanation
    assert verdict.reading_client_told in ({1006: 4}, None)
