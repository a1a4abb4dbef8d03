"""Rules about clocks: idle timeouts, maximum ages, and a keepalive of the server's.

Which clocks fit is found by trying all of them (`wslab.core.findings.fits`); here it becomes a sentence, and a clock
that is one of several that fit is told as such.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from wslab.core.codes.sources import AWS_QUOTAS, LESSON_09, NGINX_WEBSOCKET
from wslab.core.findings.finding import Alternative, Finding, counted
from wslab.core.findings.fits import Clock, Fit
from wslab.core.findings.keepalives import keepalive, unanswered_s
from wslab.core.findings.lives import STAMP_S, Class, Life
from wslab.core.findings.observed import Observed
from wslab.core.findings.readings import Reading, readings
from wslab.core.findings.weighing import evidence_of, sureness, time_of
from wslab.core.findings.wording import ended_how, seconds

Counts = dict[str, bool | None]


class _Deed(NamedTuple):
    """What a side can do, in words, and what then goes over the connection: no ping comes without its pong."""

    name: str
    trigger: Class
    classes: frozenset[Class]


_DEEDS = (
    _Deed("the client's messages", "client's messages", frozenset({"client's messages"})),
    _Deed("the server's messages", "server's messages", frozenset({"server's messages"})),
    _Deed("the client's pings", "client's pings", frozenset({"client's pings", "server's pongs"})),
    _Deed("the client's unasked pongs", "client's pongs", frozenset({"client's pongs"})),
    _Deed("the server's pings", "server's pings", frozenset({"server's pings", "client's pongs"})),
)


def clock(observed: Observed) -> Iterator[Finding]:
    """Closed so long after its opening, or after its last traffic: maximum age, idle timeout, or which of them.

    Shown where only one kind of clock explains every end and every survival, and three ends agree (five, where they
    agree within half of the shortest only). Likely with fewer, or where other ends stay unexplained; possible where
    they agree less. Silent: where no clock explains the ends; where all connections ended at one instant; where only
    one ended.
    """
    for reading in readings(observed):
        ages = [fit for fit in reading.fits if not fit.clock.restarted_by]
        idle = [fit for fit in reading.fits if fit.clock.restarted_by]
        if waits_s := unanswered_s(reading.dead):
            yield keepalive(reading, waits_s, ages)
        elif ages and _tells_nothing(reading):
            yield _either(reading, ages)
        elif idle and all(fit.clock.started_by for fit in ages):
            yield _idle_timeout(reading, idle, _SINCE_THE_FIRST if ages else ())
        else:
            yield _max_age(reading, ages, idle)


_SINCE_THE_FIRST = (
    Alternative(
        "a maximum age that begins with the client's first message",
        "keep sending on one connection: under an idle timeout it lives on",
    ),
)


def _idle_timeout(reading: Reading, idle: list[Fit], instead: tuple[Alternative, ...]) -> Finding:
    best = idle[0]
    counts = _counts(reading)
    return Finding(
        rule="idle_timeout",
        what=f"Closed after {time_of(best)} without traffic, {ended_how(reading.dead)}: an idle timeout. "
        f"{_what_counts(counts)}",
        whose="server or proxy",
        sure=sureness(reading, best, "likely" if instead else "shown"),
        evidence=evidence_of(reading),
        why=f"{counted(len(reading.dead), 'connection')} ended so long after the last that counts, whatever their age; "
        f"with traffic in time others lived on, the longest silence of theirs {seconds(best.survived_s)}.",
        instead=instead,
        advice=_keep_alive(counts, best),
        sources=(NGINX_WEBSOCKET, LESSON_09),
        facts={"idle_timeout_s": best.shortest_s, **_bracket(reading, best), "counts": counts},
    )


def _max_age(reading: Reading, ages: list[Fit], idle: list[Fit]) -> Finding:
    best = ages[0]
    since = "its opening"
    if best.clock.started_by and all(fit.clock.started_by for fit in ages):
        since = f"the first of the {', '.join(sorted(best.clock.started_by))}"
    instead = tuple(_other_clock(fit.clock) for fit in idle[:1])
    return Finding(
        rule="max_age",
        what=f"Closed {time_of(best)} after {since}, whatever it did, {ended_how(reading.dead)}: a maximum age.",
        whose="server or proxy",
        sure=sureness(reading, best, "likely" if instead else "shown"),
        evidence=evidence_of(reading),
        why=f"{counted(len(reading.dead), 'connection')} ended at that age, opened at different times; "
        f"{_tried(reading)} did not put it off.",
        instead=instead,
        advice="Open a new connection before that age, and move over to it; or have the maximum raised.",
        sources=(AWS_QUOTAS, LESSON_09),
        facts={"max_age_s": best.shortest_s, **_bracket(reading, best), "since": since},
    )


def _either(reading: Reading, ages: list[Fit]) -> Finding:
    best = ages[0]
    return Finding(
        rule="idle_or_age",
        what=f"Closed {time_of(best)} after its opening, {ended_how(reading.dead)}: an idle timeout or a maximum age.",
        whose="server or proxy",
        sure=sureness(reading, best, "possible"),
        evidence=evidence_of(reading),
        why="Nothing that could restart an idle timeout went over these connections, so both explain it.",
        instead=(
            Alternative("an idle timeout", "keep a second connection busy: it lives on; `wslab watch URL` does so"),
            Alternative("a maximum age", "keep a second connection busy: it ends at the same age"),
        ),
        advice="Run `wslab watch URL`, which tells the two apart.",
        sources=(LESSON_09,),
        facts=_bracket(reading, best),
    )


def _tells_nothing(reading: Reading) -> bool:
    """Whether no connection was busy for as long as those that ended lived: then age and silence are the same."""
    shortest_s = reading.fits[0].shortest_s
    return not any(life.events and life.age_s > 0.5 * shortest_s for life in reading.dead + reading.alive)


def _counts(reading: Reading) -> Counts:
    """Return what keeps a connection alive: True where every clock that fits says so, False where none does."""
    everyone = reading.dead + reading.alive
    tried = {event.what for life in everyone for event in life.events}
    verdicts: Counts = {}
    for deed in _deeds(everyone):
        if deed.trigger in tried:
            kept = [bool(deed.classes & fit.clock.restarted_by) for fit in reading.fits]
            verdicts[deed.name] = True if all(kept) else None if any(kept) else False
    return verdicts


def _deeds(everyone: list[Life]) -> Iterator[_Deed]:
    """Yield the deeds; where the server only ever answered, its messages belong to the client's."""
    answers_only = all(
        bool(life.times_s(["client's messages"])) for life in everyone if life.times_s(["server's messages"])
    )
    for deed in _DEEDS:
        if answers_only and deed.trigger == "client's messages":
            yield deed._replace(classes=deed.classes | {"server's messages"})
        elif not (answers_only and deed.trigger == "server's messages"):
            yield deed


def _what_counts(counts: Counts) -> str:
    kept = [deed for deed, verdict in counts.items() if verdict]
    lost = [deed for deed, verdict in counts.items() if verdict is False]
    words = [f"{_listed(kept)} restart it"] if kept else []
    words += [f"{_listed(lost)} do not"] if lost else []
    told = "; ".join(words) or "which traffic counts is not told apart"
    return f"{told[0].upper()}{told[1:]}."


def _listed(deeds: list[str]) -> str:
    return deeds[0] if len(deeds) == 1 else f"{', '.join(deeds[:-1])} and {deeds[-1]}"


def _keep_alive(counts: Counts, best: Fit) -> str:
    often = f"more often than every {seconds(best.shortest_s / 2)}"
    if counts.get("the client's pings"):
        return f"Ping {often}, or raise the idle timeout of the server or of what stands before it."
    if counts.get("the client's messages"):
        return f"Send a message {often} (pings are not shown to help), or raise the idle timeout."
    if counts.get("the server's messages") or False in counts.values():
        return f"Have the server send something {often}, or raise the idle timeout."
    return f"Have both sides send something {often}, or raise the idle timeout."


def _bracket(reading: Reading, fit: Fit) -> dict[str, Any]:
    """Return between which times the clock lies.

    An end that the other side told at once was not there a moment before. One that a client only met when it sent
    something may be older: then the clock is longer than the longest silence that was survived, and that is all.
    """
    told = any(life.seen is not None and life.seen.closure.tcp_end == "fin" for life in reading.dead)
    low_s = max(fit.survived_s, fit.shortest_s - STAMP_S) if told else fit.survived_s
    return {"low_s": min(low_s, fit.shortest_s), "high_s": fit.longest_s, "connections": len(fit.fatal_s)}


def _tried(reading: Reading) -> str:
    what = sorted({event.what for life in reading.dead for event in life.events})
    return ", ".join(what) if what else "nothing"


def _other_clock(other: Clock) -> Alternative:
    return Alternative(
        f"an idle timeout that only the {' and '.join(sorted(other.restarted_by))} restart",
        "watch for longer, with clients that do this at different intervals",
    )
