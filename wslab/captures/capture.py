"""Reads a packet capture into a run: `read_packets`. One pass, in order, in bounded memory, whatever its length."""

from __future__ import annotations

import datetime
import importlib.metadata
import platform
from collections import Counter
from collections.abc import Callable, Iterator
from typing import BinaryIO

from wslab.captures.attribution import number_clients, tell_tries
from wslab.captures.containers import PacketFile
from wslab.captures.conversations import Conversation, Conversations
from wslab.captures.exchanges import CapturedExchange
from wslab.captures.messages import tell_messages, tell_pings
from wslab.captures.packets import SegmentReader
from wslab.captures.retelling import Retold, Told
from wslab.captures.streams import KEPT
from wslab.captures.tracing import tell_trace
from wslab.core.errors import CaptureError
from wslab.core.records import RunInfo
from wslab.core.runs import Run

MAX_CONNECTIONS = 20_000
"""Connections that get records; any beyond that are only counted."""

KEPT_IN_ALL = 40_000
"""Messages that get records, over all connections; the last of each connection take precedence."""

OnBytes = Callable[[int], None]
"""Called now and then with the number of bytes read so far."""

_TELL_EVERY_PACKETS = 4096


def read_packets(
    file: BinaryIO,
    *,
    name: str = "capture",
    on_bytes: OnBytes | None = None,
    look_into: Callable[[list[Retold]], None] | None = None,
) -> Run:
    """Return what a pcap or pcapng shows of WebSocket connections, and of TLS connections, which may carry WebSockets.

    Args:
        file: read to its end, without seeking.
        name: what the run's parameters call it.
        look_into: called with the connections before records are made, to decrypt the encrypted ones.

    Raises:
        CaptureError: the file is neither pcap nor pcapng, or contains nothing readable.
    """
    packets = PacketFile(file)
    segments = SegmentReader()
    found = _Found()
    for conversation in _conversations(packets, segments, on_bytes):
        found.take(conversation)
    if found.first_ns is None:
        raise CaptureError(_nothing(name, packets, segments))
    if look_into is not None:
        found.look_into(look_into)
    connections = found.told()
    info = capture_info(
        name,
        found.first_ns / 1e9,
        found.last_ns / 1e9,
        losses=_losses(packets, segments, found.others),
        partial=packets.cut_short is not None,
    )
    return Run(info, tuple(record for _, record in _tell(connections, found.first_ns)))


class _Found:
    """The connections in a capture: those to report, those without data, and a count of all others."""

    def __init__(self) -> None:
        self.others: Counter[str] = Counter()
        self.first_ns: int | None = None
        self.last_ns = 0
        self._connections: list[Retold] = []
        self._silent: list[Retold] = []

    def take(self, conversation: Conversation) -> None:
        first_ns = conversation.first_at_ns
        self.first_ns = first_ns if self.first_ns is None else min(self.first_ns, first_ns)
        self.last_ns = max(self.last_ns, conversation.last_at_ns)
        if len(self._connections) < MAX_CONNECTIONS and _is_of_interest(conversation.exchange):
            self._connections.append(Retold(conversation))
        elif len(self._silent) < MAX_CONNECTIONS and conversation.exchange.protocol == "none" and conversation.began:
            self._silent.append(Retold(conversation))
        else:
            self.others[_named(conversation)] += 1

    def look_into(self, decrypt: Callable[[list[Retold]], None]) -> None:
        """Decrypt the encrypted connections, and count those that turn out to be something else."""
        decrypt(self._connections)
        self._connections = self._parted(self._connections, lambda told: _is_of_interest(told.exchange))

    def told(self) -> list[Retold]:
        """Return the connections to report. One without data is included only if others connect the same two hosts."""
        ends = {told.ends for told in self._connections}
        return self._connections + self._parted(self._silent, lambda told: told.ends in ends)

    def _parted(self, connections: list[Retold], is_told: Callable[[Retold], bool]) -> list[Retold]:
        self.others.update(_named(told.conversation) for told in connections if not is_told(told))
        return [told for told in connections if is_told(told)]


def _conversations(packets: PacketFile, segments: SegmentReader, on_bytes: OnBytes | None) -> Iterator[Conversation]:
    conversations = Conversations()
    try:
        for packet in packets:
            if on_bytes is not None and packets.packets % _TELL_EVERY_PACKETS == 0:
                on_bytes(packets.read_bytes)
            segment = segments.read(packet)
            if segment is not None:
                yield from conversations.take(segment)
    except KeyboardInterrupt:  # the usual way to stop reading a capture that is still being written
        packets.cut_short = f"reading was interrupted after {packets.packets:,} packets"
    yield from conversations.finish()


def _is_of_interest(exchange: CapturedExchange) -> bool:
    """Whether it is a WebSocket, was meant to become one, or may be one inside encryption."""
    if exchange.is_websocket or exchange.protocol in ("tls", "http2"):
        return True
    asked = [one.request for one in exchange.asked] + ([exchange.unanswered[1]] if exchange.unanswered else [])
    return any("websocket" in request.fields.options("Upgrade") for request in asked)


def _tell(connections: list[Retold], first_ns: int) -> Iterator[Told]:
    """Yield all records in the order of observation."""
    connections.sort(key=lambda told: told.conversation.first_at_ns)
    for number, told in enumerate(connections, start=1):
        told.connection_id, told.origin_ns = str(number), first_ns
    kept = max(2, min(KEPT, KEPT_IN_ALL // (2 * max(1, len(connections)))))
    told_records: list[Told] = []
    for own in number_clients(connections):
        told_records += tell_tries(own)
        for told in own:
            told_records += tell_messages(told, kept)
            told_records += tell_pings(told, kept)
            told_records.append((told.end[2] if told.end else told.conversation.last_at_ns, tell_trace(told, kept)))
    yield from sorted(told_records, key=lambda entry: entry[0])


def _named(conversation: Conversation) -> str:
    protocol, asked = conversation.exchange.protocol, conversation.exchange.asked
    if asked and asked[-1].request.method == "CONNECT":
        return f"of an HTTP proxy that answered CONNECT with {asked[-1].response.status}"
    names = {"http": "of HTTP without a WebSocket", "other": "of another protocol", "none": "that say nothing readable"}
    return names.get(protocol, f"of {protocol}")


def _losses(packets: PacketFile, segments: SegmentReader, others: Counter[str]) -> list[str]:
    """List what the capture lacks, and what in it was not read."""
    losses = [f"connections {what}: {number:,}" for what, number in others.items()]
    losses += [f"packets that carried no TCP ({what}): {number:,}" for what, number in segments.others.items()]
    if packets.cut_packets:
        losses.append(f"packets cut by a snap length: {packets.cut_packets:,} of {packets.packets:,}")
    if packets.dropped_packets:
        losses.append(f"packets that the capturing machine lost: {packets.dropped_packets:,}")
    if packets.cut_short:
        losses.append(f"the capture is cut short: {packets.cut_short}")
    return losses


def _nothing(name: str, packets: PacketFile, segments: SegmentReader) -> str:
    seen = ", ".join(f"{what} ({number:,})" for what, number in segments.others.most_common(5)) or "nothing"
    why = f"; {packets.cut_short}" if packets.cut_short else ""
    return f"{name}: no TCP in {packets.packets:,} packets; there is {seen}{why}. Capture with `-f tcp`, whole packets"


def capture_info(name: str, first_s: float, last_s: float, *, losses: list[str], partial: bool = False) -> RunInfo:
    """Return the description of a run that was read from something called `name`.

    Args:
        first_s, last_s: when it begins and ends, in seconds since 1970.
        partial: whether reading stopped before its end.
    """
    return RunInfo(
        experiment="explain",
        started_at=_date(first_s),
        duration_s=max(0.0, last_s - first_s),
        partial=partial,
        seed=None,
        url=None,
        knobs=None,
        parameters={"capture": name},
        versions={"wslab": importlib.metadata.version("wslab"), "python": platform.python_version()},
        platform=platform.platform(),
        clock_resolution_s=1e-9,
        loop_lag_p50_s=None,
        loop_lag_p99_s=None,
        loop_lag_max_s=None,
        losses=losses,
    )


def _date(at_s: float) -> str:
    """Return a time as ISO 8601; one out of range (a damaged file) becomes the earliest or latest possible."""
    latest_s = datetime.datetime.max.replace(tzinfo=datetime.UTC).timestamp() - 1
    at_s = min(max(at_s, 0.0), latest_s)
    return datetime.datetime.fromtimestamp(at_s, datetime.UTC).isoformat(timespec="milliseconds")
