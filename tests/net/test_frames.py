"""What is read and written is what independent implementations write and read."""

from __future__ import annotations

import contextlib
from collections.abc import Generator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode

from wslab.core.records import Side
from wslab.net.frames import MAX_HEADER_BYTES, FrameError, FrameStream, encode_frame, masked, read_header

SENDERS: tuple[Side, Side] = ("client", "server")

messages = st.tuples(st.sampled_from([Opcode.TEXT, Opcode.BINARY]), st.binary(max_size=70_000))
controls = st.tuples(st.sampled_from([Opcode.PING, Opcode.PONG]), st.binary(max_size=125))
cuts = st.lists(st.integers(1, 40_000), max_size=20)


def written(opcode: Opcode, payload: bytes, sender: Side) -> bytes:
    return Frame(opcode, payload).serialize(mask=sender == "client")


@given(messages | controls, st.sampled_from(SENDERS))
def test_header_is_read_as_the_library_writes_it(frame: tuple[Opcode, bytes], sender: Side) -> None:
    data = written(*frame, sender)
    begin = len(data) - len(frame[1])
    assert all(read_header(data[:cut], sender=sender) is None for cut in range(begin))
    header = read_header(b"before" + data, 6, sender=sender)
    assert header is not None
    assert (header.opcode, header.payload_bytes, header.header_bytes) == (frame[0], len(frame[1]), begin)
    assert begin <= MAX_HEADER_BYTES
    assert header.final
    assert header.is_minimal
    assert masked(data[begin:], header.mask) == frame[1]


@given(messages | controls, st.sampled_from(SENDERS))
def test_frame_is_written_as_the_library_reads_it(frame: tuple[Opcode, bytes], sender: Side) -> None:
    def parse() -> Frame:
        data = encode_frame(*frame, sender=sender)
        position = 0

        def read_exact(count: int) -> Generator[None, None, bytes]:  # the library's own kind
            nonlocal position
            position += count
            return data[position - count : position]
            yield

        parser = Frame.parse(read_exact, mask=sender == "client")
        try:
            next(parser)
        except StopIteration as result:
            return result.value  # type: ignore[no-any-return]
        raise AssertionError("the parser waits for more")

    read = parse()
    assert (read.opcode, read.data, read.fin) == (*frame, True)


@given(st.lists(messages | controls, max_size=5), cuts, st.sampled_from(SENDERS))
def test_stream_yields_what_was_sent_however_it_is_cut(
    frames: list[tuple[Opcode, bytes]], cuts: list[int], sender: Side
) -> None:
    data = b"".join(written(*frame, sender) for frame in frames)
    stream = FrameStream(sender)
    read: list[tuple[int, bytes]] = []
    for cut in [*cuts, len(data)]:
        for piece in stream.feed(data[:cut]):
            if piece.begins:
                read.append((piece.header.opcode, b""))
            read[-1] = (read[-1][0], read[-1][1] + piece.payload)
        data = data[cut:]
    assert read == frames


def test_stream_takes_control_frames_between_fragments_and_nothing_after_the_close() -> None:
    sent = (
        encode_frame(Opcode.TEXT, b"one ", final=False)
        + encode_frame(Opcode.PING, b"?")
        + encode_frame(Opcode.CONT, b"message")
        + encode_frame(Opcode.CLOSE, b"\x03\xe8")
    )
    stream = FrameStream("client")
    pieces = list(stream.feed(sent + b"\xff\xff"))
    assert b"".join(piece.payload for piece in pieces if not piece.header.is_control) == b"one message"
    assert stream.closed
    assert list(stream.feed(b"\xff\xff")) == []


def test_stream_holds_no_payload() -> None:
    stream = FrameStream("server")
    assert [piece.payload for piece in stream.feed(b"\x82\x7f" + (2**40).to_bytes(8, "big") + b"ab")] == [b"ab"]
    assert [piece.payload for piece in stream.feed(bytes(2**20))] == [bytes(2**20)]
    assert not stream._buffer


@pytest.mark.parametrize(
    ("data", "sender", "words", "section"),
    [
        ("8100", "client", "unmasked", "RFC 6455 §5.1"),
        ("8180", "server", "masked", "RFC 6455 §5.1"),
        ("c100", "server", "reserved bit", "RFC 6455 §5.2"),
        ("8300", "server", "unknown opcode", "RFC 6455 §5.2"),
        ("827f8000000000000000", "server", "2⁶³", "RFC 6455 §5.2"),
        ("8000", "server", "continuation of no message", "RFC 6455 §5.4"),
        ("01000100", "server", "inside another", "RFC 6455 §5.4"),
        ("0900", "server", "fragmented", "RFC 6455 §5.5"),
        ("897e0080", "server", "too long", "RFC 6455 §5.5"),
    ],
)
def test_stream_names_the_rule_that_is_broken(data: str, sender: Side, words: str, section: str) -> None:
    with pytest.raises(FrameError, match=words) as broken:
        list(FrameStream(sender).feed(bytes.fromhex(data)))
    assert (broken.value.section, broken.value.code) == (section, 1002)


@pytest.mark.parametrize("data", ["4001", "c900"])
def test_rsv1_is_for_the_first_frame_of_a_message(data: str) -> None:
    with pytest.raises(FrameError, match="does not begin a message"):
        read_header(bytes.fromhex(data), deflate=True)


def test_length_that_is_longer_than_it_need_be_is_read_and_told() -> None:
    header = read_header(bytes.fromhex("827e0001"))
    assert header is not None
    assert header.payload_bytes == 1
    assert not header.is_minimal


@given(st.binary(max_size=30))
def test_any_bytes_are_frames_or_a_broken_rule(data: bytes) -> None:
    with contextlib.suppress(FrameError):
        assert sum(len(piece.payload) for piece in FrameStream("server", deflate=True).feed(data)) <= len(data)
