"""Rules about servers that went: announced or not, what stood in its place, and who never came back."""

from __future__ import annotations

import math
from collections.abc import Iterator

from wslab.core.codes.registry import lookup
from wslab.core.codes.sources import HYBI_RESTART, LESSON_04, LESSON_05, RFC_BACKOFF, RFC_CODES
from wslab.core.findings.absences import encountered
from wslab.core.findings.finding import Alternative, Finding, Sure, counted, quoted
from wslab.core.findings.lives import STAMP_S
from wslab.core.findings.observed import EndedConnection, Observed
from wslab.core.records import Restart

SERVICE_RESTART, GOING_AWAY = 1012, 1001
DOWN = ("refused", "reset", "timeout", "rejected")
"""What an attempt meets where no server, or one that is not ready, is listening."""

_SLOW_WIRE = Alternative("the network between, cut and restored", "watch from two places: does the other place see it?")
_ROLE = Alternative(
    "the server closing this one connection on its own account: 1001 says only that it goes away",
    "keep a second connection open: a restart ends both",
)


def announced_restart(observed: Observed) -> Iterator[Finding]:
    """The server said that it restarts: 1012, or goes away: 1001; or closed while the lab is known to restart it.

    Shown where a restart by the lab is on record at that time, or where nobody was there for the next attempt; likely
    where the code says 1012 or every connection ended together; possible for a single 1001. Silent: where the
    client was first, unless its close frame crossed the server's 1012; at every other code with no restart on record.
    """
    by_code: dict[int, list[EndedConnection]] = {}
    for seen in observed.connections:
        code = seen.closure.close_code
        announced = seen.closure.closed_by == "server" and code in (SERVICE_RESTART, GOING_AWAY)
        crossed = code == SERVICE_RESTART and seen.closure.sent is not None and seen.closure.sent.code != code
        if announced or crossed or _restart_of(observed, seen) is not None:
            by_code.setdefault(code, []).append(seen)
    for code, told in sorted(by_code.items()):
        yield _restart_finding(observed, code, told)


def _restart_finding(observed: Observed, code: int, told: list[EndedConnection]) -> Finding:
    on_record = {_restart_of(observed, seen) for seen in told} - {None}
    proofs = tuple(number for number in on_record if number is not None) or _down_afterwards(told)
    together = len(told) > 1 and _at_one_instant(told)
    sure: Sure = "shown" if proofs else "likely" if code == SERVICE_RESTART or together else "possible"
    return Finding(
        rule="announced_restart",
        what=f"The server {'goes away' if code == GOING_AWAY else 'restarts'}: it closed {_connections(told)} "
        + ("without a close frame (1006)." if code == 1006 else f"with {lookup(code).label}{_reason(told)}."),
        whose="server or proxy",
        sure=sure,
        evidence=tuple(seen.id for seen in told) + proofs,
        why=_why_restart(sure, on_record=bool(on_record), together=together),
        instead=(_ROLE,) if sure == "possible" else (),
        advice="Reconnect after a random delay of 5 to 30 s, as the definition of 1012 asks, and not all at once."
        if code in (SERVICE_RESTART, GOING_AWAY)
        else f"Have the server say 1012 instead of {code}, so that clients know that they may come back.",
        sources=(HYBI_RESTART if code == SERVICE_RESTART else RFC_CODES, LESSON_04, LESSON_05),
        facts={"close_code": code, "connections": len(told)},
    )


def crash(observed: Observed) -> Iterator[Finding]:
    """The server vanished: TCP ended without a close frame, and then nobody was listening.

    Shown where the lab's own crash is on record; likely where the next attempt was refused, or where all connections
    ended together. Silent: where one connection of several ended so, or where the next attempt opened at once: then
    it may have been the network, a proxy or a clock.
    """
    abrupt = [
        seen
        for seen in observed.connections
        if seen.is_abrupt and not _was_told_otherwise(seen) and _restart_of(observed, seen) is None
    ]
    if not abrupt:
        return
    proofs = _crashes_on_record(observed, abrupt)
    gone = [seen for seen in abrupt if _first_outcome(seen) in ("refused", "reset", "rejected")]
    if not proofs and not gone:
        return
    chosen = abrupt if proofs else gone
    yield Finding(
        rule="crash",
        what=f"The server vanished without a close frame, which {_connections(chosen)} saw as 1006.",
        whose="server or proxy",
        sure="shown" if proofs else "likely",
        evidence=tuple(seen.id for seen in chosen) + (proofs or _next_attempts(chosen)),
        why="The lab killed it at that time."
        if proofs
        else f"TCP ended ({_ends(chosen)}), and the next attempt found nobody: {_outcomes(chosen)}.",
        instead=() if proofs else (_SLOW_WIRE,),
        advice="Retry with backoff and jitter. On the server: handle SIGTERM and send 1012 before leaving.",
        sources=(RFC_BACKOFF, LESSON_04),
        facts={"connections": len(chosen)},
    )


def _restart_of(observed: Observed, seen: EndedConnection) -> int | None:
    """Return the lab's own restart, not a crash, that ended this connection."""
    if seen.closure.closed_by == "client":
        return None
    ended_at_s = seen.closure.close_started_at_s
    for number, restart in observed.of(Restart):
        until_s = restart.down_at_s if restart.down_at_s is not None else math.inf
        if restart.kind != "crash" and restart.requested_at_s <= ended_at_s <= until_s + 0.1:
            return number
    return None


def _was_told_otherwise(seen: EndedConnection) -> bool:
    """Whether the server's own account knows of a close frame: then it did not vanish."""
    return seen.account is not None and seen.account[1].sent is not None


def _at_one_instant(told: list[EndedConnection]) -> bool:
    """Whether they ended together although they had opened apart: a clock would end them as far apart again."""
    opened_s = [seen.closure.opened_at_s for seen in told]
    ended_s = [seen.closure.close_started_at_s for seen in told]
    apart_s = max(opened_s) - min(opened_s)
    return apart_s > 2 * STAMP_S and max(ended_s) - min(ended_s) <= apart_s / 3


def _crashes_on_record(observed: Observed, abrupt: list[EndedConnection]) -> tuple[int, ...]:
    ends = [seen.closure.closed_at_s for seen in abrupt]
    return tuple(
        number
        for number, restart in observed.of(Restart)
        if restart.kind == "crash" and any(0 <= end - restart.requested_at_s <= 1 for end in ends)
    )


def _down_afterwards(told: list[EndedConnection]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(seen.attempts[0][0] for seen in told if _first_outcome(seen) in DOWN))


def _first_outcome(seen: EndedConnection) -> str | None:
    return seen.attempts[0][1].outcome if seen.attempts else None


def _next_attempts(seen: list[EndedConnection]) -> tuple[int, ...]:
    return tuple(dict.fromkeys(one.attempts[0][0] for one in seen if one.attempts))


def _why_restart(sure: Sure, *, on_record: bool, together: bool) -> str:
    if on_record:
        return "The lab restarted it at that time."
    said = "Its close frame says so"
    if sure == "shown":
        return f"{said}, and the next attempt found nobody there."
    return f"{said}, and all these connections ended together." if together else f"{said}."


def _reason(told: list[EndedConnection]) -> str:
    reasons = {seen.closure.close_reason for seen in told} - {""}
    return f" {quoted(min(reasons))}" if reasons else ""


def _connections(seen: list[EndedConnection]) -> str:
    return counted(len(seen), "connection")


def _ends(seen: list[EndedConnection]) -> str:
    return " and ".join(sorted({one.closure.tcp_end for one in seen}))


def _outcomes(seen: list[EndedConnection]) -> str:
    return ", ".join(sorted({encountered(one.attempts[0][1]) for one in seen if one.attempts}))
