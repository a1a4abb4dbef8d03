"""How many opening handshakes a server answers: a token bucket with a first-come, first-served queue.

The model, stated because it decides the outcome:

- A full bucket holds `burst` tokens and gains `max_admissions_per_s` tokens per second. Each admission takes one.
- An attempt that finds no token *waits* for the next unclaimed one. A model that rejected such attempts instead would
  admit only a burst of each wave of synchronised clients, and they would never all come back.
- With `max_waiting`, an attempt that finds that many others waiting is rejected at once. This costs the server
  `refusal_cost` tokens, which delays later attempts but not those already waiting.
- A turn is assigned on arrival, and is spent even if its client no longer waits.

Admissions in any interval are therefore at most `burst + max_admissions_per_s × length`.
"""

from __future__ import annotations

import math
from bisect import bisect_left

import numpy as np

from wslab.core.herds.scenario import FloatArray, Scenario

ROUNDING_S = 1e-6
"""Well above any rounding of sums of times: arrivals this close to being admitted are checked one by one."""

CHUNK = 65_536
"""Arrivals converted to Python floats at a time: the queue is sequential, and its memory need not grow with the
herd."""


class Admission:
    """The queue of one server. It keeps state, so arrivals must be in order of time, also across calls."""

    def __init__(self, scenario: Scenario) -> None:
        self._token_s = 1 / (scenario.max_admissions_per_s or math.inf)
        self._refusal_s = scenario.refusal_cost * self._token_s
        self._burst_s = (scenario.burst - 1) * self._token_s
        waiting = math.inf if scenario.max_waiting is None else scenario.max_waiting
        # An arrival that finds w waiting would itself wait up to w + 1 tokens. The slack is for rounding: a wave
        # arrives at once.
        self._longest_wait_s = (waiting + 1e-6) * self._token_s if self._token_s else math.inf
        self._owed_until_s = -math.inf

    def turns(self, arrivals: FloatArray) -> FloatArray:
        """Return when each arrival has its turn, in seconds; NaN if it is rejected."""
        if not self._token_s:
            return arrivals
        chunks = (arrivals[start : start + CHUNK] for start in range(0, len(arrivals), CHUNK))
        return np.concatenate([np.array(self._turns(chunk.tolist())) for chunk in chunks] or [arrivals])

    def _turns(self, arrivals: list[float]) -> list[float]:
        # The generic cell rate algorithm: a bucket with n tokens owed is n × token_s ahead of the clock.
        # Local names and comparisons, not max(): this loop is most of a simulation's time.
        token_s, refusal_s = self._token_s, self._refusal_s
        burst_s, longest_wait_s = self._burst_s, self._longest_wait_s
        owed_until_s = self._owed_until_s
        turns = [math.nan] * len(arrivals)
        number = 0
        while number < len(arrivals):
            arrival = arrivals[number]
            turn = owed_until_s - burst_s
            if turn < arrival:  # noqa: PLR1730
                turn = arrival
            if owed_until_s < arrival:  # noqa: PLR1730
                owed_until_s = arrival
            if turn - arrival <= longest_wait_s:
                turns[number] = turn
                owed_until_s += token_s
                number += 1
            elif refusal_s:
                owed_until_s += refusal_s
                number += 1
            else:  # a rejection is free, so all arrivals before the queue is shorter are rejected too
                number = bisect_left(arrivals, turn - longest_wait_s - ROUNDING_S, number + 1)
        self._owed_until_s = owed_until_s
        return turns
