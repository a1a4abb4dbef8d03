"""Builds packets and writes them as pcapng, so that Wireshark can open what the lab recorded.

`TcpScript` keeps track of both sides' sequence numbers; its user only says which side sends what, and when.
Link layer: raw IP. Times in nanoseconds. Source of the format: draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from ipaddress import ip_address
from typing import BinaryIO

from dpkt import ip, ip6, tcp

from wslab.captures.containers import SECTION, Packet
from wslab.captures.reassembly import ACK, FIN, RST, SYN
from wslab.core.records import Side

RAW_IP = 101
SEGMENT_BYTES = 16_384
"""Largest payload of a segment: as large as on loopback, and its packet fits into IP's 65,535 bytes."""

_NANOSECONDS = 9
_COMMENT, _INTERFACE_RESOLUTION, _APPLICATION = 1, 9, 4
_PUSH = 0x08


def write_pcapng(file: BinaryIO, packets: Iterable[Packet], *, comment: str, application: str) -> int:
    """Write raw IP packets as one section of a pcapng; return how many there were.

    Args:
        comment: what a reader must know about the file; Wireshark shows it among the file's properties.
    """
    head = struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)
    file.write(
        _block(SECTION, head + _option(_COMMENT, comment.encode()) + _option(_APPLICATION, application.encode()))
    )
    file.write(_block(1, struct.pack("<HHI", RAW_IP, 0, 0) + _option(_INTERFACE_RESOLUTION, bytes([_NANOSECONDS]))))
    count = 0
    for packet in packets:
        kept_bytes = len(packet.data)
        times = struct.pack(
            "<IIIII", 0, packet.at_ns >> 32, packet.at_ns & 0xFFFFFFFF, kept_bytes, packet.original_bytes
        )
        file.write(_block(6, times + packet.data + bytes(-kept_bytes % 4)))
        count += 1
    return count


def _block(kind: int, body: bytes) -> bytes:
    length = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + length + body + length


def _option(code: int, value: bytes) -> bytes:
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


class TcpScript:
    """One TCP connection, segment by segment, as both sides would have sent it.

    Args:
        client, server: "host" and port. first_seq: of both sides.
    """

    def __init__(self, client: tuple[str, int], server: tuple[str, int], *, first_seq: int = 1000) -> None:
        self._ends: dict[Side, tuple[bytes, int]] = {
            "client": (ip_address(client[0]).packed, client[1]),
            "server": (ip_address(server[0]).packed, server[1]),
        }
        self._next: dict[Side, int] = {"client": first_seq, "server": first_seq}

    def open(self, at_ns: int) -> Iterator[Packet]:
        """Yield the three segments that open a connection."""
        yield self._segment("client", at_ns, SYN, with_ack=False)
        yield self._segment("server", at_ns, SYN)
        yield self._segment("client", at_ns)

    def ask_in_vain(self, at_ns: int, *, refused: bool) -> Iterator[Packet]:
        """Yield a SYN, and the RST that refuses it, or nothing."""
        yield self._segment("client", at_ns, SYN, with_ack=False)
        if refused:
            yield self._segment("server", at_ns, RST)

    def send(self, side: Side, at_ns: int, payload: bytes, *, acknowledged: bool = True) -> Iterator[Packet]:
        """Yield the segments of a payload, each with the other side's acknowledgement."""
        other: Side = "server" if side == "client" else "client"
        for at in range(0, len(payload), SEGMENT_BYTES):
            yield self._segment(side, at_ns, _PUSH, payload[at : at + SEGMENT_BYTES])
            if acknowledged:
                yield self._segment(other, at_ns)

    def end(self, side: Side, at_ns: int) -> Iterator[Packet]:
        """Yield a side's FIN and the other's acknowledgement."""
        yield self._segment(side, at_ns, FIN)
        yield self._segment("server" if side == "client" else "client", at_ns)

    def reset(self, side: Side, at_ns: int) -> Iterator[Packet]:
        yield self._segment(side, at_ns, RST)

    def _segment(
        self, side: Side, at_ns: int, flags: int = 0, payload: bytes = b"", *, with_ack: bool = True
    ) -> Packet:
        other: Side = "server" if side == "client" else "client"
        (source, source_port), (target, target_port) = self._ends[side], self._ends[other]
        segment = tcp.TCP(
            sport=source_port,
            dport=target_port,
            seq=self._next[side],
            ack=self._next[other] if with_ack else 0,
            flags=flags | (ACK if with_ack else 0),
            win=65_535,
            data=payload,
        )
        self._next[side] = (self._next[side] + len(payload) + bool(flags & (SYN | FIN))) & 0xFFFFFFFF
        if len(source) == 4:
            network = ip.IP(src=source, dst=target, p=ip.IP_PROTO_TCP, ttl=64, data=segment)
        else:
            network = ip6.IP6(src=source, dst=target, nxt=ip.IP_PROTO_TCP, hlim=64, plen=len(segment), data=segment)
            network.extension_hdrs = {}
        data = bytes(network)
        return Packet(at_ns, RAW_IP, data, len(data))
