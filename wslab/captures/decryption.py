"""Decrypts TLS with a key log, by an installed tshark; the plaintext is then read like any other.

tshark exports the contents of TLS records as packets ("OSI layer 7"), with the addresses and the time of the packet
that contained them. TCP is read from the capture itself. Source: Wireshark's `epan/exported_pdu.h`.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
import tempfile
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from wslab.captures.capture import OnBytes, read_packets
from wslab.captures.containers import Packet, PacketFile
from wslab.captures.exchanges import CapturedExchange
from wslab.captures.packets import UPPER_PDU
from wslab.captures.retelling import Retold
from wslab.core.errors import CaptureError
from wslab.core.runs import Run

_END, _V4_SOURCE, _V4_TARGET, _V6_SOURCE, _V6_TARGET, _SOURCE_PORT, _TARGET_PORT = 0, 20, 21, 22, 23, 25, 26
_TIMEOUT_S = 600.0

End = tuple[bytes, int]


class Plaintext(NamedTuple):
    """The contents of a TLS record."""

    at_ns: int
    source: End
    target: End
    content: bytes


def read_decrypted(stream: BinaryIO, path: Path, *, keys: Path | None, on_bytes: OnBytes | None = None) -> Run:
    """Read a capture as `read_packets` does, decrypting the TLS connections that can be.

    Args:
        stream: the open capture. path: the path of the same file, which tshark reads too.
        keys: a key log (`SSLKEYLOGFILE`); None if the capture contains its keys.

    Raises:
        CaptureError: there is no tshark, or it cannot read the capture; the message says what to do.
        OSError: there is no such key log.
    """
    with tempfile.TemporaryDirectory(prefix="wslab-decrypted-") as folder:
        exported = Path(folder) / "plaintext.pcapng"
        _export(path, keys, exported)
        with exported.open("rb") as file:
            plaintexts = read_plaintexts(PacketFile(file))
            return read_packets(
                stream, name=path.name, on_bytes=on_bytes, look_into=lambda told: look_into(told, plaintexts)
            )


def carries_keys(path: Path) -> bool:
    """Whether a capture begins with its own TLS secrets, as Wireshark writes them (pcapng)."""
    with path.open("rb") as file:
        packets = PacketFile(file)
        next(iter(packets), None)
        return bool(packets.key_logs)


def has_tshark() -> bool:
    """Whether tshark is installed."""
    return shutil.which("tshark") is not None


def _export(path: Path, keys: Path | None, exported: Path) -> None:
    if not has_tshark():
        raise CaptureError(
            "tshark is not installed, and it is what decrypts: install tshark (Wireshark), or leave out keys"
        )
    options = []
    if keys is not None:
        keys.open("rb").close()  # raise if it is missing: tshark would ignore that
        options = ["-o", f"tls.keylog_file:{keys.absolute()}"]
    command = ["tshark", "-n", "-r", str(path.absolute()), *options, "-U", "OSI layer 7", "-w", str(exported)]
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        raise CaptureError(f"tshark did not decrypt {path.name} within {_TIMEOUT_S:,.0f} s") from None
    if not exported.exists():
        said = (ended.stderr.strip().splitlines() or ["nothing"])[-1]
        raise CaptureError(f"tshark cannot read {path.name}: {said[:300]}")


def read_plaintexts(packets: Iterable[Packet]) -> Iterator[Plaintext]:
    """Yield the contents of exported packets, in order."""
    for packet in packets:
        if packet.link_type == UPPER_PDU and (plaintext := _plaintext(packet)) is not None:
            yield plaintext


def _plaintext(packet: Packet) -> Plaintext | None:
    tags: dict[int, bytes] = {}
    at = 0
    while at + 4 <= len(packet.data):
        tag, length = struct.unpack_from("!HH", packet.data, at)
        at += 4 + length
        if tag == _END:
            break
        tags[tag] = packet.data[at - length : at]
    source, target = (tags.get(v4) or tags.get(v6) for v4, v6 in ((_V4_SOURCE, _V6_SOURCE), (_V4_TARGET, _V6_TARGET)))
    if source is None or target is None or _SOURCE_PORT not in tags or _TARGET_PORT not in tags:
        return None
    ports = (int.from_bytes(tags[tag], "big") for tag in (_SOURCE_PORT, _TARGET_PORT))
    source_port, target_port = ports
    return Plaintext(packet.at_ns, (source, source_port), (target, target_port), packet.data[at:])


def look_into(connections: list[Retold], plaintexts: Iterable[Plaintext]) -> None:
    """Read each connection's plaintext in place of its ciphertext."""
    by_ends: dict[tuple[End, End], list[Retold]] = defaultdict(list)
    for told in connections:
        if told.exchange.protocol == "tls":
            by_ends[told.conversation.client_end, told.conversation.server_end].append(told)
    for own in by_ends.values():
        own.sort(key=lambda told: told.conversation.first_at_ns)
    inside: dict[int, CapturedExchange] = {}
    for at_ns, source, target, content in plaintexts:
        side = "client" if (source, target) in by_ends else "server"
        own = by_ends.get((source, target)) or by_ends.get((target, source)) or []
        place = bisect_right(own, at_ns, key=lambda told: told.conversation.first_at_ns) - 1
        if place < 0:
            continue
        told = own[place]
        if id(told) not in inside:
            inside[id(told)] = told.exchange = CapturedExchange(
                from_beginning=told.conversation.began, server_name=told.exchange.server_name, is_encrypted=True
            )
        told.exchange.feed("client" if side == "client" else "server", at_ns, content)
