"""Reassembles TCP: each direction's bytes in order, once, and what the capture shows of loss and of the end.

However segments are ordered, repeated or split, the same bytes come out (tests/captures verifies it). Bytes missing
from the capture become a gap of known length. The number of segments held is bounded; at the bound, the hole before
them is taken for lost.
"""

from __future__ import annotations

from typing import Protocol

from wslab.captures.packets import Segment

FIN, SYN, RST, ACK = 0x01, 0x02, 0x04, 0x10
MAX_HELD_BYTES = 2**20
"""Bytes of one direction held out of order before the hole in front of them is taken for lost."""
MAX_HELD_SEGMENTS = 4096
TWICE_CAPTURED_NS = 500_000
"""No retransmission comes sooner than this: the segment was captured twice, as on the interface `any`."""

_REMEMBERED_SEGMENTS = 16

MAX_UNBEGUN_SEGMENTS = 16
"""Segments held, in case an earlier one follows, in a direction whose SYN was not captured."""


class Receiver(Protocol):
    """Reads one direction: bytes in order, and gaps where the capture has none."""

    def feed(self, at_ns: int, data: bytes) -> None: ...

    def skip(self, at_ns: int, missing_bytes: int) -> None: ...


class Direction:
    """The bytes that one side sent.

    Fields (offsets count from the first byte after the SYN, or the first seen):
        begun: whether the first byte is known, by its SYN or by choice. had_syn: whether its SYN was captured.
        stream_bytes: how much was sent, as far as is known. missing_bytes: how much of that was not captured.
        retransmissions: segments that repeat bytes, all or some of them.
        acknowledged: the offset up to which the other side acknowledged; None if it never did.
        fin_at_ns, reset_at_ns, last_data_at_ns: times of the first FIN, the first RST and the last byte.
        zero_windows: how often this side announced that it accepts no more.
        unanswered_probes: keepalive probes since the other side was last heard from (RFC 9293 §3.8.4).
    """

    __slots__ = (
        "_early_ack",
        "_held",
        "_held_bytes",
        "_last_at_ns",
        "_next_seq",
        "_recent_at_ns",
        "acknowledged",
        "fin_at_ns",
        "had_syn",
        "last_data_at_ns",
        "missing_bytes",
        "next_offset",
        "receiver",
        "reset_at_ns",
        "retransmissions",
        "stream_bytes",
        "unanswered_probes",
        "zero_windows",
    )

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        self.had_syn = False
        self.next_offset = self.stream_bytes = self.missing_bytes = self.retransmissions = self.zero_windows = 0
        self.unanswered_probes = 0
        self.acknowledged: int | None = None
        self.fin_at_ns: int | None = None
        self.reset_at_ns: int | None = None
        self.last_data_at_ns: int | None = None
        self._next_seq: int | None = None
        self._early_ack: int | None = None
        self._last_at_ns = 0
        self._recent_at_ns: dict[int, int] = {}
        self._held: dict[int, Segment] = {}
        self._held_bytes = 0

    @property
    def begun(self) -> bool:
        return self._next_seq is not None

    def begin(self, seq: int, *, had_syn: bool) -> None:
        """Set the sequence number of the first byte."""
        self._next_seq, self.had_syn = seq, had_syn
        waiting, self._held, self._held_bytes = list(self._held.values()), {}, 0
        self.retransmissions = 0
        for segment in waiting:
            self.take(segment)
        if self._early_ack is not None:
            self.acknowledge(self._early_ack)

    def begins_with(self, seq: int) -> bool:
        """Whether the bytes seen so far fit a SYN after which `seq` is the first byte."""
        return self._next_seq is None or (seq - self._next_seq + self.next_offset) & 0xFFFFFFFF == 0

    def take(self, segment: Segment) -> None:
        """Take the next captured segment with payload."""
        if self._next_seq is None:
            self._await_begin(segment)
            return
        offset = self.offset(segment.seq)
        end = offset + segment.payload_bytes
        if end > self.stream_bytes:
            self.stream_bytes = end
            if self.last_data_at_ns is None or segment.at_ns > self.last_data_at_ns:
                self.last_data_at_ns = segment.at_ns
        if offset == self.next_offset and not self._held:
            self._recent_at_ns[offset] = segment.at_ns
            if len(self._recent_at_ns) > _REMEMBERED_SEGMENTS:
                del self._recent_at_ns[next(iter(self._recent_at_ns))]
            self._deliver(segment, 0)
        elif end <= self.next_offset:
            is_probe = segment.payload_bytes == 1 and end == self.next_offset
            self.unanswered_probes += is_probe
            self.retransmissions += not (is_probe or self._is_captured_twice(offset, segment.at_ns))
        else:
            self._hold(segment, offset)

    def take_empty(self, seq: int) -> None:
        """Take the next segment without payload. A keepalive probe has the sequence number of the last byte sent."""
        if self._next_seq is not None and (seq + 1) & 0xFFFFFFFF == self._next_seq:
            self.unanswered_probes += 1

    def acknowledge(self, ack: int) -> None:
        """Take an acknowledgement from the other side."""
        self.unanswered_probes = 0
        if self._next_seq is None:
            self._early_ack = ack if self._early_ack is None else _later(self._early_ack, ack)
            return
        offset = self.offset(ack)
        if self.acknowledged is None or offset > self.acknowledged:
            self.acknowledged = offset

    def finish(self) -> None:
        """Deliver what is still held, with the gaps in it: no more segments will come."""
        if self._next_seq is None and self._held:
            self.begin(_lowest(list(self._held.values())), had_syn=False)
        while self._held:
            self._skip_hole()
        lost_bytes = (self.acknowledged or 0) - self.next_offset - (self.fin_at_ns is not None)
        if 1 < lost_bytes < 2**30:  # a single one may be an uncaptured FIN, which takes a sequence number too
            self._miss(self._last_at_ns, lost_bytes)

    def offset(self, seq: int) -> int:
        """Return the offset of a sequence number: of all possible ones, the nearest to the next expected."""
        assert self._next_seq is not None
        return self.next_offset + ((seq - self._next_seq + 0x80000000) & 0xFFFFFFFF) - 0x80000000

    def _is_captured_twice(self, offset: int, at_ns: int) -> bool:
        first_at_ns = self._recent_at_ns.get(offset)
        return first_at_ns is not None and abs(at_ns - first_at_ns) < TWICE_CAPTURED_NS

    def _await_begin(self, segment: Segment) -> None:
        self._held[len(self._held)] = segment
        if len(self._held) >= MAX_UNBEGUN_SEGMENTS:
            self.begin(_lowest(list(self._held.values())), had_syn=False)

    def _hold(self, segment: Segment, offset: int) -> None:
        known = self._held.get(offset)
        if known is None or known.payload_bytes < segment.payload_bytes:
            self._held[offset] = segment
            self._held_bytes += segment.payload_bytes - (known.payload_bytes if known else 0)
            self.retransmissions += known is not None
        else:
            self.retransmissions += 1
        if offset <= self.next_offset:
            self._release()
        elif self._held_bytes > MAX_HELD_BYTES or len(self._held) > MAX_HELD_SEGMENTS:
            self._skip_hole()

    def _release(self) -> None:
        """Deliver what has become contiguous."""
        for first in sorted(self._held):
            if first > self.next_offset:
                return
            segment = self._held.pop(first)
            self._held_bytes -= segment.payload_bytes
            already_bytes = self.next_offset - first
            if already_bytes:
                self.retransmissions += 1
            if already_bytes < segment.payload_bytes:
                self._deliver(segment, already_bytes)

    def _skip_hole(self) -> None:
        first = min(self._held)
        if first > self.next_offset:
            self._miss(self._held[first].at_ns, first - self.next_offset)
        self._release()

    def _deliver(self, segment: Segment, already_bytes: int) -> None:
        at_ns = self._last_at_ns = max(self._last_at_ns, segment.at_ns)  # it cannot be read before what precedes it
        data = segment.payload[already_bytes:] if already_bytes else segment.payload
        self._advance(len(data))
        if data:
            self.receiver.feed(at_ns, data)
        cut_bytes = segment.payload_bytes - already_bytes - len(data)
        if cut_bytes:
            self._miss(at_ns, cut_bytes)

    def _miss(self, at_ns: int, missing_bytes: int) -> None:
        self.missing_bytes += missing_bytes
        self._advance(missing_bytes)
        self.receiver.skip(at_ns, missing_bytes)

    def _advance(self, by_bytes: int) -> None:
        assert self._next_seq is not None
        self.next_offset += by_bytes
        self._next_seq = (self._next_seq + by_bytes) & 0xFFFFFFFF


def _later(one: int, other: int) -> int:
    """Return the later of two sequence numbers, which wrap around (RFC 9293 §3.4)."""
    return other if (other - one) & 0xFFFFFFFF < 0x80000000 else one


def _lowest(segments: list[Segment]) -> int:
    """Return the earliest sequence number."""
    first = segments[0].seq
    return min((segment.seq for segment in segments), key=lambda seq: (seq - first + 0x80000000) & 0xFFFFFFFF)
