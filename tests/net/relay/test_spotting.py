"""The watch sees every frame, however its bytes come, and gives each byte back once."""

from __future__ import annotations

import zlib
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Opcode

from wslab.net.frames import encode_frame
from wslab.net.relay.passing_frames import PassingFrame, unpacked
from wslab.net.relay.previews import MAX_INFLATED_BYTES, PREVIEW_BYTES
from wslab.net.relay.spotting import Spotter

HEAD = b"HTTP/1.1 101 Switching Protocols\r\n\r\n"

payloads = st.one_of(st.binary(max_size=200), st.integers(0, 70_000).map(bytes))
data_frames = st.tuples(st.sampled_from([Opcode.TEXT, Opcode.BINARY]), payloads)
control_frames = st.tuples(st.sampled_from([Opcode.PING, Opcode.PONG]), st.binary(max_size=125))


def read_head(data: bytes) -> int:
    return data.find(b"\r\n\r\n") + 4 if b"\r\n\r\n" in data else 0


def cut_up(data: bytes, rng: Random) -> list[bytes]:
    pieces, at = [], 0
    while at < len(data):
        size = rng.choice([1, 2, 3, 7, 100, 5000, 65_536])
        pieces.append(data[at : at + size])
        at += size
    return pieces


@given(st.lists(data_frames | control_frames, max_size=6), st.randoms(use_true_random=False), st.booleans())
def test_every_frame_is_seen(frames: list[tuple[Opcode, bytes]], rng: Random, hold: bool) -> None:
    wire = HEAD + b"".join(encode_frame(opcode, payload, sender="server") for opcode, payload in frames)
    watch = Spotter("server", read_head)
    units = [unit for piece in cut_up(wire, rng) for unit in watch.feed(piece, 0.0, hold=hold)]
    ended = [unit.seen for unit in units if unit.ends and unit.seen]
    assert watch.violation is None
    assert [(seen.opcode, seen.passed_bytes, seen.preview) for seen in ended] == [
        (opcode, len(payload), payload[:PREVIEW_BYTES]) for opcode, payload in frames
    ]


@given(st.lists(data_frames | control_frames, max_size=6), st.randoms(use_true_random=False))
def test_what_is_held_comes_out_unchanged(frames: list[tuple[Opcode, bytes]], rng: Random) -> None:
    wire = HEAD + b"".join(encode_frame(opcode, payload, sender="client") for opcode, payload in frames)
    watch = Spotter("client", read_head)
    units = [unit for piece in cut_up(wire, rng) for unit in watch.feed(piece, 0.0, hold=True)]
    assert b"".join(unit.raw for unit in units) == wire


@given(st.lists(data_frames, min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_switching_between_the_two_loses_and_repeats_nothing(frames: list[tuple[Opcode, bytes]], rng: Random) -> None:
    wire = HEAD + b"".join(encode_frame(opcode, payload, sender="client") for opcode, payload in frames)
    watch = Spotter("client", read_head)
    out, waiting = b"", b""
    for piece in cut_up(wire, rng):
        hold = bool(waiting) or rng.random() < 0.5  # what waits must go out before anything passes at once
        units = watch.feed(piece, 0.0, hold=hold)
        raw = b"".join(unit.raw for unit in units)
        out += raw if hold else piece
        waiting = watch._held[watch._held_passed :] if hold else b""
    assert out == wire


def test_end_of_the_protocol_is_told_and_passes_on() -> None:
    watch = Spotter("server", read_head)
    units = watch.feed(HEAD + b"\x83\x00and more", 0.0, hold=True)
    assert b"".join(unit.raw for unit in units) == HEAD + b"\x83\x00and more"
    assert watch.violation is not None
    assert "RFC 6455 §5.2" in watch.violation
    assert b"".join(unit.raw for unit in watch.feed(b"still", 0.0, hold=True)) == b"still"


def test_announcement_of_a_huge_frame_takes_no_memory() -> None:
    watch = Spotter("server", read_head)
    watch.feed(HEAD + b"\x82\x7f" + (2**63 - 1).to_bytes(8, "big"), 0.0, hold=False)
    for _ in range(100):
        watch.feed(bytes(65_536), 0.0, hold=False)
    assert watch.unfinished is not None
    assert (watch.unfinished.payload_bytes, watch.unfinished.passed_bytes) == (2**63 - 1, 100 * 65_536)
    assert len(watch.unfinished.preview) == PREVIEW_BYTES


def compressed(deflate: zlib._Compress, payload: bytes) -> bytes:
    return (deflate.compress(payload) + deflate.flush(zlib.Z_SYNC_FLUSH))[:-4]


def seen_of(watch: Spotter, wire: bytes) -> list[PassingFrame]:
    return [unit.seen for unit in watch.feed(wire, 0.0, hold=False) if unit.ends and unit.seen]


def test_compressed_messages_are_shown_inflated_also_those_that_look_back() -> None:
    watch = Spotter("server", read_head)
    watch.deflate = True
    watch.feed(HEAD, 0.0, hold=False)
    deflate = zlib.compressobj(wbits=-15)
    for _ in range(2):
        wire = encode_frame(Opcode.TEXT, compressed(deflate, b"over and over again"), sender="server", rsv1=True)
        assert [seen.text for seen in seen_of(watch, wire)] == ["over and over again"]


@pytest.mark.parametrize("takeover", [True, False])
def test_compression_bomb_ends_the_inflating_and_not_the_relay(takeover: bool) -> None:
    watch = Spotter("server", read_head)
    watch.deflate, watch.takeover = True, takeover
    watch.feed(HEAD, 0.0, hold=False)
    bomb = compressed(zlib.compressobj(wbits=-15), bytes(2 * MAX_INFLATED_BYTES))
    seen_of(watch, encode_frame(Opcode.BINARY, bomb, sender="server", rsv1=True))
    after = encode_frame(Opcode.TEXT, compressed(zlib.compressobj(wbits=-15), b"hi"), sender="server", rsv1=True)
    (seen,) = seen_of(watch, after)
    assert seen.text == (None if takeover else "hi")


@given(st.lists(data_frames | control_frames, max_size=8), st.randoms(use_true_random=False))
def test_the_quick_look_sees_what_the_thorough_one_does(frames: list[tuple[Opcode, bytes]], rng: Random) -> None:
    wire = HEAD + b"".join(encode_frame(opcode, payload, sender="client") for opcode, payload in frames)
    quick, thorough = (Spotter("client", read_head) for _ in range(2))
    pieces = cut_up(wire, rng)
    seen = [unpacked(one, "client") for piece in pieces for one in quick.pass_by(piece, 0.0)]
    wanted = [
        unit.seen for piece in pieces for unit in thorough.feed(piece, 0.0, hold=False) if unit.ends and unit.seen
    ]
    names = PassingFrame.__slots__
    assert [[getattr(one, name) for name in names] for one in seen] == [
        [getattr(one, name) for name in names] for one in wanted
    ]
