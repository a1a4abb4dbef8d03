"""The clients of one worker on their readiness loop: they connect, are closed, and come back by the policy.

This module owns the clients and their records, and reports where they are; the channel belongs to the program.
"""

from __future__ import annotations

import heapq
import itertools
import math
import pickle
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from wslab.core.errors import PolicyError
from wslab.core.policies.policy import Policy, checked_delay
from wslab.core.records import RUN_ENDED, Attempt, Close, Closure, Outage
from wslab.net import control, machine
from wslab.net.herds.attempt import Opening
from wslab.net.herds.conversing import Conversing
from wslab.net.herds.held import Held
from wslab.net.herds.ledger import Ledger
from wslab.net.herds.readiness import Readiness
from wslab.net.herds.worker_protocol import Dispersed, Gather, Tally

STARTS_PER_TURN = 16
"""Attempts begun before the loop polls again: more would make it late for the answers."""

REPORT_INTERVAL_S = 0.1
"""Between tallies: each wakes the parent, which takes processor time from clients and server."""


@dataclass(slots=True, eq=False)
class Absence:
    """A client that is not connected, with its remaining delays. Outage 0 is before its first connection."""

    client: int
    outage: int
    closure: Closure | None
    delays: Iterator[float] | None = None
    attempts: int = 0


class Due(NamedTuple):
    """An attempt that waits for its time; `turn` orders attempts that are due at the same time."""

    at_s: float
    turn: int
    delay_s: float
    absence: Absence


class Herding:
    """The clients of one worker, from `Gather` to `Disperse`."""

    def __init__(
        self, order: Gather, tell: Callable[[control.Message], None], hand_over: Callable[[bytes], None]
    ) -> None:
        # From our parent, over its pipe. First, so that the imports of unpickling do not count as the loop's lag.
        self._policy: Policy = pickle.loads(order.policy)  # noqa: S301 (only our parent writes there)
        self.destination = order.destination
        self.loop = Readiness(order.origin)
        self.openings = self.loop.deadlines(order.open_timeout_s)
        self.closings = self.loop.deadlines(order.close_timeout_s)
        self.greetings = self.loop.deadlines(order.open_timeout_s)
        self.is_to_disperse = threading.Event()
        self._order = order
        self._tell = tell
        self._hand_over = hand_over
        self._rng = Random()
        self._ledger = Ledger()
        self._hands_over_at_s = order.begins_at_s
        self._newcomers = iter(range(order.first_client, order.first_client + order.clients))
        self._due: list[Due] = []
        self._turns = itertools.count()
        self._trying: dict[Opening, Due] = {}
        self._unproven: dict[int, Iterator[float]] = {}  # delays that go on, unless the connection lasts
        self._counts = {"attempted": 0, "held": 0, "away": 0, "returned": 0}
        self._told: dict[str, int] = {}
        self._report_at_s = 0.0
        self._dispersing = False
        self._lags_s: list[float] = []
        self._not_greeted: Counter[str] = Counter()

    def run(self) -> None:
        """Serve the clients until they are told to disperse and the last one has."""
        self._report()
        next_at_s = 0.0
        while not self._dispersing or self._counts["held"]:
            for is_beat in self.loop.turn(next_at_s):
                next_at_s = self._begin_attempts()
                if is_beat:
                    self._report()
            if self.is_to_disperse.is_set() and not self._dispersing:
                self._disperse()
        self._hand_over(self._ledger.turn_page())
        self._tell(Dispersed(lags_s=self._lags_s, not_greeted=dict(self._not_greeted)))

    def _begin_attempts(self) -> float:
        """Begin the attempts that are due, and return when the next one is."""
        for _ in range(STARTS_PER_TURN):
            now = self.loop.now()
            if self._due and self._due[0].at_s <= now:
                self._begin(heapq.heappop(self._due))
            elif len(self._trying) < self._order.max_in_flight and (client := next(self._newcomers, None)) is not None:
                self._begin(Due(now, 0, 0.0, Absence(client, 0, None)))
            else:
                return self._due[0].at_s if self._due else math.inf
        return 0.0

    def _begin(self, due: Due) -> None:
        opening = Opening(self, due.absence.client)
        self._trying[opening] = due
        opening.begin()

    def attempted(self, opening: Opening) -> None:
        due = self._trying.pop(opening)
        absence = due.absence
        absence.attempts += 1
        self._counts["attempted"] += absence.outage == 0 and absence.attempts == 1
        attempt = _attempt(opening, due)
        self._ledger.add(attempt)
        if attempt.outcome == "opened":
            self._hold(opening, absence)
        else:
            self._wait(absence, attempt.ended_at_s, attempt.retry_after_s)

    def _hold(self, opening: Opening, absence: Absence) -> None:
        held = (Conversing if self.destination.converses else Held)(self, opening, absence.outage)
        if self._policy.min_uptime_s and absence.delays is not None:
            self._unproven[opening.client] = absence.delays
        self._counts["held"] += 1
        if absence.outage:
            self._end_outage(absence, reopened_at_s=opening.ended_at_s, gave_up=None)
        held.begin()

    def closed(self, held: Held, closure: Closure) -> None:
        self._ledger.add(closure)
        self._counts["held"] -= 1
        if self._dispersing:
            return
        self._counts["away"] += 1
        delays = self._unproven.pop(held.client, None)
        if closure.close_started_at_s - closure.opened_at_s >= self._policy.min_uptime_s:
            delays = None
        absence = Absence(held.client, held.outages + 1, closure, delays)
        if self._policy.retries(closure.close_code):
            self._wait(absence, closure.closed_at_s, None)
        else:
            self._give_up(absence, f"{self._policy.name} does not retry {closure.close_code}")

    def not_greeted(self, awaited: str) -> None:
        self._not_greeted[awaited] += 1

    def _wait(self, absence: Absence, from_s: float, retry_after_s: float | None) -> None:
        """Set the time of the client's next attempt by the policy, or give up."""
        try:
            delay_s = self._draw(absence)
        except PolicyError as error:
            self._give_up(absence, str(error))
            return
        if delay_s is None:
            self._give_up(absence, f"{self._policy.name} ends after {absence.attempts} attempts")
            return
        due_at_s = from_s + self._policy.wait_s(delay_s, retry_after_s)
        heapq.heappush(self._due, Due(due_at_s, next(self._turns), delay_s, absence))

    def _draw(self, absence: Absence) -> float | None:
        # One random generator for all, seeded anew for each draw: a client's draws do not depend on other clients, and
        # a generator per client would take more memory than everything else that a client needs.
        number = absence.attempts + 1
        self._rng.seed(f"{self._order.seed}/{absence.client}/{absence.outage}/{number}")
        if absence.delays is None:
            absence.delays = self._policy.delays(self._rng)
        drawn = next(absence.delays, None)
        return None if drawn is None else checked_delay(drawn, self._policy.name, number)

    def _give_up(self, absence: Absence, why: str) -> None:
        if absence.outage:  # a client that was never connected has no outage
            self._end_outage(absence, reopened_at_s=None, gave_up=why)

    def _end_outage(self, absence: Absence, *, reopened_at_s: float | None, gave_up: str | None) -> None:
        assert absence.closure is not None
        self._ledger.add(Outage.after(absence.closure, absence.outage, absence.attempts, reopened_at_s, gave_up))
        self._counts["away"] -= 1
        self._counts["returned"] += 1

    def _disperse(self) -> None:
        self._dispersing = True
        self._lags_s = list(self.loop.lags)  # closing all connections at once is not part of the measurement
        self._newcomers = iter(())
        for opening in self._trying:
            opening.abandon()
        for due in (*self._trying.values(), *self._due):
            self._give_up(due.absence, RUN_ENDED)
        self._trying.clear()
        self._due.clear()
        for handler in self.loop.handlers():
            if isinstance(handler, Held) and handler.closing is None:
                handler.close(Close(code=1000))

    def _report(self) -> None:
        now = self.loop.now()
        if self._counts != self._told and now >= self._report_at_s:
            self._told = self._counts.copy()
            self._report_at_s = now + REPORT_INTERVAL_S
            self._tell(Tally(**self._counts, resident_bytes=machine.resident_bytes()))
        if now >= self._hands_over_at_s:
            self._hands_over_at_s = now + self._order.hand_over_every_s
            if page := self._ledger.turn_page():
                self._hand_over(page)


def _attempt(opening: Opening, due: Due) -> Attempt:
    answer = opening.answer
    return Attempt(
        client=due.absence.client,
        outage=due.absence.outage,
        number=due.absence.attempts,
        delay_s=due.delay_s,
        due_at_s=due.at_s,
        started_at_s=opening.started_at_s,
        ended_at_s=opening.ended_at_s,
        outcome=opening.outcome,
        http_status=answer.status if answer else None,
        retry_after_s=answer.retry_after_s if answer else None,
        connection_id=answer.connection_id if answer else None,
        error=opening.error,
    )
