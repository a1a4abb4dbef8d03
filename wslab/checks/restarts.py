"""The server's cases about a restart, all from one that clients were watching: closures, downtime, return."""

from __future__ import annotations

from collections import Counter

from wslab.checks.bench import ServerBench
from wslab.checks.case import Case
from wslab.checks.restarting import Restarted
from wslab.core.checks import CaseOutcome, Evidence
from wslab.core.codes.registry import lookup
from wslab.core.codes.sources import HYBI_RESTART, LESSON_04, LESSON_06, RFC_CODES
from wslab.core.records import Closure

ANNOUNCED = (1012, 1001)
"""Codes by which a client knows that it may come back."""

CLOSES_WITHIN_S = 10.0
"""The grace that orchestrators commonly allow is 30 s (Kubernetes, terminationGracePeriodSeconds); a third of it."""


def _announced(bench: ServerBench, *, busy: bool) -> CaseOutcome:
    restarted = bench.restarted
    if (unclear := _unclear(restarted)) is not None:
        return unclear
    closures = restarted.closures(busy=busy)
    who = "busy" if busy else "idle"
    if not closures:
        return CaseOutcome(
            judgement="fails", seen=f"The connections of {who} clients were not closed.", advice=_ANNOUNCE
        )
    evidence = _told(closures, restarted)
    codes = sorted({closure.close_code for closure in closures})
    listed = ", ".join(lookup(code).label for code in codes)
    if set(codes) <= set(ANNOUNCED):
        return CaseOutcome(judgement="passes", seen=f"Clients that are {who} are told {listed}.", evidence=evidence)
    judgement = "fails" if 1006 in codes else "surprises clients"
    seen = f"Clients that are {who} are told {listed}, which does not say that they may come back."
    return CaseOutcome(judgement=judgement, seen=seen, advice=_ANNOUNCE, evidence=evidence)  # type: ignore[arg-type]


_ANNOUNCE = "On the signal to stop, send every connection a close frame with 1012, and wait briefly for the answer."


def _tells_idle_clients(bench: ServerBench) -> CaseOutcome:
    return _announced(bench, busy=False)


def _tells_busy_clients(bench: ServerBench) -> CaseOutcome:
    return _announced(bench, busy=True)


def _closes_soon(bench: ServerBench) -> CaseOutcome:
    restarted = bench.restarted
    if (unclear := _unclear(restarted)) is not None:
        return unclear
    closures = restarted.closures()
    if not closures:
        return CaseOutcome(judgement="fails", seen="No connection was closed while it was watched.", advice=_ANNOUNCE)
    after_s = [closure.close_started_at_s - restarted.at_s for closure in closures]
    seen = f"The first connection was closed after {min(after_s):.2f} s, the last after {max(after_s):.2f} s."
    if max(after_s) <= CLOSES_WITHIN_S:
        return CaseOutcome(judgement="passes", seen=seen, evidence=_told(closures, restarted))
    advice = "A supervisor may not wait as long, and then kills it: bound the time in which it closes."
    return CaseOutcome(judgement="surprises clients", seen=seen, advice=advice, evidence=_told(closures, restarted))


def _drains(bench: ServerBench) -> CaseOutcome:
    restarted = bench.restarted
    if (unclear := _unclear(restarted)) is not None:
        return unclear
    closures = restarted.closures()
    if len(closures) < 2:
        return CaseOutcome(judgement="not applicable", seen="Fewer than two connections were closed.")
    times_s = [closure.close_started_at_s for closure in closures]
    spread_s = max(times_s) - min(times_s)
    seen = f"{len(closures)} connections were closed within {spread_s:.2f} s of each other."
    advice = "" if spread_s > 1 else "With many clients, spread the closures: they come back as they are sent away."
    return CaseOutcome(judgement="informational", seen=seen, advice=advice, evidence=_told(closures, restarted))


def _refuses_quickly_while_down(bench: ServerBench) -> CaseOutcome:
    restarted = bench.restarted
    if (unclear := _unclear(restarted)) is not None:
        return unclear
    met = Counter(
        f"HTTP {attempt.http_status}" if attempt.outcome == "rejected" else attempt.outcome
        for attempt in restarted.attempts
        if attempt.outcome != "opened"
    )
    if not met:
        return CaseOutcome(judgement="not applicable", seen="No attempt came while the server was down.")
    evidence = tuple(Evidence(f"{outcome} × {count}") for outcome, count in met.most_common())
    listed = ", ".join(f"{outcome} ({count})" for outcome, count in met.most_common())
    if met.get("timeout"):
        seen = f"While it is down, attempts meet silence: {listed}."
        advice = (
            "Have whatever listens answer 503 with Retry-After, or refuse: silence costs a client its whole patience."
        )
        return CaseOutcome(judgement="surprises clients", seen=seen, advice=advice, evidence=evidence)
    hints = [attempt.retry_after_s for attempt in restarted.attempts if attempt.http_status == 503]
    if hints and None in hints:
        advice = "Add Retry-After to the 503, so that clients know when to come back."
        return CaseOutcome(
            judgement="informational", seen=f"While it is down: {listed}.", advice=advice, evidence=evidence
        )
    return CaseOutcome(
        judgement="passes", seen=f"While it is down, attempts are answered at once: {listed}.", evidence=evidence
    )


def _comes_back(bench: ServerBench) -> CaseOutcome:
    restarted = bench.restarted
    if (unclear := _unclear(restarted, needs_closures=False)) is not None:
        return unclear
    opened_s = [attempt.ended_at_s - restarted.at_s for attempt in restarted.attempts if attempt.outcome == "opened"]
    if not opened_s:
        watched_s = restarted.ended_at_s - restarted.at_s
        if not restarted.closures():
            seen = "Nobody was sent away, so nobody had to come back."
            return CaseOutcome(judgement="informational", seen=seen)
        seen = f"It admitted nobody in the {watched_s:.0f} s after."
        return CaseOutcome(judgement="fails", seen=seen, advice="Look whether it started, and on the same address.")
    seen = f"The first client was back after {min(opened_s):.2f} s, the last after {max(opened_s):.2f} s."
    return CaseOutcome(judgement="passes", seen=seen)


def _answers_what_it_took(bench: ServerBench) -> CaseOutcome:
    restarted = bench.restarted
    if (unclear := _unclear(restarted)) is not None:
        return unclear
    sends = [send for send in restarted.sends if send.payload_bytes]
    if not any(send.outcome == "accepted" for send in sends):
        return CaseOutcome(judgement="not applicable", seen="The server does not answer messages.")
    cut = [send for send in sends if send.outcome == "closed"]
    answered = sum(send.outcome == "accepted" for send in sends)
    seen = f"{answered:,} messages were answered; {len(cut)} of the busy clients' messages met the closure unanswered."
    advice = (
        ""
        if not cut
        else "Whether these were acted on only the application can say: number them, and ask after coming back."
    )
    return CaseOutcome(judgement="informational", seen=seen, advice=advice)


def _unclear(restarted: Restarted, *, needs_closures: bool = True) -> CaseOutcome | None:
    """Return what a case says where the restart was not brought about, or where something else closed connections."""
    if restarted.problem is not None:
        return CaseOutcome(judgement="not run", seen=f"The restart failed: {restarted.problem}.")
    if needs_closures and restarted.early:
        seen = f"Cannot tell: {len(restarted.early)} connections were closed before anybody restarted anything."
        advice = "Find out why first: `wslab watch` tells a clock, a rate and the network apart."
        return CaseOutcome(judgement="not run", seen=seen, advice=advice)
    if not any(True for record in restarted.records if getattr(record, "outcome", None) == "opened"):
        return CaseOutcome(judgement="not run", seen="No client could connect before the restart.")
    return None


def _told(closures: list[Closure], restarted: Restarted) -> tuple[Evidence, ...]:
    return tuple(
        Evidence(
            f"client {closure.client} ({'busy' if closure.client in restarted.busy else 'idle'}): {closure.close_code} "
            f"{closure.close_reason}".rstrip()
            + f", TCP {closure.tcp_end}",
            round(closure.close_started_at_s - restarted.at_s, 3),
        )
        for closure in closures
    )


RESTART_CASES = (
    Case(
        "tells_idle_clients",
        "Restarts the server under clients that say nothing.",
        "A close frame with 1012 Service Restart, or 1001 Going Away.",
        HYBI_RESTART,
        _tells_idle_clients,
        restarts=True,
    ),
    Case(
        "tells_busy_clients",
        "Restarts it under clients that send one message after the other.",
        "The same close frame.",
        LESSON_04,
        _tells_busy_clients,
        restarts=True,
    ),
    Case(
        "closes_soon",
        "Times the closures from the signal on.",
        f"All within {CLOSES_WITHIN_S:g} s.",
        RFC_CODES,
        _closes_soon,
        restarts=True,
    ),
    Case(
        "drains",
        "Compares when each connection was closed.",
        "For many clients, not all at the same instant.",
        LESSON_06,
        _drains,
        restarts=True,
    ),
    Case(
        "refuses_quickly_while_down",
        "Tries to come back while the server is down.",
        "A refused connection, or 503 with Retry-After; no silence.",
        LESSON_04,
        _refuses_quickly_while_down,
        restarts=True,
    ),
    Case(
        "comes_back",
        "Goes on trying.",
        "A handshake is accepted again.",
        LESSON_04,
        _comes_back,
        restarts=True,
    ),
    Case(
        "answers_what_it_took",
        "Counts messages that met the closure before their answer.",
        "None, where the server finishes what it has begun.",
        LESSON_04,
        _answers_what_it_took,
        restarts=True,
    ),
)
