"""Frames by hand: what is sent is what is announced, and what came back is seen, whatever happened meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode
from websockets.protocol import SERVER, Protocol

from wslab.core.limits.contents import Filled
from wslab.core.limits.deflate import deflated
from wslab.core.limits.trials import Content
from wslab.core.records import Close
from wslab.core.target import Target
from wslab.net.frames import encode_header
from wslab.net.limits.answers import AnswerReader, ReadingBudget
from wslab.net.limits.connecting import open_wire, resolve
from wslab.net.limits.offers import CHUNK_BYTES, Piece, fragmented_message, whole_frame
from wslab.net.limits.wire import Wire

from .conftest import After, Manners, Raw, accept

WAIT_S = 5.0  # for what must come; nothing waits it out


def of(size: int, content: Content = "text") -> Piece:
    return lambda at, length: Filled("a").piece(content, size, at, length)


def filled_frame(size: int, content: Content = "text") -> bytes:
    return b"".join(whole_frame(Opcode.TEXT, size, of(size, content)))


def as_the_library_reads(data: bytes, *, deflate: bool = False) -> list[Frame]:
    """What `websockets`, as a server, makes of bytes from a client."""
    protocol = Protocol(SERVER, max_size=None)
    if deflate:
        protocol.extensions = [PerMessageDeflate(False, False, 15, 15)]
    protocol.receive_data(data)
    return [event for event in protocol.events_received() if isinstance(event, Frame)]


@given(size=st.one_of(st.integers(0, 300), st.integers(65_000, 66_500), st.just(3 * CHUNK_BYTES + 1)))
def test_filled_frame_is_one_message_of_this_size(size: int) -> None:
    (frame,) = as_the_library_reads(filled_frame(size))
    assert (frame.opcode, frame.fin, bytes(frame.data)) == (Opcode.TEXT, True, b"a" * size)


@given(characters=st.integers(0, 40_000))
def test_filled_frame_of_wide_characters_is_text(characters: int) -> None:
    (frame,) = as_the_library_reads(filled_frame(2 * characters, "wide_text"))
    assert bytes(frame.data).decode() == "é" * characters


@given(size=st.integers(1, 200_000), fragment_bytes=st.integers(1, 20_000))
def test_fragmented_message_adds_up(size: int, fragment_bytes: int) -> None:
    fragment_bytes = max(fragment_bytes, size // 500)
    frames = as_the_library_reads(b"".join(fragmented_message(Opcode.TEXT, size, fragment_bytes, of(size))))
    assert len(frames) >= 2
    assert [frame.opcode for frame in frames] == [Opcode.TEXT] + [Opcode.CONT] * (len(frames) - 1)
    assert [frame.fin for frame in frames] == [False] * (len(frames) - 1) + [True]
    assert sum(len(frame.data) for frame in frames) == size
    assert max(len(frame.data) for frame in frames) <= fragment_bytes


@given(size=st.integers(0, 200_000))
def test_compressed_frame_inflates(size: int) -> None:
    payload = deflated(size)
    parts = whole_frame(Opcode.TEXT, len(payload), lambda at, length: payload[at : at + length], rsv1=True)
    (frame,) = as_the_library_reads(b"".join(parts), deflate=True)
    assert bytes(frame.data) == b"a" * size


@given(size=st.integers(0, 2**63 - 1))
def test_header_announces_what_does_not_come(size: int) -> None:
    header = encode_header(Opcode.BINARY, size, bytes(4))
    assert len(header) in (6, 8, 14)
    assert as_the_library_reads(header) == ([] if size else as_the_library_reads(header))


frames_of_a_server = st.lists(
    st.one_of(
        st.builds(lambda n: (Frame(Opcode.TEXT, b"a" * n), n, 0), st.integers(1, 70_000)),
        st.builds(lambda n: (Frame(Opcode.TEXT, b"b" * n), 0, 1), st.integers(1, 300)),
        st.just((Frame(Opcode.TEXT, b""), 0, 1)),
        st.just((Frame(Opcode.PONG, b"abcd"), 0, 0)),
    ),
    max_size=5,
)


@given(sent=frames_of_a_server, cuts=st.lists(st.integers(1, 5000), min_size=1, max_size=3), deflate=st.booleans())
def test_answer_reader_counts_however_the_bytes_are_cut(
    sent: list[tuple[Frame, int, int]], cuts: list[int], deflate: bool
) -> None:
    extensions = [PerMessageDeflate(False, False, 15, 15)] if deflate else []
    data = b"".join(frame.serialize(mask=False, extensions=extensions) for frame, _, _ in sent)
    data += Frame(Opcode.CLOSE, b"\x03\xf1too big").serialize(mask=False) + b"anything"
    reader = AnswerReader(deflate=deflate)
    reader.expect(10**6, of(10**6))
    reader.awaited.add(b"abcd")
    turn = 0
    while data:
        cut = cuts[turn % len(cuts)]
        reader.feed(data[:cut])
        data, turn = data[cut:], turn + 1
    assert reader.echoed_bytes == sum(echoed for _, echoed, _ in sent)
    assert reader.own_messages == sum(own for _, _, own in sent)
    assert (b"abcd" in reader.pongs) is any(frame.opcode == Opcode.PONG for frame, _, _ in sent)
    assert reader.replies == ["b" * min(len(frame.data), 200) if own else "" for frame, _, own in sent if own][:4]
    assert (reader.close, reader.close_bytes.hex()) == (Close(code=1009, reason="too big"), "880903f1746f6f20626967")
    assert reader.violation is None


@given(data=st.binary(max_size=400), deflate=st.booleans())
def test_answer_reader_takes_any_bytes(data: bytes, deflate: bool) -> None:
    reader = AnswerReader(deflate=deflate)
    for byte in data:
        reader.feed(bytes([byte]))
    assert reader.echoed_bytes >= 0


@pytest.mark.parametrize(
    ("data", "part_of_what"),
    [
        ("8181 00000000 61", "masked"),
        ("b101 61", "reserved bit"),
        ("8301 61", "unknown opcode"),
        ("0901 61", "fragmented"),
        ("89fe", "masked"),
        ("897e 0080", "too long"),
        ("8001 61", "continuation of no message"),
        ("0101 61 8101 61", "inside another"),
        ("81ff", "masked"),
        ("817f 8000000000000000", "2⁶³"),
        ("c103 ffffff", "reserved bit"),
    ],
)
def test_answer_reader_violation(data: str, part_of_what: str) -> None:
    reader = AnswerReader()
    reader.feed(bytes.fromhex(data))
    assert part_of_what in (reader.violation or "")


def test_answer_reader_close_without_code() -> None:
    reader = AnswerReader()
    reader.feed(b"\x88\x00")
    assert (reader.close, reader.close_bytes, reader.close_fault) == (Close(code=1005), b"\x88\x00", None)


@pytest.mark.parametrize(
    ("payload", "fault"),
    [
        (b"\x03", "one byte"),
        (b"\x03\xe7", "999"),
        (b"\x03\xee", "1006"),
        (b"\x03\xed", "1005"),
        (b"\x03\xf7", "1015"),
        (b"\x13\x88", "5000"),
        (b"\x03\xe8\xff\xfe", "not UTF-8"),
    ],
)
def test_answer_reader_keeps_an_invalid_close_frame(payload: bytes, fault: str) -> None:
    reader = AnswerReader()
    reader.feed(bytes([0x88, len(payload)]) + payload)
    assert reader.close_bytes[2:] == payload
    assert fault in (reader.close_fault or "")


def test_answer_reader_takes_an_echo_in_several_messages() -> None:
    reader = AnswerReader()
    reader.expect(5, of(5))
    reader.feed(b"\x81\x03aaa\x81\x02aa\x81\x05aaaaa\x81\x06aaaaaa")
    assert (reader.echoed_bytes, reader.own_messages) == (10, 1)


def test_answer_reader_takes_what_goes_on_for_ever_for_no_echo() -> None:
    """A frame of 2^63 - 1 bytes, filled with the very filler that was sent."""
    reader = AnswerReader(allowance=ReadingBudget(bytes=10**6))
    reader.expect(2**40, of(2**40))
    reader.feed(b"\x81\x7f\x00\x00\x00\x00\x00\x0e\x42\x3f")
    for _ in range(8):
        reader.feed(b"a" * 100_000)
    assert (reader.echoed_bytes, reader.allowance.excess) == (0, None)
    reader = AnswerReader(allowance=ReadingBudget(bytes=10**6))
    reader.feed(b"\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xffaaa")
    assert "9,223,372,036,854,775,807" in (reader.allowance.excess or "")


@pytest.mark.parametrize(
    ("flood", "what"),
    [
        (b"\x89\x00", "pings"),
        (b"\x8a\x02hi", "pongs"),
        (b"\x00\x00", "fragments"),
        (b"\x00\x7d" + b"b" * 125, "without an end"),
    ],
)
def test_answer_reader_stops_at_a_bound(flood: bytes, what: str) -> None:
    allowance = ReadingBudget(bytes=10**6, frames=10_000, control_frames=1000, messages=100)
    reader = AnswerReader(allowance=allowance)
    reader.feed(b"\x01\x00" if what in ("fragments", "without an end") else b"")
    for _ in range(100):
        reader.feed(flood * 200)
    assert what in (allowance.excess or "")
    assert reader.is_over


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Wire]:
    target = Target(url)
    wire = await open_wire(target, await resolve(target))
    try:
        yield wire
    finally:
        await wire.leave()


def test_wire_echo_and_ping(raw: type[Raw]) -> None:
    async def check() -> None:
        async with raw.mannered(Manners()) as (url, received), opened(url) as wire:
            wire.answers.expect(200_000, of(200_000))
            assert await wire.send(whole_frame(Opcode.TEXT, 200_000, of(200_000)), WAIT_S)
            pong = await wire.ping(WAIT_S)
            assert await wire.until(lambda: wire.answers.echoed_bytes == 200_000 and pong(), WAIT_S)
            assert (wire.is_whole, wire.has_ended) == (True, False)
            assert received.wire_bytes == wire.sent_bytes

    asyncio.run(check())


def test_wire_announcement_is_refused_unsent(raw: type[Raw]) -> None:
    async def check() -> None:
        async with raw.mannered(Manners(max_message=10)) as (url, received), opened(url) as wire:
            await wire.announce([encode_header(Opcode.TEXT, 2**40, bytes(4))], WAIT_S)
            await wire.until(lambda: wire.has_ended, WAIT_S)
            assert wire.answers.close == Close(code=1009)
            assert received.wire_bytes == wire.sent_bytes == 14
            assert not wire.is_whole

    asyncio.run(check())


@pytest.mark.parametrize(("after", "sending"), [("drain", "taken"), ("reset", "failed"), ("hold", "blocked")])
def test_wire_sends_on_regardless(raw: type[Raw], after: After, sending: str) -> None:
    """What a client comes to know that has megabytes left to send, whatever the server says."""

    async def check() -> str:
        async with raw.mannered(Manners(max_message=99, after=after)) as (url, _), opened(url) as wire:
            sent = await wire.send_regardless(
                whole_frame(Opcode.TEXT, 2**24, of(2**24)), WAIT_S if after != "hold" else 0.3
            )
            assert wire.answers.close == Close(code=1009)
            return sent

    assert asyncio.run(check()) == sending


def test_wire_recovers_the_close_frame_from_behind_a_reset(raw: type[Raw]) -> None:
    async def refuse_and_reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        await reader.readexactly(14)
        writer.write(b"\x88\x02\x03\xf1")

    async def check() -> None:
        async with raw.tcp(refuse_and_reset) as url, opened(url) as wire:
            assert not await wire.send(whole_frame(Opcode.TEXT, 2**26, of(2**26)), WAIT_S)
            assert wire.answers.close == Close(code=1009)

    asyncio.run(check())


def test_wire_server_that_stops_reading_blocks_no_longer_than_stated(raw: type[Raw]) -> None:
    async def never_read(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    async def check() -> None:
        async with raw.tcp(never_read) as url, opened(url) as wire:
            assert not await wire.send(whole_frame(Opcode.TEXT, 2**26, of(2**26)), 0.2)
            assert not wire.has_ended
            assert not wire.is_whole

    asyncio.run(check())


def test_wire_answers_pings(raw: type[Raw]) -> None:
    answers: asyncio.Queue[bytes] = asyncio.Queue()

    async def ping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await accept(reader, writer)
        writer.write(b"\x89\x02hi")
        with contextlib.suppress(asyncio.IncompleteReadError):
            answers.put_nowait(await reader.readexactly(8))

    async def check() -> None:
        async with raw.tcp(ping) as url, opened(url) as wire:
            await wire.until(lambda: not answers.empty(), 1.0)
            answer = await asyncio.wait_for(answers.get(), WAIT_S)
            assert answer[0] == 0x8A

    asyncio.run(check())
