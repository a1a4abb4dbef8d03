"""Reads capture files as a stream: pcap and pcapng, either byte order, microseconds or nanoseconds.

Only the container: blocks in, packets with their time and link type out. Reading ends where a file is cut off or
damaged, and `cut_short` says where and why; everything before that is kept. Sources: draft-ietf-opsawg-pcap,
draft-ietf-opsawg-pcapng.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from wslab.core.errors import CaptureError

MAX_BLOCK_BYTES = 64 * 2**20
"""No real packet is larger; a length above this is damage, and nothing is allocated for it."""

SECTION = 0x0A0D0D0A
_INTERFACE, _OLD_PACKET, _SIMPLE, _STATISTICS, _ENHANCED, _SECRETS = 1, 2, 3, 5, 6, 10
_BYTE_ORDER_MARK = 0x1A2B3C4D
_TLS_KEY_LOG = 0x544C534B
_TSRESOL, _TSOFFSET, _IF_DROPPED, _OS_DROPPED = 9, 14, 5, 7
_PCAP_MAGICS = {0xA1B2C3D4: 1000, 0xA1B23C4D: 1}  # and the nanoseconds per unit of the fraction


class Packet(NamedTuple):
    """One captured packet; `data` may be shorter than the `original_bytes` on the wire."""

    at_ns: int
    link_type: int
    data: bytes
    original_bytes: int


class _Interface(NamedTuple):
    link_type: int
    snap_bytes: int
    units_per_s: int
    offset_s: int


@dataclass(slots=True)
class PacketFile:
    """An open capture; iterate over it once. The fields are complete after the iteration.

    Fields:
        read_bytes: read so far, for a progress bar.
        cut_packets: packets truncated by a snap length. dropped_packets: packets that the capturing machine reports as
            lost; None if it reports nothing.
        cut_short: where and why reading stopped before the end; None if it did not.
        key_logs: TLS secrets contained in the file (pcapng).
    """

    file: BinaryIO
    read_bytes: int = 0
    packets: int = 0
    cut_packets: int = 0
    dropped_packets: int | None = None
    cut_short: str | None = None
    key_logs: list[bytes] = field(default_factory=list)
    _order: str = "<"
    _interfaces: list[_Interface] = field(default_factory=list)

    def __iter__(self) -> Iterator[Packet]:
        """Yield the packets in file order.

        Raises:
            CaptureError: the first bytes belong to neither format.
        """
        magic = self._take(4)
        packets = self._pcapng() if magic == SECTION.to_bytes(4, "big") else self._pcap(magic)
        for packet in packets:
            self.packets += 1
            self.cut_packets += len(packet.data) < packet.original_bytes
            yield packet

    def _take(self, wanted_bytes: int) -> bytes:
        taken = self.file.read(wanted_bytes)
        self.read_bytes += len(taken)
        return taken

    def _end(self, why: str) -> None:
        self.cut_short = f"{why}, {self.read_bytes:,} bytes into the file, after {self.packets:,} packets"

    def _pcap(self, magic: bytes) -> Iterator[Packet]:
        order = next((o for o in "<>" if len(magic) == 4 and struct.unpack(f"{o}I", magic)[0] in _PCAP_MAGICS), None)
        if order is None:
            raise CaptureError(f"neither pcap nor pcapng: it begins with {magic.hex(' ') or 'nothing'}")
        unit_ns = _PCAP_MAGICS[struct.unpack(f"{order}I", magic)[0]]
        header = self._take(20)
        if len(header) < 20:
            return self._end("it ends in the middle of its header")
        link_type = (
            struct.unpack_from(f"{order}I", header, 16)[0] & 0xFFFF
        )  # the bits above hold the length of a checksum
        unpack = struct.Struct(f"{order}IIII").unpack
        while head := self._take(16):
            if len(head) < 16:
                return self._end("it ends in the middle of a packet's header")
            seconds, fraction, kept_bytes, original_bytes = unpack(head)
            if kept_bytes > MAX_BLOCK_BYTES:
                return self._end(f"it is damaged: a packet claims {kept_bytes:,} bytes")
            data = self._take(kept_bytes)
            if len(data) < kept_bytes:
                return self._end("it ends in the middle of a packet")
            yield Packet(seconds * 10**9 + fraction * unit_ns, link_type, data, original_bytes)
        return None

    def _pcapng(self) -> Iterator[Packet]:
        head = SECTION.to_bytes(4, "big") + self._take(4)
        while head:
            if len(head) < 8:
                return self._end("it ends in the middle of a block's header")
            if head[:4] == SECTION.to_bytes(4, "big"):
                mark = self._take(4)
                if not self._begin_section(mark):
                    return self._end("it is damaged: a section without a byte order")
            else:
                mark = b""
            kind, length = struct.unpack(f"{self._order}II", head)
            if length % 4 or not 12 <= length <= MAX_BLOCK_BYTES:
                return self._end(f"it is damaged: a block claims {length:,} bytes")
            rest = self._take(length - 8 - len(mark))
            if len(rest) < length - 8 - len(mark):
                return self._end("it ends in the middle of a block")
            try:
                packet = self._block(kind, rest[:-4])
            except (struct.error, IndexError):
                return self._end("it is damaged: a block does not hold what its kind must")
            if packet is not None:
                yield packet
            head = self._take(8)
        return None

    def _begin_section(self, mark: bytes) -> bool:
        self._interfaces = []
        for self._order in "<>":
            if len(mark) == 4 and struct.unpack(f"{self._order}I", mark)[0] == _BYTE_ORDER_MARK:
                return True
        return False

    def _block(self, kind: int, body: bytes) -> Packet | None:
        if kind == _ENHANCED:
            number, high, low, kept_bytes, original_bytes = struct.unpack_from(f"{self._order}IIIII", body)
            interface = self._interfaces[number]
            whole, part = divmod(high << 32 | low, interface.units_per_s)
            at_ns = (whole + interface.offset_s) * 10**9 + part * 10**9 // interface.units_per_s
            return Packet(at_ns, interface.link_type, body[20 : 20 + kept_bytes], original_bytes)
        if kind == _INTERFACE:
            self._interfaces.append(self._interface(body))
        elif kind == _SIMPLE:
            interface = self._interfaces[0]
            (original_bytes,) = struct.unpack_from(f"{self._order}I", body)
            kept_bytes = min(original_bytes, interface.snap_bytes or original_bytes)
            return Packet(0, interface.link_type, body[4 : 4 + kept_bytes], original_bytes)
        elif kind == _OLD_PACKET:
            number, _, high, low, kept_bytes, original_bytes = struct.unpack_from(f"{self._order}HHIIII", body)
            return self._block(
                _ENHANCED,
                struct.pack(f"{self._order}IIIII", number, high, low, kept_bytes, original_bytes) + body[20:],
            )
        elif kind == _STATISTICS:
            self._count_drops(body)
        elif kind == _SECRETS:
            kind_of_secret, length = struct.unpack_from(f"{self._order}II", body)
            if kind_of_secret == _TLS_KEY_LOG:
                self.key_logs.append(body[8 : 8 + length])
        return None

    def _interface(self, body: bytes) -> _Interface:
        link_type, _, snap_bytes = struct.unpack_from(f"{self._order}HHI", body)
        options = self._options(body[8:])
        resolution = (options.get(_TSRESOL) or b"\x06")[0]
        units_per_s = 2 ** (resolution & 0x7F) if resolution & 0x80 else 10**resolution
        offset = options.get(_TSOFFSET, b"")
        offset_s = struct.unpack(f"{self._order}q", offset)[0] if len(offset) == 8 else 0
        return _Interface(link_type, snap_bytes, units_per_s, offset_s)

    def _count_drops(self, body: bytes) -> None:
        options = self._options(body[12:])
        told = [options[code] for code in (_IF_DROPPED, _OS_DROPPED) if len(options.get(code, b"")) == 8]
        if told:
            lost = sum(struct.unpack(f"{self._order}Q", value)[0] for value in told)
            self.dropped_packets = (self.dropped_packets or 0) + lost

    def _options(self, body: bytes) -> dict[int, bytes]:
        options, at = {}, 0
        while at + 4 <= len(body):
            code, length = struct.unpack_from(f"{self._order}HH", body, at)
            if code == 0:
                break
            options[code] = body[at + 4 : at + 4 + length]
            at += 4 + length + -length % 4
        return options
