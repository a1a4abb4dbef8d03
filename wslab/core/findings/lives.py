"""Connections as a clock that closes them would see them: when each opened, what went over it, when it ended.

What a clock could count falls into six classes, two directions of three kinds. Everything else about an explanation
follows from such lives alone, so that a watch, a capture and a saved run are judged by the same rules.
"""

from __future__ import annotations

import functools
from collections.abc import Collection, Iterator
from typing import Literal, NamedTuple, get_args

from wslab.core.findings.observed import EndedConnection, Observed
from wslab.core.records import Attempt, Pause, Ping, Pong, Receipt, Send, Trace

Class = Literal[
    "client's messages", "client's pings", "client's pongs", "server's messages", "server's pings", "server's pongs"
]
CLASSES: tuple[Class, ...] = get_args(Class)

STAMP_S = 0.1
"""How far two stamps of the same instant may lie apart: a loaded machine's loop, and the way through a proxy."""

ANSWER_S = 0.5
"""An end so soon after a message may be its answer."""


class Event(NamedTuple):
    """Something that went over a connection; the payload's bytes are told of the client's messages."""

    at_s: float
    what: Class
    payload_bytes: int = 0


class Life(NamedTuple):
    """One connection from its opening to its end, or until nobody looked any more.

    Fields:
        id: of its closure, or of the attempt that opened it where its end is not on record.
        ended_at_s: the closure, or the last moment at which it is known to have been open.
        died: it was ended by the other side or the network. Otherwise it was open until `ended_at_s`, and may have
            lived on.
        events: what went over it, in order. seen: its closure and what belongs to it.
    """

    id: int
    client: int
    opened_at_s: float
    ended_at_s: float
    died: bool
    events: tuple[Event, ...]
    seen: EndedConnection | None

    @property
    def age_s(self) -> float:
        return self.ended_at_s - self.opened_at_s

    def times_s(self, classes: Collection[Class]) -> list[float]:
        """Return when something of these classes went over it, in order."""
        return [event.at_s for event in self.events if event.what in classes]

    def is_settled(self, at_s: float) -> bool:
        """Whether what came of something sent at that time would have been seen: else the records end too soon."""
        return self.died or self.ended_at_s - at_s > ANSWER_S

    @property
    def unanswered_s(self) -> float | None:
        """How long before its end the server pinged and was not answered any more; None where it was."""
        answered_s = self.last_s(["client's pongs"])
        asked_s = [at_s for at_s in self.times_s(["server's pings"]) if answered_s is None or at_s > answered_s]
        if not asked_s or self.ended_at_s - asked_s[0] < STAMP_S / 2:  # that ping may have crossed the closing
            return None
        return self.ended_at_s - asked_s[0]

    @property
    def silence_s(self) -> float:
        """How long before its end the last went over it, or how old it became in silence."""
        return self.ended_at_s - max((event.at_s for event in self.events), default=self.opened_at_s)

    def silence_before_last_s(self) -> float:
        """Return how long nothing had gone over it before the last that did, or since its opening."""
        times_s = [self.opened_at_s, *(event.at_s for event in self.events)]
        return times_s[-1] - times_s[-2] if len(times_s) > 1 else 0.0

    def last_s(self, classes: Collection[Class]) -> float | None:
        return next((event.at_s for event in reversed(self.events) if event.what in classes), None)


@functools.lru_cache(maxsize=1)  # every rule asks, about the same records
def lives(observed: Observed) -> list[Life]:
    """Return the life of every connection on record, in the order of their openings.

    A life whose end nobody saw, because the observer itself was paused, is open until the pause began.
    """
    found = [*_ended(observed), *_open(observed)]
    pauses = [pause for _, pause in observed.of(Pause)]
    return sorted((_unpaused(life, pauses) for life in found), key=lambda life: life.opened_at_s)


def _ended(observed: Observed) -> Iterator[Life]:
    events = _events(observed)
    incomplete = {trace.connection_id for _, trace in observed.of(Trace) if trace.omitted or not trace.opening_seen}
    for seen in [*observed.connections, *observed.ended_by_relay]:
        closure = seen.closure
        if closure.connection_id in incomplete and closure.connection_id is not None:
            continue  # a capture that begins in the middle, or tells its end alone, knows neither age nor first silence
        start_s, end_s = closure.opened_at_s, closure.close_started_at_s
        died = closure.closed_by != "client" and closure.tcp_end not in ("aborted", "unseen")
        died = died and seen.id not in observed.by_relay
        mine = tuple(event for event in events.get(closure.client, ()) if start_s <= event.at_s <= end_s)
        if not died and not seen.on_purpose and seen.id not in observed.by_relay:
            # The client complained; what it complains of (a ping unanswered) may have been so since the last it heard.
            heard = [event.at_s for event in mine if event.what.startswith("server")]
            end_s = max(heard, default=start_s)
        yield Life(seen.id, closure.client, start_s, end_s, died, mine, seen)


def _open(observed: Observed) -> Iterator[Life]:
    """Yield the connections that were open when the records end, as in a watch that was cut off."""
    last_s = _last_moment_s(observed)
    events = _events(observed)
    over = [*observed.connections, *observed.ended_by_relay]
    ended = {(seen.closure.client, _place(seen.closure.opened_at_s)) for seen in over}
    closed_s: dict[int, list[float]] = {}
    for seen in over:
        closed_s.setdefault(seen.closure.client, []).append(seen.closure.closed_at_s)
    for number, attempt in observed.of(Attempt):
        later = [time_s for time_s in closed_s.get(attempt.client, ()) if time_s >= attempt.started_at_s]
        if attempt.outcome == "opened" and not later and (attempt.client, _place(attempt.ended_at_s)) not in ended:
            mine = tuple(event for event in events.get(attempt.client, ()) if event.at_s >= attempt.ended_at_s)
            yield Life(number, attempt.client, attempt.ended_at_s, last_s, False, mine, None)


def _place(at_s: float) -> int:
    return round(at_s * 1000)


def _last_moment_s(observed: Observed) -> float:
    names = ("closed_at_s", "ended_at_s", "sent_at_s", "started_at_s", "at_s")
    moments = (getattr(record, name, None) for record in observed.records for name in names)
    return max((moment for moment in moments if isinstance(moment, float | int)), default=0.0)


def _unpaused(life: Life, pauses: list[Pause]) -> Life:
    for pause in pauses:
        if life.opened_at_s < pause.began_at_s and pause.began_at_s <= life.ended_at_s <= pause.ended_at_s + 1:
            return life._replace(ended_at_s=pause.began_at_s, died=False)
    return life


def _events(observed: Observed) -> dict[int, tuple[Event, ...]]:
    by_client: dict[int, list[Event]] = {}
    for client, event in _all_events(observed):
        by_client.setdefault(client, []).append(event)
    return {client: tuple(sorted(events)) for client, events in by_client.items()}


def _all_events(observed: Observed) -> Iterator[tuple[int, Event]]:
    for _, send in observed.of(Send):
        if send.outcome != "unopened":
            yield send.client, Event(send.started_at_s, "client's messages", send.payload_bytes)
        if send.reply_bytes is not None and send.round_trip_s is not None:
            yield send.client, Event(send.started_at_s + send.round_trip_s, "server's messages")
    for _, receipt in observed.of(Receipt):
        yield receipt.client, Event(receipt.ended_at_s, "server's messages")
    for _, ping in observed.of(Ping):
        by_client = ping.sent_by == "client"
        yield ping.client, Event(ping.sent_at_s, "client's pings" if by_client else "server's pings")
        if ping.answered_at_s is not None:
            yield ping.client, Event(ping.answered_at_s, "server's pongs" if by_client else "client's pongs")
    for _, pong in observed.of(Pong):
        yield pong.client, Event(pong.sent_at_s, "client's pongs" if pong.sent_by == "client" else "server's pongs")
