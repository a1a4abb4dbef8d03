"""A TCP segment behind every link layer, and what is no TCP counted."""

from __future__ import annotations

import struct

import pytest
from dpkt import ethernet, ip, tcp, udp
from hypothesis import given
from hypothesis import strategies as st

from wslab.captures.containers import Packet
from wslab.captures.packets import MAX_DATAGRAMS, SegmentReader

SEGMENT = tcp.TCP(sport=4000, dport=80, seq=7, ack=9, flags=0x18, data=b"hello")


def ipv4(**more: int) -> bytes:
    return bytes(ip.IP(src=b"\x7f\0\0\1", dst=b"\x7f\0\0\2", p=6, data=SEGMENT, **more))


def ipv6(extensions: bytes = b"", first: int = 6) -> bytes:
    segment = bytes(SEGMENT)
    head = struct.pack("!IHBB", 0x60000000, len(extensions) + len(segment), first, 64)
    return head + bytes(15) + b"\1" + bytes(15) + b"\2" + extensions + segment


def fragments_v6(payload: bytes) -> list[bytes]:
    def fragment(offset_bytes: int, part: bytes, more: int) -> bytes:
        header = struct.pack("!BBHI", 6, 0, offset_bytes | more, 77)
        return (
            struct.pack("!IHBB", 0x60000000, 8 + len(part), 44, 64)
            + bytes(15)
            + b"\1"
            + bytes(15)
            + b"\2"
            + header
            + part
        )

    return [fragment(0, payload[:16], 1), fragment(16, payload[16:], 0)]


def ethernet_with(kind: int, payload: bytes) -> bytes:
    return bytes(12) + struct.pack("!H", kind) + payload


V4, V6 = ethernet.ETH_TYPE_IP, ethernet.ETH_TYPE_IP6
LINKS: dict[str, tuple[int, bytes]] = {
    "Ethernet": (1, ethernet_with(V4, ipv4())),
    "Ethernet, padded": (1, ethernet_with(V4, ipv4()) + bytes(9)),
    "Ethernet, IPv6": (1, ethernet_with(V6, ipv6())),
    "VLAN": (1, ethernet_with(0x8100, struct.pack("!HH", 5, V4) + ipv4())),
    "QinQ": (1, ethernet_with(0x88A8, struct.pack("!HHHH", 5, 0x8100, 6, V6) + ipv6())),
    "MPLS": (1, ethernet_with(0x8847, struct.pack("!I", 0x00001140) + ipv4())),
    "null, little-endian": (0, struct.pack("<I", 2) + ipv4()),
    "null, big-endian": (0, struct.pack(">I", 2) + ipv4()),
    "null, IPv6 of macOS": (0, struct.pack("<I", 30) + ipv6()),
    "loop": (108, struct.pack(">I", 24) + ipv6()),
    "cooked": (113, struct.pack("!HHH8sH", 0, 772, 6, bytes(8), V4) + ipv4()),
    "cooked, VLAN": (113, struct.pack("!HHH8sHHH", 0, 1, 6, bytes(8), 0x8100, 5, V4) + ipv4()),
    "cooked v2": (276, struct.pack("!HHIHBB8s", V6, 0, 1, 772, 0, 6, bytes(8)) + ipv6()),
    "raw": (101, ipv4()),
    "raw, IPv6": (101, ipv6()),
    "raw, as BSD numbers it": (12, ipv6()),
    "IPv4 alone": (228, ipv4()),
    "IPv6 alone": (229, ipv6()),
    "IPv6 with a hop-by-hop header": (229, ipv6(struct.pack("!BB6s", 6, 0, b"\1\4\0\0\0\0"), first=0)),
    "IPv6 with destination options behind it": (
        229,
        ipv6(struct.pack("!BB6sBB6s", 60, 0, b"\1\4\0\0\0\0", 6, 0, b"\1\4\0\0\0\0"), first=0),
    ),
    "length 0, left to the network card": (101, ipv4()[:2] + b"\0\0" + ipv4()[4:]),
}


def packet(link_type: int, data: bytes) -> Packet:
    return Packet(1, link_type, data, len(data))


@pytest.mark.parametrize("link", LINKS)
def test_segment_is_found_behind(link: str) -> None:
    segment = SegmentReader().read(packet(*LINKS[link]))
    assert segment is not None
    assert (segment.source_port, segment.target_port, segment.seq, segment.ack) == (4000, 80, 7, 9)
    assert (segment.payload, segment.payload_bytes, segment.flags) == (b"hello", 5, 0x18)


@pytest.mark.parametrize("link", [link for link in LINKS if "padded" not in link and "length 0" not in link])
def test_payload_that_was_cut_keeps_its_length(link: str) -> None:
    link_type, data = LINKS[link]
    segment = SegmentReader().read(packet(link_type, data[:-3]))
    assert segment is not None
    assert (segment.payload, segment.payload_bytes) == (b"he", 5)


@pytest.mark.parametrize("order", [(0, 1), (1, 0), (0, 0, 1)])
@pytest.mark.parametrize("version", [4, 6])
def test_fragments_are_joined_in_any_order(order: tuple[int, ...], version: int) -> None:
    payload = bytes(SEGMENT)
    parts = fragments_v6(payload)
    if version == 4:
        heads = [(0x2000, payload[:16]), (2, payload[16:])]
        parts = [
            bytes(ip.IP(src=b"\1" * 4, dst=b"\2" * 4, p=6, id=3, _flags_offset=flags, data=part))
            for flags, part in heads
        ]
    reader = SegmentReader()
    *first, last = [reader.read(packet(101, parts[number])) for number in order]
    assert first == [None] * len(first)
    assert last is not None
    assert last.payload == b"hello"


def test_fragments_that_never_end_are_given_up() -> None:
    reader = SegmentReader()
    for number in range(MAX_DATAGRAMS + 5):
        part = bytes(ip.IP(src=b"\1" * 4, dst=b"\2" * 4, p=6, id=number, _flags_offset=0x2000, data=bytes(16)))
        assert reader.read(packet(101, part)) is None
    assert reader.others["an IP datagram whose fragments are not all there"] == 5


OTHERS: dict[str, tuple[int, bytes]] = {
    "not IP": (1, ethernet_with(0x0806, bytes(28))),
    "UDP": (101, bytes(ip.IP(src=b"\1" * 4, dst=b"\2" * 4, p=17, data=udp.UDP(sport=1, dport=53, data=b"x")))),
    "UDP that looks like QUIC (HTTP/3)": (
        101,
        bytes(ip.IP(src=b"\1" * 4, dst=b"\2" * 4, p=17, data=udp.UDP(sport=1, dport=443, data=b"\xc0\0\0\0\1"))),
    ),
    "neither TCP nor UDP": (101, bytes(ip.IP(src=b"\1" * 4, dst=b"\2" * 4, p=50, data=b"esp"))),
    "TCP whose header was cut off": (101, ipv4()[:30]),
    "link type 147": (147, b"any"),
    "damaged": (101, b"\x45"),
}


@pytest.mark.parametrize("what", OTHERS)
def test_what_is_no_tcp_is_counted_by_what_it_is(what: str) -> None:
    reader = SegmentReader()
    assert reader.read(packet(*OTHERS[what])) is None
    assert dict(reader.others) == {what: 1}


@given(st.sampled_from([0, 1, 12, 101, 108, 113, 228, 229, 276]), st.binary(max_size=120))
def test_any_bytes_are_read_or_counted(link_type: int, data: bytes) -> None:
    SegmentReader().read(packet(link_type, data))


@given(st.sampled_from(sorted(LINKS)), st.data())
def test_any_damage_is_read_or_counted(link: str, data: st.DataObject) -> None:
    link_type, whole = LINKS[link]
    damaged = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    SegmentReader().read(packet(link_type, bytes(damaged)))
