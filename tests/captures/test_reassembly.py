"""However a conversation was cut, doubled and shuffled on its way into the capture, the same records come out."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wslab.captures import pcapng
from wslab.captures.containers import Packet
from wslab.captures.packets import Segment
from wslab.captures.reassembly import MAX_HELD_BYTES, TWICE_CAPTURED_NS, Direction
from wslab.core.records import Record, Trace

from .conftest import BINARY, PING, PONG, Script, read

DEPENDS_ON_ORDER = {"client_retransmissions", "server_retransmissions", "after_close_bytes"}


def conversation() -> list[Packet]:
    script = Script().shake_hands()
    for number in range(4):
        script.frame("client", b"x" * (300 * number + 1)).frame("server", b"y" * 200, BINARY)
    script.frame("client", b"beat", PING).frame("server", b"beat", PONG)
    script.frame("client", b"z" * 3000, BINARY).close("server", 1009, "too big").close("client", 1009)
    return script.part_in_order().packets


def told(packets: list[Packet]) -> list[Any]:
    return sorted((comparable(record) for record in read(packets).records), key=repr)


def comparable(record: Record) -> dict[str, Any]:
    fields = {"kind": type(record).__name__, **msgspec.structs.asdict(record)}
    return {k: v for k, v in fields.items() if k not in DEPENDS_ON_ORDER or not isinstance(record, Trace)}


@settings(deadline=None, max_examples=60)
@given(
    segment_bytes=st.integers(40, 900),
    doubled=st.sets(st.integers(0, 200), max_size=20),
    moves=st.lists(st.integers(0, 7), min_size=0, max_size=300),
)
def test_any_cutting_doubling_and_shuffling_tells_the_same(
    segment_bytes: int, doubled: set[int], moves: list[int]
) -> None:
    original = conversation()
    expected = told(original)
    whole_bytes, pcapng.SEGMENT_BYTES = pcapng.SEGMENT_BYTES, segment_bytes
    try:
        packets = conversation()
    finally:
        pcapng.SEGMENT_BYTES = whole_bytes
    packets = [packet for number, packet in enumerate(packets) for _ in range(1 + (number in doubled))]
    late = [number + (moves[number] if number < len(moves) else 0) for number in range(len(packets))]
    shuffled = [packets[number] for number in sorted(range(len(packets)), key=late.__getitem__)]
    assert told(shuffled) == expected


class Heard:
    """What came out of one direction."""

    def __init__(self) -> None:
        self.parts: list[bytes | int] = []

    def feed(self, at_ns: int, data: bytes) -> None:
        self.parts.append(data)

    def skip(self, at_ns: int, missing_bytes: int) -> None:
        self.parts.append(missing_bytes)


def segment(seq: int, payload: bytes, on_the_wire_bytes: int | None = None) -> Segment:
    length = len(payload) if on_the_wire_bytes is None else on_the_wire_bytes
    return Segment(0, b"", 1, b"", 2, seq & 0xFFFFFFFF, 0, 0, 1, b"", payload, length)


def direction_from(seq: int) -> tuple[Direction, Heard]:
    heard = Heard()
    direction = Direction(heard)
    direction.begin(seq, had_syn=True)
    return direction, heard


@given(st.binary(min_size=1, max_size=400), st.integers(0, 2**32 - 1), st.data())
def test_overlapping_segments_in_any_order_give_each_byte_once(content: bytes, first: int, data: st.DataObject) -> None:
    """Sequence numbers wrap; segments may be cut anew when they are sent again."""
    cut = sorted(data.draw(st.sets(st.integers(0, len(content)), max_size=10)) | {0, len(content)})
    pieces = [(a, b) for a, b in itertools.pairwise(cut) if a < b]
    again = data.draw(st.lists(st.tuples(st.sampled_from(cut), st.sampled_from(cut)), max_size=5))
    pieces += [(a, b) for a, b in again if a < b]
    direction, heard = direction_from(first)
    for a, b in data.draw(st.permutations(pieces)):
        direction.take(segment(first + a, content[a:b]))
    direction.finish()
    assert b"".join(part for part in heard.parts if isinstance(part, bytes)) == content
    assert direction.missing_bytes == 0


def test_what_is_not_in_the_capture_is_a_gap_of_known_length() -> None:
    direction, heard = direction_from(100)
    direction.take(segment(100, b"abc"))
    direction.take(segment(110, b"xyz"))
    direction.finish()
    assert heard.parts == [b"abc", 7, b"xyz"]
    assert direction.missing_bytes == 7


def test_what_a_snap_length_cut_off_is_a_gap() -> None:
    direction, heard = direction_from(0)
    direction.take(segment(0, b"abc", 10))
    direction.take(segment(10, b"xyz"))
    assert heard.parts == [b"abc", 7, b"xyz"]


def test_bytes_that_were_acknowledged_and_not_captured_are_missing() -> None:
    direction, heard = direction_from(0)
    direction.take(segment(0, b"abc"))
    direction.acknowledge(50)
    direction.finish()
    assert heard.parts == [b"abc", 47]


def test_a_hole_is_given_up_before_what_is_held_fills_the_memory() -> None:
    direction, heard = direction_from(0)
    held = [segment(10 + 10_000 * number, bytes(10_000)) for number in range(MAX_HELD_BYTES // 10_000 + 2)]
    for each in held:
        direction.take(each)
    assert heard.parts[0] == 10
    assert sum(len(part) for part in heard.parts if isinstance(part, bytes)) == 10_000 * len(held)


def test_a_keepalive_probe_is_no_retransmission() -> None:
    direction, _ = direction_from(0)
    direction.take(segment(0, b"abc"))
    direction.take(segment(2, b"c"))
    assert direction.retransmissions == 0
    direction.take(segment(0, b"abc")._replace(at_ns=2 * TWICE_CAPTURED_NS))
    assert direction.retransmissions == 1


@pytest.mark.parametrize("payload", [b"", b"c"])  # Linux probes without a byte, others with the last one again
def test_keepalive_probes_are_counted_until_they_are_answered(payload: bytes) -> None:
    direction, _ = direction_from(0)
    direction.take(segment(0, b"abc"))
    for number in range(1, 4):
        direction.take(segment(2, payload)) if payload else direction.take_empty(2)
        assert direction.unanswered_probes == number
    direction.acknowledge(3)
    assert direction.unanswered_probes == 0


def test_a_segment_that_was_captured_twice_is_no_retransmission() -> None:
    direction, heard = direction_from(0)
    for at_ns in (0, TWICE_CAPTURED_NS // 2):
        direction.take(segment(0, b"abc")._replace(at_ns=at_ns))
    assert direction.retransmissions == 0
    assert heard.parts == [b"abc"]
