"""Which clocks fit what was seen: every clock that could be is tried, and only those that nothing contradicts stay.

A clock starts when a connection opens, or with the first of something on it; something restarts it, or nothing does;
after its time the connection is closed. An idle timeout is a clock that traffic restarts, a maximum age one that
nothing restarts, and which traffic counts is the set of classes that restart it. So the rules need no pattern of a
product: of the 64 sets those remain that explain every death and every survival.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import chain, combinations
from typing import NamedTuple

from wslab.core.findings.lives import CLASSES, STAMP_S, Class, Life

MOST_JITTER = 2.5
"""No clock is believed whose longest time is more than this often its shortest: then anything fits."""

EXACT = 1.1
"""A clock whose times differ by less is told as one time, else as a range."""


class Clock(NamedTuple):
    """One explanation: closed so long after its start, where `restarted_by` restarts it.

    `started_by` is what must have gone over the connection first; empty: its opening.
    """

    restarted_by: frozenset[Class]
    started_by: frozenset[Class] = frozenset()


class Fit(NamedTuple):
    """A clock that nothing contradicts, with what it is known to be.

    Fields:
        fatal_s: for each life that ended, by its place, from the clock's last start to the end.
        survived_s: the longest that a connection lived on after a start of the clock; the clock is longer.
    """

    clock: Clock
    fatal_s: tuple[float, ...]
    survived_s: float

    @property
    def shortest_s(self) -> float:
        return min(self.fatal_s)

    @property
    def longest_s(self) -> float:
        return max(self.fatal_s)

    @property
    def is_exact(self) -> bool:
        return self.longest_s <= EXACT * self.shortest_s + STAMP_S

    @property
    def spread(self) -> float:
        return (self.longest_s + STAMP_S) / (self.shortest_s + STAMP_S)


class Clocks:
    """Every clock that these lives could tell of, timed on each of them once.

    `fits` then asks which of them explain a given set of deaths, the others having been cut short by something else.
    """

    def __init__(self, lives: Sequence[Life]) -> None:
        tried = {event.what for life in lives for event in life.events}
        self._timed = [(clock, [_timed(clock, life) for life in lives]) for clock in _clocks(tried)]

    def fits(self, dead: Collection[int]) -> list[Fit]:
        """Return the clocks that explain the deaths of these lives (by place) and every survival, the closest first."""
        dead = frozenset(dead)
        found = [fit for clock, timed in self._timed if (fit := _fit(clock, timed, dead)) is not None]
        if not found:
            return []
        closest = min(fit.spread for fit in found)
        # A clock that times the ends several times more closely than another has not done so by chance.
        noise = 2 * STAMP_S / min(fit.shortest_s for fit in found)
        near = [fit for fit in found if fit.spread - 1 <= max(min(noise, 0.1), 4 * (closest - 1))]
        return sorted(near, key=lambda fit: (round(fit.spread, 1), len(fit.clock.restarted_by)))


def ran_out(lives: Sequence[Life]) -> bool:
    """Whether one exact clock explains every end: then what was sent right before some of them is coincidence."""
    dead = [place for place, life in enumerate(lives) if life.died]
    found = Clocks(lives).fits(dead) if len(dead) > 2 else []
    return bool(found) and found[0].is_exact


def _clocks(tried: set[Class]) -> Iterator[Clock]:
    classes = [each for each in CLASSES if each in tried]
    for chosen in chain.from_iterable(combinations(classes, size) for size in range(len(classes) + 1)):
        yield Clock(frozenset(chosen))
    for first in classes:
        if first.startswith("client"):
            yield Clock(frozenset(), frozenset({first}))


class _Timed(NamedTuple):
    """A clock on one life: the longest it ran before it was restarted, and how long it had run at the end."""

    longest_s: float
    last_s: float


def _timed(clock: Clock, life: Life) -> _Timed | None:
    """Time a clock on a life; None where it never started."""
    begun_s = life.opened_at_s
    if clock.started_by:
        first = next((event for event in life.events if event.what in clock.started_by), None)
        if first is None:
            return None
        begun_s = first.at_s
    longest_s = 0.0
    # What is stamped at the very end may have crossed the closing on its way, and restarted nothing any more.
    until_s = life.ended_at_s - STAMP_S if life.died else life.ended_at_s
    for at_s, what, _ in life.events:
        if at_s > until_s:
            break
        if what in clock.restarted_by and at_s > begun_s:
            longest_s = max(longest_s, at_s - begun_s)
            begun_s = at_s
    return _Timed(longest_s, life.ended_at_s - begun_s)


def _fit(clock: Clock, timed: Sequence[_Timed | None], dead: Collection[int]) -> Fit | None:
    ended = [timed[place] for place in sorted(dead)]
    fatal_s = [one.last_s for one in ended if one is not None]
    if len(fatal_s) < len(ended) or not fatal_s:
        return None
    if max(fatal_s) + STAMP_S > MOST_JITTER * (min(fatal_s) + STAMP_S):
        return None
    survived_s = max(
        one.longest_s if place in dead else max(one.longest_s, one.last_s)
        for place, one in enumerate(timed)
        if one is not None
    )
    if survived_s > max(fatal_s) * 1.02 + STAMP_S:
        return None
    if max(fatal_s) < 3 * STAMP_S:
        return None  # no clock: what was done last ended it
    return Fit(clock, tuple(fatal_s), survived_s)
