"""A watch without a clock: what the groups would see of a server whose behaviour is known, as records.

The server is a handful of rules that end connections; each end is the earliest that any of them asks for.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import Random
from statistics import median
from typing import Any

from wslab.core.findings.lives import Class
from wslab.core.records import Attempt, Ping, Pong, Receipt, Record, Send
from wslab.core.watch.roles import Role, roles

from .making import attempt, closure, send

WAY_S = 0.002
"""From one side to the other and back."""

CLIENT: frozenset[Class] = frozenset({"client's messages", "client's pings", "client's pongs"})
SERVER: frozenset[Class] = frozenset({"server's messages", "server's pings", "server's pongs"})
MESSAGES: frozenset[Class] = frozenset({"client's messages", "server's messages"})


@dataclass
class SimulatedServer:
    """Ends a connection as its fields say; None and the like: does not.

    Fields:
        idle_s, counts: an idle timeout, and what restarts it. tick_s: it looks only so often.
        max_age_s, jitter: a maximum age, drawn anew for each connection between so much less and more of it.
        age_from: the clock starts with the first of these.
        ping_s: its own pings. pong_s: it waits so long for a pong.
        replies: to messages. instants_s: it ends all connections then. down_s: and is away so long.
        hates: ends a connection on the first of these. max_per_s, max_messages: caps on messages.
        mean_life_s: of the network.
        end: how it ends: received code, and how TCP ended. pong_end: the same where a pong did not come.
    """

    idle_s: float | None = None
    counts: frozenset[Class] = CLIENT | SERVER
    tick_s: float | None = None
    max_age_s: float | None = None
    jitter: float = 0.0
    age_from: Class | None = None
    ping_s: float | None = None
    pong_s: float | None = None
    replies: bool = True
    instants_s: tuple[float, ...] = ()
    hates: Class | None = None
    max_per_s: int | None = None
    max_messages: int | None = None
    mean_life_s: float | None = None
    end: dict[str, Any] = field(default_factory=dict)
    pong_end: dict[str, Any] | None = None
    rng: Random = field(default_factory=lambda: Random(0))

    def end_of(self, opened_s: float, events: list[tuple[float, Class]]) -> float:
        """Return when a connection with these events ends, if nothing else ends it."""
        return min(self._ends(opened_s, events))

    def _ends(self, opened_s: float, events: list[tuple[float, Class]]) -> Iterator[float]:
        yield math.inf
        if self.idle_s is not None:
            due = self._gap_after(self.idle_s, [opened_s, *(at for at, what in events if what in self.counts)])
            yield due if self.tick_s is None else math.ceil(due / self.tick_s) * self.tick_s
        if self.max_age_s is not None:
            begun = opened_s
            if self.age_from is not None:
                begun = next((at for at, what in events if what == self.age_from), math.inf)
            yield begun + self.max_age_s * self.rng.uniform(1 - self.jitter, 1 + self.jitter)
        yield from self._pong_ends(events)
        yield from (at for at in self.instants_s if at > opened_s)
        if self.hates is not None:
            yield from (at + WAY_S for at, what in events if what == self.hates)
        messages = [at for at, what in events if what == "client's messages"]
        if self.max_messages is not None:
            yield from (at + WAY_S for at in messages[self.max_messages :])
        if self.max_per_s is not None:
            for first, last in zip(messages, messages[self.max_per_s :], strict=False):
                if last - first <= 1:
                    yield last + WAY_S
        if self.mean_life_s is not None:
            yield opened_s + self.rng.expovariate(1 / self.mean_life_s)

    def _pong_ends(self, events: list[tuple[float, Class]]) -> Iterator[float]:
        if self.pong_s is not None:
            pings = [at for at, what in events if what == "server's pings"]
            pongs = [at for at, what in events if what == "client's pongs"]
            yield from (at + self.pong_s for at in pings if not any(at <= pong <= at + self.pong_s for pong in pongs))

    def way_of_end(self, end_s: float, events: list[tuple[float, Class]]) -> dict[str, Any]:
        return self.pong_end if self.pong_end is not None and end_s in self._pong_ends(events) else self.end

    @staticmethod
    def _gap_after(idle_s: float, starts_s: list[float]) -> float:
        starts_s = sorted(starts_s)
        for earlier, later in itertools.pairwise(starts_s):
            if later - earlier > idle_s:
                return earlier + idle_s
        return starts_s[-1] + idle_s


def watch(
    server: SimulatedServer,
    *,
    clients: int = 12,
    interval_s: float = 15.0,
    apart_s: float = 2.0,
    until_s: float = 900.0,
    back_s: float = 3.0,
) -> list[Record]:
    """Return what a watch of this server would have on record."""
    found: list[tuple[float, Record]] = []
    openings = [(number * apart_s, number) for number in range(clients)]
    chosen = roles(clients)
    shortest_s = [interval_s]
    ages_s: list[float] = []
    while openings:
        openings.sort()
        opened_s, number = openings.pop(0)
        if opened_s >= until_s:
            continue
        events = _events(chosen[number], shortest_s[0], server, opened_s, until_s)
        end_s = server.end_of(opened_s, events)
        found += [(opened_s, record) for record in _records(number, opened_s, min(end_s, until_s), events)]
        if end_s < until_s:
            found.append((end_s, closure(number, opened_s, end_s, **server.way_of_end(end_s, events))))
            openings.append((end_s + back_s * (1 + 0.1 * number), number))
            ages_s.append(end_s - opened_s)
            if len(ages_s) > 2:
                shortest_s[0] = min(shortest_s[0], max(0.5, median(ages_s) / 3))
        else:
            purpose: dict[str, Any] = {"received": 1000, "sent": 1000, "sent_first": True}
            found.append((until_s, closure(number, opened_s, until_s, **purpose)))
    return [record for _, record in sorted(found, key=lambda entry: entry[0])]


def _events(
    role: Role, interval_s: float, server: SimulatedServer, opened_s: float, until_s: float
) -> list[tuple[float, Class]]:
    events: list[tuple[float, Class]] = []
    at_s = opened_s
    for step_s in role.steps(interval_s):
        at_s += step_s
        if at_s > until_s:
            break
        mine: dict[str, list[tuple[float, Class]]] = {
            "message": [(at_s, "client's messages")],
            "ping": [(at_s, "client's pings"), (at_s + WAY_S, "server's pongs")],
            "pong": [(at_s, "client's pongs")],
        }
        events += mine[role.deed or "pong"]
        if role.deed == "message" and server.replies:
            events.append((at_s + WAY_S, "server's messages"))
    if server.ping_s is not None:
        for turn in range(1, int((until_s - opened_s) / server.ping_s)):
            events.append((opened_s + turn * server.ping_s, "server's pings"))
            if role.answers_pings:
                events.append((opened_s + turn * server.ping_s + WAY_S / 2, "client's pongs"))
    return sorted(events)


def _records(number: int, opened_s: float, end_s: float, events: list[tuple[float, Class]]) -> Iterator[Record]:
    opening: Attempt = attempt(number, opened_s)
    yield opening
    for at_s, what in events:
        if at_s > end_s:
            continue
        match what:
            case "client's messages":
                message: Send = send(number, at_s, outcome="unconfirmed", round_trip_s=None, reply_bytes=None)
                yield message
            case "server's messages":
                yield Receipt(
                    client=number,
                    number=1,
                    connection_id=None,
                    started_at_s=at_s,
                    ended_at_s=at_s,
                    payload_kind="text",
                    payload_bytes=10,
                    announced_bytes=10,
                    fragment_count=1,
                    wire_bytes=12,
                    complete=True,
                )
            case "client's pings" | "server's pings":
                answer = "server's pongs" if what == "client's pings" else "client's pongs"
                answered = any(other == answer and at_s <= then <= at_s + WAY_S for then, other in events)
                yield Ping(
                    client=number,
                    connection_id=None,
                    sent_by="client" if what == "client's pings" else "server",
                    sent_at_s=at_s,
                    payload_bytes=4,
                    answered_at_s=at_s + WAY_S if answered and at_s + WAY_S <= end_s else None,
                )
            case "client's pongs":
                if not any(other == "server's pings" and then <= at_s <= then + WAY_S for then, other in events):
                    yield Pong(client=number, connection_id=None, sent_by="client", sent_at_s=at_s)
            case _:
                pass
