"""Groups a capture's segments into TCP connections: who talked to whom, how each began and ended.

A connection is identified by its two addresses and ports; a SYN with a different sequence number starts a new one.
Connections that ended a while ago are handed over and dropped, so memory stays bounded for a capture of any length.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address

from wslab.captures.exchanges import CapturedExchange
from wslab.captures.guessing import speaker_of
from wslab.captures.packets import Segment
from wslab.captures.reassembly import ACK, FIN, RST, SYN, Direction
from wslab.core.records import Side

MAX_CONVERSATIONS = 50_000
"""Connections followed at the same time; beyond that, those silent for longest are handed over as they are."""

LINGER_NS = 120 * 10**9
"""How long a connection is kept after its end, for segments that arrive late."""

FAREWELL_NS = 10**9
"""Data this close to the end belongs to it: a close frame, a TLS alert."""

_SWEEP_SEGMENTS = 65_536
_MAX_UNKNOWN_CHUNKS = 64


class Conversation:
    """One TCP connection as the capture shows it.

    Fields:
        client, server: what each side sent. client_address, server_address: "host:port".
        began: whether its SYN was captured. Without one, the data shows which side is the client.
        first_at_ns, last_at_ns: the first and last segment. syn_count: SYNs from the client. answered_at_ns: when the
            server answered one.
    """

    def __init__(self, segment: Segment) -> None:
        self.exchange = CapturedExchange(from_beginning=bool(segment.flags & SYN))
        self.first_at_ns = self.last_at_ns = segment.at_ns
        self._spoke_at_ns = segment.at_ns
        self._silences_ns = segment.at_ns, segment.at_ns
        self.syn_count = 0
        self.answered_at_ns: int | None = None
        self._ends = ((segment.source, segment.source_port), (segment.target, segment.target_port))
        self._directions = tuple(Direction(_Receiver(self, number)) for number in range(2))
        self._client: int | None = None
        self._unknown: list[tuple[int, int, bytes | int]] = []

    @property
    def began(self) -> bool:
        return self._client is not None and self.syn_count > 0

    @property
    def client(self) -> Direction:
        return self._directions[self._client or 0]

    @property
    def server(self) -> Direction:
        return self._directions[1 - (self._client or 0)]

    @property
    def client_address(self) -> str:
        return _address(*self._ends[self._client or 0])

    @property
    def server_address(self) -> str:
        return _address(*self._ends[1 - (self._client or 0)])

    @property
    def client_host(self) -> str:
        return str(ip_address(self._ends[self._client or 0][0]))

    @property
    def client_end(self) -> tuple[bytes, int]:
        return self._ends[self._client or 0]

    @property
    def server_end(self) -> tuple[bytes, int]:
        return self._ends[1 - (self._client or 0)]

    @property
    def has_ended(self) -> bool:
        directions = self._directions
        return any(each.reset_at_ns is not None for each in directions) or all(
            each.fin_at_ns is not None for each in directions
        )

    def silence_before_ns(self, end_ns: int) -> int:
        """Return how long neither side had sent data before this end, not counting the last second."""
        silent_from_ns, silent_to_ns = self._silences_ns
        if silent_from_ns < silent_to_ns <= end_ns <= silent_to_ns + FAREWELL_NS:
            return silent_to_ns - silent_from_ns
        return max(0, end_ns - self._spoke_at_ns)

    def is_begun_anew_by(self, segment: Segment) -> bool:
        """Whether this SYN, or a request after the end, belongs to another connection between the same ports."""
        if not segment.flags & SYN:
            return self.has_ended
        direction = self._directions[self._number(segment)]
        return not segment.flags & RST and not direction.begins_with((segment.seq + 1) & 0xFFFFFFFF)

    def take(self, segment: Segment) -> None:
        """Take the next captured segment."""
        at_ns, flags = segment.at_ns, segment.flags
        if at_ns > self.last_at_ns:
            self.last_at_ns = at_ns
        elif at_ns < self.first_at_ns:
            self.first_at_ns = at_ns
        number = self._number(segment)
        direction, other = self._directions[number], self._directions[1 - number]
        if flags & SYN:
            self._take_syn(segment, number, direction)
            return
        if flags & ACK:
            other.acknowledge(segment.ack)
        if flags & RST:
            direction.reset_at_ns = _first(direction.reset_at_ns, at_ns)
            return
        if flags & FIN:
            direction.fin_at_ns = _first(direction.fin_at_ns, at_ns)
        if not segment.window:
            direction.zero_windows += 1
        if segment.payload_bytes:
            if at_ns - self._spoke_at_ns > FAREWELL_NS:
                self._silences_ns = self._spoke_at_ns, at_ns
            self._spoke_at_ns = at_ns
            direction.take(segment)
        else:
            direction.take_empty(segment.seq)

    def finish(self) -> None:
        """Note that no more data will come."""
        for direction in self._directions:
            direction.finish()
        if self._client is None:
            self._decide(self._end_with_the_higher_port())
        self.exchange.finish()

    def deliver(self, number: int, at_ns: int, content: bytes | int) -> None:
        """Pass on what a side sent: bytes, or the number of bytes missing from the capture."""
        if self._client is None:
            speaker = speaker_of(content) if isinstance(content, bytes) else None
            self._unknown.append((number, at_ns, content))
            if speaker is not None:
                self._decide(number if speaker == "client" else 1 - number)
            elif len(self._unknown) > _MAX_UNKNOWN_CHUNKS:
                self._decide(self._end_with_the_higher_port())
            return
        side: Side = "client" if number == self._client else "server"
        if isinstance(content, bytes):
            self.exchange.feed(side, at_ns, content)
        else:
            self.exchange.skip(side, at_ns, content)

    def _end_with_the_higher_port(self) -> int:
        """Return which side is more likely the client, if the data does not show it."""
        return max((0, 1), key=lambda number: self._ends[number][1])

    def _decide(self, client: int) -> None:
        """Settle which side is the client."""
        self._client = client
        waiting, self._unknown = self._unknown, []
        for each in waiting:
            self.deliver(*each)

    def _take_syn(self, segment: Segment, number: int, direction: Direction) -> None:
        is_answer = bool(segment.flags & ACK)
        if is_answer:
            self.answered_at_ns = _first(self.answered_at_ns, segment.at_ns)
            self._directions[1 - number].acknowledge(segment.ack)
        else:
            self.syn_count += 1
        if not direction.had_syn:
            direction.begin((segment.seq + 1) & 0xFFFFFFFF, had_syn=True)
        if segment.payload_bytes:  # TCP Fast Open, RFC 7413
            direction.take(segment._replace(seq=(segment.seq + 1) & 0xFFFFFFFF))
        if self._client is None:
            self.exchange.from_beginning = True
            self._decide(1 - number if is_answer else number)

    def _number(self, segment: Segment) -> int:
        return 0 if self._ends[0] == (segment.source, segment.source_port) else 1


class _Receiver:
    """The receiver of one direction, which passes on the direction's number."""

    __slots__ = ("_conversation", "_number")

    def __init__(self, conversation: Conversation, number: int) -> None:
        self._conversation = conversation
        self._number = number

    def feed(self, at_ns: int, data: bytes) -> None:
        self._conversation.deliver(self._number, at_ns, data)

    def skip(self, at_ns: int, missing_bytes: int) -> None:
        self._conversation.deliver(self._number, at_ns, missing_bytes)


class Conversations:
    """All connections in a capture. Each is yielded once, when it or the capture is over."""

    def __init__(self) -> None:
        self._open: dict[tuple[bytes, int, bytes, int], Conversation] = {}
        self._segments = 0

    def take(self, segment: Segment) -> Iterator[Conversation]:
        """Take the next segment; yield the connections that are over by now."""
        source, target = (segment.source, segment.source_port), (segment.target, segment.target_port)
        key = (*source, *target) if source < target else (*target, *source)
        found = self._open.get(key)
        may_begin = segment.flags & SYN or segment.payload.startswith(b"GET ")
        if found is None or (may_begin and found.is_begun_anew_by(segment)):
            if found is not None:
                yield self._close(key)
            found = self._open[key] = Conversation(segment)
        found.take(segment)
        self._segments += 1
        if self._segments % _SWEEP_SEGMENTS == 0 or len(self._open) > MAX_CONVERSATIONS:
            yield from self._sweep(segment.at_ns)

    def finish(self) -> Iterator[Conversation]:
        """Yield the remaining connections at the end of the capture."""
        for key in list(self._open):
            yield self._close(key)

    def _sweep(self, now_ns: int) -> Iterator[Conversation]:
        over = [key for key, each in self._open.items() if each.has_ended and each.last_at_ns < now_ns - LINGER_NS]
        crowd = sorted(self._open, key=lambda key: self._open[key].last_at_ns)[: -MAX_CONVERSATIONS // 2]
        for key in over or (crowd if len(self._open) > MAX_CONVERSATIONS else ()):
            yield self._close(key)

    def _close(self, key: tuple[bytes, int, bytes, int]) -> Conversation:
        conversation = self._open.pop(key)
        conversation.finish()
        return conversation


def _first(known_ns: int | None, at_ns: int) -> int:
    return at_ns if known_ns is None else min(known_ns, at_ns)


def _address(host: bytes, port: int) -> str:
    text = str(ip_address(host))
    return f"[{text}]:{port}" if ":" in text else f"{text}:{port}"
