"""How much a watch may ask of a server: what all its clients together send and open at most."""

from __future__ import annotations

from typing import NamedTuple

from wslab.core.arguments import check_whole

MESSAGES_PER_MIN = 600
MESSAGES_PER_MIN_ELSEWHERE = 120
CONNECTIONS_PER_MIN = 120
CONNECTIONS_PER_MIN_ELSEWHERE = 30


class WatchBounds(NamedTuple):
    """What all clients of a watch together send and open at most."""

    messages_per_min: int
    connections_per_min: int


def bounded(here: bool, messages_per_min: int | None, connections_per_min: int | None) -> WatchBounds:
    """Return the bounds of a watch, checked; what is not given depends on whether it is this machine."""
    check_whole("messages_per_min", messages_per_min, low=1, high=60_000, unit="messages a minute", optional=True)
    check_whole("connections_per_min", connections_per_min, low=1, high=6_000, unit="openings a minute", optional=True)
    usual = WatchBounds(MESSAGES_PER_MIN, CONNECTIONS_PER_MIN)
    if not here:
        usual = WatchBounds(MESSAGES_PER_MIN_ELSEWHERE, CONNECTIONS_PER_MIN_ELSEWHERE)
    return WatchBounds(messages_per_min or usual.messages_per_min, connections_per_min or usual.connections_per_min)
