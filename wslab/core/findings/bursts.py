"""Bursts of messages: what was sent within a moment, and whether a cap on messages or on bytes explains which ended.

A cap on messages is told from one on bytes where bursts of as many messages, or of as many bytes, passed; and where
bursts of short and of long messages ended after as many of the one and not of the other.
"""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from itertools import accumulate
from typing import Literal, NamedTuple

from wslab.core.findings.lives import ANSWER_S, Life

BURST_S = 1.0
"""The window in which a rate is counted."""

Counted = Literal["messages", "bytes"]


class Burst(NamedTuple):
    """What was sent in the window up to a message."""

    messages: int
    payload_bytes: int


def fits(alive: Sequence[Life], hit: Sequence[Life]) -> set[Counted]:
    """Return what a cap may count that closed these: what was less in every burst that passed."""
    last = [last_burst(life) for life in hit]
    ids = {life.id for life in hit}
    passed = [burst for life in alive for burst in _survived(life, died_in_one=life.id in ids)]
    found: set[Counted] = set()
    if hit and max((burst.messages for burst in passed), default=0) < min(burst.messages for burst in last):
        found.add("messages")
    if hit and max((burst.payload_bytes for burst in passed), default=0) < min(burst.payload_bytes for burst in last):
        found.add("bytes")
    return found


def capped(alive: Sequence[Life], hit: Sequence[Life]) -> Counted | None:
    """Return what the cap counts, where that can be told."""
    may_count = fits(alive, hit)
    if len(may_count) == 1:
        return may_count.pop()
    last = [last_burst(life) for life in hit]
    mean_bytes = [burst.payload_bytes / burst.messages for burst in last]
    if max(mean_bytes) < 4 * min(mean_bytes):
        return None
    messages, payload_bytes = ([burst[place] for burst in last] for place in (0, 1))
    alike: list[Counted] = []
    if max(messages) <= 2 * min(messages):
        alike.append("messages")
    if max(payload_bytes) <= 2 * min(payload_bytes):
        alike.append("bytes")
    return alike[0] if len(alike) == 1 else None


def last_burst(life: Life) -> Burst:
    """Return what was sent in the window before the last message."""
    return next(reversed(_bursts(life)), Burst(0, 0))


def _survived(life: Life, *, died_in_one: bool) -> list[Burst]:
    """Return the bursts that a life survived: over well before one in which it died, or before the records end."""
    times = life.times_s(["client's messages"])
    until_s = times[-1] - BURST_S if died_in_one and times else life.ended_at_s - (0 if life.died else ANSWER_S)
    return [burst for at_s, burst in zip(times, _bursts(life), strict=True) if at_s < until_s]


def _bursts(life: Life) -> list[Burst]:
    """Return of each message what was sent in the window up to it."""
    sent = [event for event in life.events if event.what == "client's messages"]
    times = [event.at_s for event in sent]
    before = [0, *accumulate(event.payload_bytes for event in sent)]
    first = [bisect.bisect_left(times, at_s - BURST_S) for at_s in times]
    return [Burst(end + 1 - begin, before[end + 1] - before[begin]) for end, begin in enumerate(first)]
