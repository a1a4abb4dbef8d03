"""Which ends belong to one clock: all of them, those that ended alike, or those of an age. Then the clocks that fit."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from wslab.core.findings.fits import Clocks, Fit
from wslab.core.findings.instants import instants
from wslab.core.findings.lives import STAMP_S, Life, lives
from wslab.core.findings.observed import Observed
from wslab.core.findings.provocations import provoked

NO_CLOCK = (1002, 1007, 1009, 1012)
"""Codes that say that it was something else."""

MOST_SPLITS = 12
"""With more than two clocks at once, and the network besides, nothing would be told apart anyway."""

_Set = tuple[list[int], list[Fit], int]
"""Places of lives that ended, the clocks that fit them, and how many other ends are left without."""


class Reading(NamedTuple):
    """Deaths of one kind, the clocks that fit them, and how many other deaths they leave unexplained."""

    fits: list[Fit]
    dead: list[Life]
    alive: list[Life]
    left: int = 0


def readings(observed: Observed) -> Iterator[Reading]:
    """Yield each clock that was at work, leaving out what something else ended: an instant, a deed, a frame's word."""
    alive = lives(observed)
    other = {life.id for group in instants(alive) for life in group} | provoked(alive)
    dead = [place for place, life in enumerate(alive) if life.died and life.id not in other and not _says_why(life)]
    for places, found, left in _explained(Clocks(alive), alive, dead):
        mine = [alive[place] for place in sorted(places)]
        if _apart(mine, found[0]):
            yield Reading(found, mine, [life for life in alive if life not in mine], left)


def _explained(clocks: Clocks, alive: Sequence[Life], dead: list[int]) -> Iterator[_Set]:
    """Yield sets of deaths that one clock explains, with the clocks that do: all of them, or several sets.

    Which go together is not known before. Those that ended alike may: with one code and reason, one end of TCP. Or the
    youngest are one clock's, an idle timeout, and the others another's, or no clock's at all: each split is tried.
    """
    if len(dead) < 2:
        return
    one = clocks.fits(dead)
    if one and one[0].is_exact:
        yield dead, one, 0
        return
    # Several clocks that are exact, and of which none explains it all, say more than one that is not.
    for several in (_by_end(clocks, alive, dead), _two_clocks(clocks, alive, dead)):
        if len(several) > 1 and all(found[0].is_exact for _, found, _ in several) and _nothing_common(several):
            yield from several
            return
    yield from [(dead, one, 0)] if one else _two_clocks(clocks, alive, dead)


def _nothing_common(several: list[_Set]) -> bool:
    common = set.intersection(*({fit.clock for fit in found} for _, found, _ in several))
    return not common


def _by_end(clocks: Clocks, alive: Sequence[Life], dead: list[int]) -> list[_Set]:
    """Return the sets of those that ended alike, with the clocks that fit each; nothing where any has none."""
    alike: dict[object, list[int]] = {}
    for place in dead:
        alike.setdefault(_end(alive[place]), []).append(place)
    sets = [(places, clocks.fits(places), 0) for places in alike.values()]
    return sets if all(found for _, found, _ in sets) else []


def _end(life: Life) -> object:
    if life.seen is None:
        return None
    return life.seen.closure.received or life.seen.closure.tcp_end


def _two_clocks(clocks: Clocks, alive: Sequence[Life], dead: list[int]) -> list[_Set]:
    """Return the two sets by age that clocks fit most closely; or most of the deaths, with the rest left over."""
    by_age = sorted(dead, key=lambda place: alive[place].age_s)
    best: list[_Set] = []
    closest = math.inf
    for size in _splits([alive[place].age_s for place in by_age]):
        for first, rest in ((by_age[:size], by_age[size:]), (by_age[-size:], by_age[:-size])):
            if not (found := clocks.fits(first)):
                continue
            others = clocks.fits(rest) if len(rest) > 1 else []
            spread = max(found[0].spread, others[0].spread) if others else math.inf
            if spread < closest:
                best, closest = [(first, found, 0), (rest, others, 0)], spread
            elif not best and size >= 3 and 2 * size > len(dead):
                best = [(first, found, len(rest))]
    return best


def _splits(ages_s: list[float]) -> list[int]:
    """Return how many to take first: where the ages leave the widest gaps, from either side, the most first."""
    number = len(ages_s)
    gaps = [
        ((later + STAMP_S) / (earlier + STAMP_S), place) for place, (earlier, later) in enumerate(pairwise(ages_s), 1)
    ]
    widest = [place for _, place in sorted(gaps, reverse=True)[:MOST_SPLITS]]
    sizes = {*widest, *(number - place for place in widest)}
    return sorted((size for size in sizes if 1 < size < number), reverse=True)


def _apart(dead: list[Life], fit: Fit) -> bool:
    """Whether a clock explains these ends better than one cause that ended all of them together.

    The clock started, or was restarted, far enough apart that the two differ, and the ends lie further apart than the
    clock's times do.
    """
    ends_s = [life.ended_at_s for life in dead]
    starts_s = [ended_s - fatal_s for ended_s, fatal_s in zip(ends_s, fit.fatal_s, strict=True)]
    started_apart = max(starts_s) - min(starts_s) > max(2 * STAMP_S, 0.01 * fit.shortest_s)
    return started_apart and max(ends_s) - min(ends_s) > 2 * (fit.longest_s - fit.shortest_s)


def _says_why(life: Life) -> bool:
    frame = life.seen.closure.received if life.seen else None
    return frame is not None and frame.code in NO_CLOCK
