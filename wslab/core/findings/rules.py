"""The rules, and how they are asked: records in, findings out. The one place where the kit concludes why.

Each rule is a function from what was observed to findings; its docstring says when it is how sure, and when it stays
silent. No rule knows a product. A new finding is a new function and a line in `RULES`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator

from wslab.core.findings.absences import stayed_away, unavailable, unreachable
from wslab.core.findings.caps import too_fast, too_many
from wslab.core.findings.clocks import clock
from wslab.core.findings.closings import client_failed, own_keepalive, protocol_error, server_said, unexplained
from wslab.core.findings.darkness import cannot_be_seen
from wslab.core.findings.finding import SURENESS, Finding
from wslab.core.findings.instants import all_at_once, observer_paused, one_by_one
from wslab.core.findings.lines import client_hung_up, forgotten, line_went_silent, takes_no_more
from wslab.core.findings.observed import Observed
from wslab.core.findings.provocations import crowded_out, not_tolerated
from wslab.core.findings.relays import by_relay
from wslab.core.findings.restarts import announced_restart, crash
from wslab.core.findings.sizes import close_frame_lost, own_limit, size_refused
from wslab.core.findings.statements import said
from wslab.core.findings.traces import broke_the_protocol, cut_in_a_message
from wslab.core.findings.unanswered import closed_behind_an_answer, unanswered
from wslab.core.records import Record
from wslab.core.runs import Run

Rule = Callable[[Observed], Iterator[Finding]]

RULES: tuple[Rule, ...] = (
    by_relay,
    size_refused,
    own_limit,
    close_frame_lost,
    announced_restart,
    crash,
    all_at_once,
    crowded_out,
    not_tolerated,
    too_many,
    too_fast,
    clock,
    observer_paused,
    own_keepalive,
    client_failed,
    protocol_error,
    broke_the_protocol,
    line_went_silent,
    forgotten,
    cut_in_a_message,
    client_hung_up,
    takes_no_more,
    unreachable,
    unavailable,
    stayed_away,
    closed_behind_an_answer,
    unanswered,
    said,
    cannot_be_seen,
)
"""In the order in which findings are told where they are equally sure."""

LEFT: tuple[Callable[[Observed, Collection[int]], Iterator[Finding]], ...] = (
    one_by_one,
    server_said,
    unexplained,
)
"""Asked last, each about the closures on which no finding rests so far."""


def find(records: Run | Iterable[Record]) -> tuple[Finding, ...]:
    """Return what the records show, the surest first; a closure that no rule explains is told as such.

    What is only possible is left out where a surer finding explains all that it rests on.

    Args:
        records: a run, or records in the order of observation. `Finding.evidence` holds their places, from 0.
    """
    observed = Observed(records.records if isinstance(records, Run) else records)
    found = [finding for rule in RULES for finding in rule(observed)]
    for last in LEFT:
        found += [*last(observed, _rested_on(found))]
    better = _rested_on(finding for finding in found if finding.sure in ("shown", "likely"))
    found = [finding for finding in found if finding.sure != "possible" or not better.issuperset(finding.evidence)]
    return tuple(sorted(found, key=lambda finding: SURENESS.index(finding.sure)))


def _rested_on(found: Iterable[Finding]) -> set[int]:
    return {number for finding in found for number in finding.evidence}


def headline(records: Run | Iterable[Record]) -> str:
    """Return in one sentence what was found, and how sure that is where it is less than shown.

    >>> headline([])
    'Nothing is on record.'
    """
    observed = records.records if isinstance(records, Run) else tuple(records)
    found = find(observed)
    if not found:
        return "Nothing closed but what was closed on purpose." if observed else "Nothing is on record."
    first = found[0]
    return first.what if first.sure in ("shown", "cannot tell") else f"{first.what} ({first.sure.capitalize()}.)"
