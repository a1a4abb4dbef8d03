"""Finds the TCP segment in a packet: link layers, IP, fragments. dpkt parses the headers; other packets are counted.

Link types: Ethernet (VLAN tags, QinQ, MPLS, PPPoE), BSD loopback (null, loop), Linux cooked v1 and v2, raw IP.
Source of the numbers: https://www.tcpdump.org/linktypes.html.
"""

from __future__ import annotations

import struct
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Any, NamedTuple

import dpkt
from dpkt import ethernet, ip, ip6, loopback, sll, sll2, tcp, udp

from wslab.captures.containers import Packet

MAX_DATAGRAMS = 256
"""Incomplete IP datagrams held at the same time; a new one replaces the oldest."""

MAX_DATAGRAM_BYTES = 2**16

UPPER_PDU = 252
"""Wireshark's exported PDUs: the payload of a protocol above TCP, with its addresses."""


class Segment(NamedTuple):
    """One TCP segment. `payload` may be shorter than the `payload_bytes` that were on the wire."""

    at_ns: int
    source: bytes
    source_port: int
    target: bytes
    target_port: int
    seq: int
    ack: int
    flags: int
    window: int
    options: bytes
    payload: bytes
    payload_bytes: int


def _raw(data: bytes) -> Any:
    return ip.IP(data) if data[0] >> 4 == 4 else ip6.IP6(data)


def _cooked(data: bytes) -> Any:
    return _untagged(sll.SLL(data))


def _cooked_v2(data: bytes) -> Any:
    return _untagged(sll2.SLL2(data))


def _untagged(packet: Any) -> Any:
    """Return what a cooked packet carries after its VLAN tag, which dpkt does not parse."""
    kind, data = packet.ethtype, packet.data
    while kind in (ethernet.ETH_TYPE_8021Q, ethernet.ETH_TYPE_8021AD) and isinstance(data, bytes) and len(data) > 4:
        kind, data = struct.unpack_from("!H", data, 2)[0], data[4:]
    return _raw(data) if isinstance(data, bytes) and kind in (ethernet.ETH_TYPE_IP, ethernet.ETH_TYPE_IP6) else data


_BIG_ENDIAN_LOOP = 108
_READERS: dict[int, Callable[[bytes], Any]] = {
    0: loopback.Loopback,
    1: ethernet.Ethernet,
    12: _raw,
    14: _raw,
    101: _raw,
    _BIG_ENDIAN_LOOP: loopback.Loopback,
    113: _cooked,
    228: _raw,
    229: _raw,
    276: _cooked_v2,
}

_UNREADABLE = (
    dpkt.Error,
    struct.error,
    IndexError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    NotImplementedError,
)
"""What dpkt raises on malformed bytes."""


class SegmentReader:
    """Reads packets into segments, reassembles IP fragments, and counts everything else.

    Fields:
        others: packets without TCP, by kind.
    """

    def __init__(self) -> None:
        self.others: Counter[str] = Counter()
        self._fragments: OrderedDict[tuple[bytes, bytes, int], _Datagram] = OrderedDict()

    def read(self, packet: Packet) -> Segment | None:
        """Return the packet's TCP segment; None if it has none, or only part of one."""
        reader = _READERS.get(packet.link_type)
        if reader is None:
            self.others[f"link type {packet.link_type}"] += 1
            return None
        try:
            layer = reader(packet.data)
            while isinstance(layer, dpkt.Packet) and not isinstance(layer, ip.IP | ip6.IP6):
                layer = layer.data
            if not isinstance(layer, dpkt.Packet):
                self.others["not IP"] += 1
                return None
            return self._transport(packet, layer)
        except _UNREADABLE:
            self.others["damaged"] += 1
            return None

    def _transport(self, packet: Packet, network: Any) -> Segment | None:
        is_v4 = isinstance(network, ip.IP)
        fragment = _fragment_v4(network) if is_v4 else _fragment_v6(network)
        if fragment is not None:
            whole = self._join(network, fragment)
            if whole is None:
                return None
            content: Any = tcp.TCP(whole) if network.p == ip.IP_PROTO_TCP else whole
            length = len(whole)
        else:
            content = network.data
            length = _transport_bytes(network) if is_v4 else _transport_bytes_v6(network)
        if not isinstance(content, tcp.TCP):
            self._count_other(network, content)
            return None
        payload = content.data
        payload_bytes = max(length - (content._off_flags >> 12) * 4, len(payload))
        return Segment(
            packet.at_ns, network.src, content.sport, network.dst, content.dport, content.seq, content.ack,
            content._off_flags & 0x1FF, content.win, content.opts, payload, payload_bytes,
        )  # fmt: skip

    def _count_other(self, network: Any, content: Any) -> None:
        if isinstance(content, udp.UDP):
            is_quic = 443 in (content.sport, content.dport) and bytes(content.data[:1]) >= b"\x40"
            self.others["UDP that looks like QUIC (HTTP/3)" if is_quic else "UDP"] += 1
        elif getattr(network, "p", None) == ip.IP_PROTO_TCP:
            self.others["TCP whose header was cut off"] += 1
        else:
            self.others["neither TCP nor UDP"] += 1

    def _join(self, network: Any, fragment: _Fragment) -> bytes | None:
        key = (network.src, network.dst, fragment.identity)
        datagram = self._fragments.setdefault(key, _Datagram())
        whole = datagram.add(fragment)
        if whole is not None:
            del self._fragments[key]
        elif len(self._fragments) > MAX_DATAGRAMS:
            self._fragments.popitem(last=False)
            self.others["an IP datagram whose fragments are not all there"] += 1
        return whole


class _Fragment(NamedTuple):
    identity: int
    offset_bytes: int
    is_last: bool
    data: bytes


class _Datagram:
    """The fragments of one datagram so far."""

    def __init__(self) -> None:
        self.parts: dict[int, bytes] = {}
        self.total_bytes: int | None = None

    def add(self, fragment: _Fragment) -> bytes | None:
        """Take one more; return the whole datagram once it is complete."""
        if sum(map(len, self.parts.values())) < MAX_DATAGRAM_BYTES:
            self.parts.setdefault(fragment.offset_bytes, fragment.data)
        if fragment.is_last:
            self.total_bytes = fragment.offset_bytes + len(fragment.data)
        if self.total_bytes is None:
            return None
        whole = bytearray()
        for offset, data in sorted(self.parts.items()):
            if offset > len(whole):
                return None
            whole[offset : offset + len(data)] = data
        return bytes(whole[: self.total_bytes]) if len(whole) >= self.total_bytes else None


def _fragment_v4(network: Any) -> _Fragment | None:
    more, offset = network._flags_offset & 0x2000, network._flags_offset & 0x1FFF
    if not more and not offset:
        return None
    return _Fragment(network.id, offset * 8, not more, bytes(network.data))


def _fragment_v6(network: Any) -> _Fragment | None:
    header = network.extension_hdrs.get(ip.IP_PROTO_FRAGMENT)
    if header is None or not (header.m_flag or header.frag_off):
        return None
    return _Fragment(header.id, header.frag_off * 8, not header.m_flag, bytes(network.data))


def _transport_bytes(network: Any) -> int:
    """Return how many bytes an IPv4 packet carried; a length of 0 leaves the split to the network card (TSO)."""
    return int(network.len) - (network._v_hl & 0xF) * 4 if network.len else len(network.data)


def _transport_bytes_v6(network: Any) -> int:
    if not network.plen:
        return len(network.data)
    return int(network.plen - sum(header.length for header in network.all_extension_headers))
