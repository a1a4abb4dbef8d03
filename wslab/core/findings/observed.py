"""Records as the rules look at them: each with its id, joined to the others of the same connection."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple, TypeVar

from wslab.core.findings.deeds import relay_deeds
from wslab.core.records import Account, Attempt, Closure, Outage, Pause, Record, Send, Trace

R = TypeVar("R", bound=Record)
OfClient = TypeVar("OfClient", Send, Attempt, Outage)

COMPLAINTS = (1002, 1003, 1007, 1008, 1009, 1010, 1011)
"""With these a side says that it could not go on (RFC 6455 §7.4.1); every other code of its own is its free choice."""

SAY_NOTHING = (1000, 1005)
"""Codes that end a connection in order and name no cause."""


class EndedConnection(NamedTuple):
    """One connection that has ended: its closure, with its id, and what else is on record of it.

    Fields:
        sends: messages offered on it, in order. account: the server's own, where there is one.
        attempts: what its client tried afterwards, until it was back or the records end, or anyone did, where a capture
            does not know whose attempts they are; outage: how that went.
    """

    id: int
    closure: Closure
    sends: list[tuple[int, Send]]
    account: tuple[int, Account] | None
    attempts: list[tuple[int, Attempt]]
    outage: tuple[int, Outage] | None

    @property
    def is_abrupt(self) -> bool:
        """No close frame went either way."""
        return self.closure.received is None and self.closure.sent is None

    @property
    def on_purpose(self) -> bool:
        """The client ended it itself, with nothing to complain of."""
        sent = self.closure.sent
        return self.closure.closed_by == "client" and sent is not None and sent.code not in COMPLAINTS


class Observed:
    """What a run or a capture holds, for rules to ask. An id is a record's place among the records, from 0.

    Fields:
        by_relay: what a relay did itself, by the ids of the closures and attempts that it was done to. These are left
            out of all else, but for `ended_by_relay`.
        connections: each that has ended. on: by the id of a message, the connection that it was offered on.
        accounts: the server's own, by connection id.
    """

    def __init__(self, records: Iterable[Record]) -> None:
        self.records = tuple(records)
        self._by_kind: dict[type[Record], list[tuple[int, Record]]] = defaultdict(list)
        self.by_relay = relay_deeds(self.records)
        for number, record in enumerate(self.records):
            if number not in self.by_relay or isinstance(record, Closure):
                self._by_kind[type(record)].append((number, record))
        self.accounts = {account.connection_id: (number, account) for number, account in self.of(Account)}
        joined = list(self._join())
        self.connections = [seen for seen in joined if seen.id not in self.by_relay]
        self.ended_by_relay = [seen for seen in joined if seen.id in self.by_relay]
        self.on = {number: seen for seen in self.connections for number, _ in seen.sends}

    def of(self, kind: type[R]) -> list[tuple[int, R]]:
        """Return the records of one kind with their ids, in order."""
        return self._by_kind.get(kind, [])  # type: ignore[return-value]

    @property
    def outages(self) -> list[tuple[int, Outage]]:
        return self.of(Outage)

    def paused_at(self, at_s: float) -> bool:
        """Whether the observer itself did not run then, or had just come back: what it saw then is older."""
        return any(pause.began_at_s <= at_s <= pause.ended_at_s + 1 for _, pause in self.of(Pause))

    def passed_as_large(self, seen: EndedConnection) -> bool:
        """Whether the end met a message, and one that was no smaller was answered at another time."""
        if not seen.sends or seen.sends[-1][1].outcome != "closed":
            return False
        met_bytes = seen.sends[-1][1].payload_bytes
        return any(send.outcome == "accepted" and send.payload_bytes >= met_bytes for _, send in self.of(Send))

    def account_of(self, connection_id: str | None) -> tuple[int, Account] | None:
        return self.accounts.get(connection_id) if connection_id else None

    def _join(self) -> Iterable[EndedConnection]:
        sends, attempts, outages = self._by_client(Send), self._by_client(Attempt), self._by_client(Outage)
        of_anyone = sorted(self.of(Attempt), key=lambda entry: entry[1].started_at_s)
        captured = {trace.connection_id for _, trace in self.of(Trace)}
        for number, closure in self.of(Closure):
            client = closure.client
            # A capture knows addresses and no clients: there, anyone's next attempt says whether the server was there.
            tried = of_anyone if closure.connection_id in captured else attempts[client]
            yield EndedConnection(
                id=number,
                closure=closure,
                sends=[entry for entry in sends[client] if _is_on(entry[1], closure)],
                account=self.account_of(closure.connection_id),
                attempts=_until_opened(tried, closure.close_started_at_s),
                outage=next((entry for entry in outages[client] if entry[1].closed_at_s == closure.closed_at_s), None),
            )

    def _by_client(self, kind: type[OfClient]) -> defaultdict[int, list[tuple[int, OfClient]]]:
        found: defaultdict[int, list[tuple[int, OfClient]]] = defaultdict(list)
        for number, record in self.of(kind):
            found[record.client].append((number, record))
        return found


def _until_opened(attempts: list[tuple[int, Attempt]], after_s: float) -> list[tuple[int, Attempt]]:
    """Return the attempts from a moment on, to the first that opened."""
    first = bisect_left(attempts, after_s, key=lambda entry: entry[1].started_at_s)
    for last in range(first, len(attempts)):
        if attempts[last][1].outcome == "opened":
            return attempts[first : last + 1]
    return attempts[first:]


def gave_up(outage: Outage) -> bool:
    """Whether the client stopped trying, and not the run."""
    return outage.gave_up is not None and not outage.cut_short


def _is_on(send: Send, closure: Closure) -> bool:
    if send.connection_id is not None and closure.connection_id is not None:
        return send.connection_id == closure.connection_id
    return send.outcome != "unopened" and closure.opened_at_s <= send.started_at_s <= closure.closed_at_s
