"""permessage-deflate: content comes in bounded pieces, and the library's extension takes no memory for a bomb."""

from __future__ import annotations

import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

from wslab.net.frames import FrameError
from wslab.net.inflating import CHEAP_BYTES, PIECE_BYTES, Inflater, MeasuredDeflate

LIMIT = 2 * CHEAP_BYTES

cuts = st.lists(st.integers(1, 40_000), max_size=20)


@pytest.mark.parametrize("no_takeover", [False, True])
def test_messages_within_the_limit_are_the_librarys(no_takeover: bool) -> None:
    theirs, ours = (
        PerMessageDeflate(no_takeover, no_takeover, 15, 15),
        MeasuredDeflate(no_takeover, no_takeover, 15, 15),
    )
    contents = [b"wslab " * 100_000, b"x" * LIMIT, b"", b"wslab " * 100_000]
    for content in contents:
        assert ours.decode(theirs.encode(Frame(Opcode.TEXT, content)), max_size=LIMIT).data == content


@pytest.mark.parametrize("no_takeover", [False, True])
def test_fragments_share_one_context(no_takeover: bool) -> None:
    theirs, ours = (
        PerMessageDeflate(no_takeover, no_takeover, 15, 15),
        MeasuredDeflate(no_takeover, no_takeover, 15, 15),
    )
    fragments = [Frame(Opcode.BINARY, b"a" * 10**6, fin=False), Frame(Opcode.CONT, b"a" * 10**6, fin=True)]
    assert [ours.decode(theirs.encode(one), max_size=LIMIT).data for one in fragments] == [b"a" * 10**6] * 2


@pytest.mark.parametrize("in_fragment", [False, True])
def test_bomb_is_refused_before_it_takes_memory(in_fragment: bool) -> None:
    sender = PerMessageDeflate(False, False, 15, 15)
    ours = MeasuredDeflate(False, False, 15, 15)
    if in_fragment:
        ours.decode(sender.encode(Frame(Opcode.TEXT, b"b", fin=False)), max_size=LIMIT)
    bomb = sender.encode(Frame(Opcode.CONT if in_fragment else Opcode.TEXT, b"b" * (LIMIT + 1)))
    tracemalloc.start()
    with pytest.raises(PayloadTooBig):
        ours.decode(bomb, max_size=LIMIT)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < LIMIT / 2


def test_what_does_not_inflate_is_refused_as_the_library_does() -> None:
    noise = Frame(Opcode.TEXT, b"\xff" * 10_000, rsv1=True)
    with pytest.raises(ProtocolError, match="decompression failed"):
        MeasuredDeflate(False, False, 15, 15).decode(noise, max_size=LIMIT)


@given(st.lists(st.binary(max_size=5_000), max_size=4), cuts, st.booleans())
def test_inflater_reads_what_the_library_deflates(contents: list[bytes], cuts: list[int], takeover: bool) -> None:
    library = PerMessageDeflate(not takeover, not takeover, 15, 15)
    inflater = Inflater(takeover=takeover)
    for content in contents:
        payload = bytes(library.encode(Frame(Opcode.BINARY, content)).data)
        cut = (cuts or [0])[0] % (len(payload) + 1)
        read = [*inflater.feed(payload[:cut], ends=False), *inflater.feed(payload[cut:], ends=True)]
        assert b"".join(read) == content


def test_inflater_yields_a_bomb_in_bounded_pieces() -> None:
    compress = zlib.compressobj(9, zlib.DEFLATED, -15)
    bomb = compress.compress(bytes(64 * 2**20)) + compress.flush(zlib.Z_SYNC_FLUSH)
    pieces = Inflater().feed(bomb[:-4], ends=True)
    assert len(next(pieces)) == PIECE_BYTES
    assert max(map(len, pieces)) <= PIECE_BYTES


def test_what_does_not_inflate_breaks_a_rule() -> None:
    with pytest.raises(FrameError, match="does not inflate"):
        list(Inflater().feed(b"\xff\xff\xff", ends=True))
