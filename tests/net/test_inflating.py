"""permessage-deflate measures before it inflates: the library's messages pass unchanged, and bombs take no memory."""

from __future__ import annotations

import tracemalloc

import pytest
from websockets.exceptions import PayloadTooBig, ProtocolError
from websockets.extensions.permessage_deflate import PerMessageDeflate
from websockets.frames import Frame, Opcode

from wslab.net.inflating import CHEAP_BYTES, MeasuredDeflate

LIMIT = 2 * CHEAP_BYTES


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
