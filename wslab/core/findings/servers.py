"""Findings where records speak of several servers, as a capture's may: the limit of one says nothing of another's."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import msgspec

from wslab.core.findings.finding import SURENESS, Finding
from wslab.core.findings.rules import find
from wslab.core.records import Record, Trace


def find_by_server(records: Iterable[Record]) -> tuple[Finding, ...]:
    """Return what `find` finds for each server alone, the surest first, with `facts["server_address"]` where there are
    several. Which server a record belongs to, the traces say; what belongs to none is asked about together.
    """
    observed = tuple(records)
    server_of = {trace.connection_id: trace.server_address for trace in observed if isinstance(trace, Trace)}
    of_client = {trace.client: trace.server_address for trace in observed if isinstance(trace, Trace)}
    places: dict[str | None, list[int]] = defaultdict(list)
    for number, record in enumerate(observed):
        connection_id, client = getattr(record, "connection_id", None) or "", getattr(record, "client", -1)
        places[server_of.get(connection_id) or of_client.get(client)].append(number)
    found = [
        _placed(finding, own, server if len(places) > 1 else None)
        for server, own in places.items()
        for finding in find(observed[number] for number in own)
    ]
    return tuple(sorted(found, key=lambda finding: SURENESS.index(finding.sure)))


def _placed(finding: Finding, places: list[int], server: str | None) -> Finding:
    """Return the finding with its evidence among all records, and with the server that it is about."""
    evidence = tuple(places[number] for number in finding.evidence)
    facts = {**finding.facts, "server_address": server} if server else finding.facts
    return msgspec.structs.replace(finding, evidence=evidence, facts=facts)
