"""How much a probe may take of a server and of its user's time; it ends at the first of its bounds, and says so."""

from __future__ import annotations

import math
from dataclasses import dataclass

from wslab.core.target import Target


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a whole search may take.

    Fields:
        bytes_per_s: on average while sending. open_interval_s: from one opening of a connection to the next.
        max_sent_bytes, max_received_bytes, max_connections, max_messages, max_elapsed_s: of the whole search.
    """

    bytes_per_s: float
    open_interval_s: float
    max_sent_bytes: int
    max_received_bytes: int
    max_connections: int
    max_messages: int
    max_elapsed_s: float


def bounds_for(target: Target, cap_bytes: int, max_elapsed_s: float) -> Bounds:
    """Return the bounds for this host: roomy on this machine, narrow on any other.

    To receive, an echo of everything and some greetings are allowed, and as much again: more is a flood.

    >>> other = Target("ws://example.org/", allow_hosts=["example.org"])
    >>> bounds_for(other, 2**20, 60).open_interval_s > bounds_for(Target("ws://[::1]/"), 2**20, 60).open_interval_s
    True
    """
    if target.is_this_machine:
        sent_bytes = 32 * cap_bytes
        return Bounds(math.inf, 0.0, sent_bytes + 2**27, 2 * max(sent_bytes, 2**20), 512, 20_000, max_elapsed_s)
    sent_bytes = 6 * cap_bytes
    return Bounds(2**22, 0.1, sent_bytes + 2**22, 2 * max(sent_bytes, 2**20), 96, 2_000, max_elapsed_s)
