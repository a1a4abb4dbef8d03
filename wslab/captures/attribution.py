"""Which connections in a capture belong to the same client, and so how long a client was away and how often it tried.

A capture shows addresses, not clients. Connections from one host to one server that never overlap are taken for one
client that came back. If any overlap, each counts as a client of its own, and no outages are reported.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

import msgspec

from wslab.captures.retelling import Retold, Told
from wslab.core.records import RUN_ENDED, Closure, Outage


def number_clients(connections: list[Retold]) -> list[list[Retold]]:
    """Number the clients from 0, and return each client's connections in order."""
    by_ends: dict[tuple[str, str], list[Retold]] = defaultdict(list)
    for told in connections:
        by_ends[told.ends].append(told)
    clients: list[list[Retold]] = []
    for alike in by_ends.values():
        alike.sort(key=lambda told: told.conversation.first_at_ns)
        overlap = any(_last_ns(one) > next_one.conversation.first_at_ns for one, next_one in pairwise(alike))
        clients += [[told] for told in alike] if overlap else [alike]
    clients.sort(key=lambda own: own[0].conversation.first_at_ns)
    for number, own in enumerate(clients):
        for told in own:
            told.client = number
    return clients


def tell_tries(own: list[Retold]) -> Iterator[Told]:
    """Yield one client's attempts, closures and outages."""
    lost: Closure | None = None
    outages = tries = 0
    before_ns = own[0].conversation.first_at_ns
    for told in own:
        for attempt in told.attempts():
            tries += 1
            began_ns = max(before_ns, told.conversation.first_at_ns)
            waited_s = max(0.0, attempt.started_at_s - told.seconds(before_ns)) if lost else 0.0
            yield (
                began_ns,
                msgspec.structs.replace(attempt, outage=outages if lost else 0, number=tries, delay_s=waited_s),
            )
            before_ns = round(attempt.ended_at_s * 1e9) + told.origin_ns
            if attempt.outcome == "opened" and lost is not None:
                yield before_ns, Outage.after(lost, outages, tries, attempt.ended_at_s, None)
            if attempt.outcome == "opened":
                lost, tries = None, 0
        closure = told.closure()
        if closure is None:
            continue
        before_ns = _last_ns(told)
        yield before_ns, closure
        if closure.closed_by != "client":
            lost, outages, tries = closure, outages + 1, 0
    if lost is not None and tries:
        yield before_ns, Outage.after(lost, outages, tries, None, RUN_ENDED)


def _last_ns(told: Retold) -> int:
    return told.end[2] if told.end else told.conversation.last_at_ns
