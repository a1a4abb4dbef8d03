"""pcap and pcapng in every byte order and resolution, whole and cut off."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wslab.captures.containers import MAX_BLOCK_BYTES, Packet, PacketFile
from wslab.core.errors import CaptureError

from .conftest import Script, captured

AT_NS = 1_700_000_000_123_456_789


def pcap(packets: list[bytes], *, order: str = "<", magic: int = 0xA1B2C3D4, snap_bytes: int = 262_144) -> bytes:
    unit_ns = 1 if magic == 0xA1B23C4D else 1000
    head = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, snap_bytes, 1)
    seconds, rest_ns = divmod(AT_NS, 10**9)
    return head + b"".join(
        struct.pack(f"{order}IIII", seconds, rest_ns // unit_ns, min(len(data), snap_bytes), len(data))
        + data[:snap_bytes]
        for data in packets
    )


def block(order: str, kind: int, body: bytes) -> bytes:
    body += bytes(-len(body) % 4)
    length = struct.pack(f"{order}I", len(body) + 12)
    return struct.pack(f"{order}I", kind) + length + body + length


def section(order: str, *blocks: tuple[int, bytes]) -> bytes:
    head = block(order, 0x0A0D0D0A, struct.pack(f"{order}IHHq", 0x1A2B3C4D, 1, 0, -1))
    return head + b"".join(block(order, kind, body) for kind, body in blocks)


def interface(order: str, link_type: int, options: bytes = b"") -> tuple[int, bytes]:
    return 1, struct.pack(f"{order}HHI", link_type, 0, 0) + options


def enhanced(order: str, number: int, units: int, data: bytes) -> tuple[int, bytes]:
    return 6, struct.pack(f"{order}IIIII", number, units >> 32, units & 0xFFFFFFFF, len(data), len(data)) + data


def read(content: bytes) -> tuple[list[Packet], PacketFile]:
    file = PacketFile(io.BytesIO(content))
    return list(file), file


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "resolution_ns"), [(0xA1B2C3D4, 1000), (0xA1B23C4D, 1)])
def test_pcap_of_either_byte_order_and_resolution(order: str, magic: int, resolution_ns: int) -> None:
    packets, file = read(pcap([b"abc", b"defg"], order=order, magic=magic))
    assert [packet.data for packet in packets] == [b"abc", b"defg"]
    assert {packet.at_ns for packet in packets} == {AT_NS // resolution_ns * resolution_ns}
    assert file.cut_short is None


@pytest.mark.parametrize("order", ["<", ">"])
def test_pcapng_with_several_interfaces_and_sections(order: str) -> None:
    nanoseconds = struct.pack(f"{order}HH", 9, 1) + b"\x09\0\0\0"
    offset = struct.pack(f"{order}HHq", 14, 8, 100)
    binary = struct.pack(f"{order}HH", 9, 1) + b"\x8a\0\0\0"  # units of 2⁻¹⁰ s
    first = section(
        order,
        interface(order, 1),
        interface(order, 113, nanoseconds + offset),
        interface(order, 0, binary),
        enhanced(order, 1, 5, b"one"),
        enhanced(order, 0, 7, b"two"),
        enhanced(order, 2, 512, b"half"),
        (0xBAD, b"unknown kinds are passed over"),
    )
    other = "<" if order == ">" else ">"
    second = section(other, interface(other, 101), (3, struct.pack(f"{other}I", 6) + b"simple"))
    packets, file = read(first + second)
    assert [(packet.link_type, packet.at_ns, packet.data) for packet in packets] == [
        (113, 100 * 10**9 + 5, b"one"),
        (1, 7000, b"two"),
        (0, 500_000_000, b"half"),
        (101, 0, b"simple"),
    ]
    assert file.cut_short is None


def test_pcapng_says_what_its_machine_lost_and_carries_keys() -> None:
    lost = struct.pack("<HHQHHQ", 5, 8, 3, 7, 8, 4)
    keys = struct.pack("<II", 0x544C534B, 5) + b"CLIEN"
    _, file = read(section("<", interface("<", 1), (5, bytes(12) + lost), (10, keys)))
    assert file.dropped_packets == 7
    assert file.key_logs == [b"CLIEN"]


def test_packets_cut_by_a_snap_length_are_counted() -> None:
    packets, file = read(pcap([b"abcdef", b"ab"], snap_bytes=4))
    assert [(len(packet.data), packet.original_bytes) for packet in packets] == [(4, 6), (2, 2)]
    assert file.cut_packets == 1


@pytest.mark.parametrize("content", [b"", b"GIF8", b"\x1f\x8b\x08\x00", b"{}"])
def test_what_is_no_capture_is_told(content: bytes) -> None:
    with pytest.raises(CaptureError, match="neither pcap nor pcapng"):
        read(content)


@given(st.data(), st.booleans())
def test_a_file_cut_off_anywhere_keeps_what_came_before(data: st.DataObject, is_pcapng: bool) -> None:
    packets = Script().open().packets
    whole = captured(packets) if is_pcapng else pcap([packet.data for packet in packets])
    cut = data.draw(st.integers(24, len(whole) - 1))
    seen, file = read(whole[:cut])
    assert [packet.data for packet in seen] == [packet.data for packet in packets[: len(seen)]]
    assert file.cut_short is not None or len(seen) < len(packets)


@given(st.binary(max_size=300))
def test_any_bytes_behind_a_sound_beginning_end_in_a_sentence(noise: bytes) -> None:
    for whole in (captured([]), pcap([])):
        read(whole + noise)


def test_a_length_that_cannot_be_is_not_allocated() -> None:
    _, file = read(pcap([])[:24] + struct.pack("<IIII", 0, 0, MAX_BLOCK_BYTES + 1, 9))
    assert file.cut_short is not None
    assert "damaged" in file.cut_short
