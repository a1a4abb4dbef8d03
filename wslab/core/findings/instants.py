"""Rules about what ended connections together, one after another, or while nobody looked."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import pairwise
from statistics import median

from wslab.core.codes.sources import LESSON_04, LESSON_09, RFC_CODE_SEEN
from wslab.core.findings.finding import Alternative, Finding, Sure, counted
from wslab.core.findings.lives import STAMP_S, Life, lives
from wslab.core.findings.observed import Observed
from wslab.core.findings.wording import ages, ended_how, seconds
from wslab.core.records import Pause

_CUT = Alternative(
    "the line that all of them share, cut for a moment",
    "watch from a second place at the same time: a restart ends both, a cut line ends one",
)
_ELSE = Alternative(
    "a clock or a cap that none of the groups tells apart",
    "watch for longer, with more clients, and compare with the server's and the proxy's own log",
)


def instants(alive: Sequence[Life]) -> list[list[Life]]:
    """Return the groups of lives that ended at one instant although they began at different ones, all that there were.

    A clock ends connections as far apart as they were opened; what ends all of them together is no clock of theirs.
    """
    groups: list[list[Life]] = []
    for life in sorted((life for life in alive if life.died), key=lambda life: life.ended_at_s):
        if groups and life.ended_at_s - groups[-1][-1].ended_at_s <= _window_s(life):
            groups[-1].append(life)
        else:
            groups.append([life])
    return [group for group in map(_were_open_together, groups) if _is_instant(group, alive)]


def _were_open_together(group: list[Life]) -> list[Life]:
    """Leave out those that opened only after the first had ended: one after the other is not together."""
    return [life for life in group if life.opened_at_s < group[0].ended_at_s]


def _window_s(life: Life) -> float:
    return min(1.0, max(STAMP_S / 2, 0.1 * life.age_s))


def _is_instant(group: list[Life], alive: Sequence[Life]) -> bool:
    if len(group) < 2:  # none at all, where a life ended in the moment in which it began
        return False
    first_s, last_s = group[0].ended_at_s, group[-1].ended_at_s
    openings_s = [life.opened_at_s for life in group]
    apart_s = max(openings_s) - min(openings_s)
    if apart_s < 2 * STAMP_S or last_s - first_s > apart_s / 3:
        return False
    were_open = [life for life in alive if life.opened_at_s < first_s - STAMP_S and life.ended_at_s > first_s - STAMP_S]
    # One that its client was just closing, or that had just opened, does not speak against it.
    return sum(life.died and life.ended_at_s <= last_s for life in were_open) >= 0.9 * len(were_open)


def all_at_once(observed: Observed) -> Iterator[Finding]:
    """All connections ended at one instant, whatever they did and however old they were: a restart, a reload.

    Shown by three of different ages, likely by two. Silent: where any lived on; where their ends lie as far apart as
    their openings, so that a clock explains them; where a close frame says why (1012, 1001), or nobody was there right
    afterwards: rules of their own tell these.
    """
    found = [group for group in instants(lives(observed)) if not _is_explained(group)]
    if not found:
        return
    members = [life for group in found for life in group]
    largest = max(len(group) for group in found)
    sure: Sure = "shown" if largest > 2 else "likely"
    period_s = _period_s([group[0].ended_at_s for group in found])
    regular = "" if period_s is None else f", regularly, each {seconds(period_s)}"
    times = "" if len(found) == 1 else f", {len(found)} times{regular}"
    yield Finding(
        rule="all_at_once",
        what=f"All {largest} connections ended at one instant{times}, {ages(members)} old, {ended_how(members)}.",
        whose="server or proxy",
        sure=sure,
        evidence=tuple(life.id for life in members),
        why="They had been opened at different times and did different things, so no clock of a connection, no rate "
        "and no keepalive ends them together. A new connection opened again right afterwards.",
        instead=(_CUT,),
        advice="Look for a restart or a reload of the server or of what stands before it at that second"
        + ("; it comes by the clock: look for a scheduled job." if period_s else "."),
        sources=(LESSON_04, LESSON_09),
        facts={"instants": len(found), "period_s": period_s, "connections": len(members)},
    )


def _is_explained(group: list[Life]) -> bool:
    frames = [life.seen.closure.received for life in group if life.seen]
    if any(frame is not None and frame.code in (1001, 1012) for frame in frames):
        return True
    return any(life.seen and life.seen.attempts and life.seen.attempts[0][1].outcome != "opened" for life in group)


def _period_s(times_s: list[float]) -> float | None:
    gaps_s = [later - earlier for earlier, later in pairwise(times_s)]
    if len(gaps_s) < 2 or max(gaps_s) - min(gaps_s) > 0.05 * max(gaps_s) + STAMP_S:
        return None
    return median(gaps_s)


_CAP = Alternative(
    "a rate or a number of messages that the server tolerates, or a fault of the server that comes by chance",
    "`wslab probe URL` tells them apart",
)


def one_by_one(observed: Observed, explained: Collection[int]) -> Iterator[Finding]:
    """Connections ended one at a time, at no age and no instant in common: the network, or something unknown.

    Likely by four, possible by three, or where each met a message that waited for its answer: then it may be the server
    as well. Silent: at closures on which another finding rests; where a close frame came,
    since a network sends none.
    """
    left = [
        life
        for life in lives(observed)
        if life.died and life.id not in explained and life.seen is not None and life.seen.is_abrupt
    ]
    if len(left) < 3:
        return
    in_messages = all(life.seen and life.seen.sends and life.seen.sends[-1][1].outcome == "closed" for life in left)
    met = ", each while a message waited for its answer" if in_messages else ""
    yield Finding(
        rule="one_by_one",
        what=f"{counted(len(left), 'connection')} ended one at a time{met}, {ages(left)} old, {ended_how(left)}.",
        whose="unknown" if in_messages else "network",
        sure="likely" if len(left) > 3 and not in_messages else "possible",
        evidence=tuple(life.id for life in left),
        why="Neither their ages nor their silences agree, they did not end together, and no close frame came.",
        instead=(_CAP,) if in_messages else (_ELSE,),
        advice="Look into the server's log for the same second, and run `wslab probe URL`."
        if in_messages
        else "Look at what lies between: a NAT that forgets, a radio link, a VPN. Reconnect with backoff and jitter.",
        sources=(RFC_CODE_SEEN, LESSON_09),
        facts={"connections": len(left)},
    )


def observer_paused(observed: Observed) -> Iterator[Finding]:
    """The observer itself did not run for a while, so that nothing is known of that time.

    Shown: its own clock says so. Silent: where it ran throughout.
    """
    pauses = observed.of(Pause)
    if not pauses:
        return
    longest = max(pause.ended_at_s - pause.began_at_s + pause.asleep_s for _, pause in pauses)
    during = [
        seen.id for seen in observed.connections if observed.paused_at(seen.closure.closed_at_s) and not seen.on_purpose
    ]
    yield Finding(
        rule="observer_paused",
        what=f"The observer itself did not run for {seconds(longest)}"
        + (f", and found {counted(len(during), 'connection')} closed afterwards." if during else "."),
        whose="observer",
        sure="shown",
        evidence=tuple(number for number, _ in pauses) + tuple(during),
        why="Its own clock jumped: the process was stopped, or the machine slept. Ends in that time do not count.",
        advice="Keep the machine awake while it watches, and let the watch run on.",
        sources=(LESSON_09,),
        facts={"paused_s": longest},
    )
