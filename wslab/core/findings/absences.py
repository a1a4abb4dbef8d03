"""Rules about servers that were not there: never, for a while, or until a client gave up."""

from __future__ import annotations

from collections.abc import Iterator

from wslab.core.codes.sources import LESSON_04, LESSON_05, LESSON_07
from wslab.core.findings.finding import Finding, counted, quoted
from wslab.core.findings.observed import Observed, gave_up
from wslab.core.records import Attempt


def unreachable(observed: Observed) -> Iterator[Finding]:
    """A client never got in: refused, no answer, or an HTTP status other than 101, from the first attempt on.

    Shown: each attempt says what it met. Silent: as soon as there was a connection, of any client.
    """
    attempts = observed.of(Attempt)
    if not attempts or observed.connections or any(attempt.outcome == "opened" for _, attempt in attempts):
        return
    met = list(dict.fromkeys(encountered(attempt) for _, attempt in attempts))
    yield Finding(
        rule="unreachable",
        what=f"No connection opened in {counted(len(attempts), 'attempt')}: {'; '.join(met[:4])}.",
        whose="unknown",
        sure="shown",
        evidence=tuple(number for number, _ in attempts),
        why="Each attempt is on record with what it met.",
        advice="Check host, port and path, then what stands in between. 401 and 403 want credentials, 503 wants time.",
        sources=(LESSON_04,),
        facts={"attempts": len(attempts)},
    )


def unavailable(observed: Observed) -> Iterator[Finding]:
    """While it was away the server, or a proxy before it, answered 503 or the like instead of nothing.

    Shown: the status is on record. Silent: where nothing was answered; where no connection opened (`unreachable`).
    """
    answered = [
        (number, attempt)
        for number, attempt in observed.of(Attempt)
        if attempt.outcome == "rejected" and attempt.http_status is not None and attempt.outage > 0
    ]
    if not answered or all(attempt.outcome != "opened" for _, attempt in observed.of(Attempt)):
        return
    statuses = sorted({attempt.http_status for _, attempt in answered if attempt.http_status})
    waits_s = [attempt.retry_after_s for _, attempt in answered if attempt.retry_after_s is not None]
    after = f", and asked for {min(waits_s):g} s of patience (Retry-After)" if waits_s else ""
    yield Finding(
        rule="unavailable",
        what=f"While it was away, attempts were answered with HTTP {', '.join(map(str, statuses))}{after}.",
        whose="server or proxy",
        sure="shown",
        evidence=tuple(number for number, _ in answered),
        why="The status is on record with each attempt.",
        advice="Honour Retry-After, else back off. A page is told none of this: it sees 1006.",
        sources=(LESSON_04, LESSON_05),
        facts={"http_statuses": statuses, "retry_after_s": min(waits_s, default=None)},
    )


def stayed_away(observed: Observed) -> Iterator[Finding]:
    """A client gave up, by its own policy.

    Shown. Silent: where only the run ended before the client was back.
    """
    lost = [(number, outage) for number, outage in observed.outages if gave_up(outage)]
    if not lost:
        return
    reasons = list(dict.fromkeys(outage.gave_up for _, outage in lost if outage.gave_up))
    yield Finding(
        rule="stayed_away",
        what=f"{counted(len(lost), 'client')} gave up and did not come back: {'; '.join(reasons[:3])}.",
        whose="client",
        sure="shown",
        evidence=tuple(number for number, _ in lost),
        why="The client's own policy says when it stops.",
        advice="For a closure that is retryable, allow more attempts or a longer cap on the delay.",
        sources=(LESSON_05, LESSON_07),
        facts={"clients": len({outage.client for _, outage in lost})},
    )


def encountered(attempt: Attempt) -> str:
    """Say what an attempt met, in words."""
    return {
        "opened": "it opened",
        "refused": "refused, nobody listens on this port",
        "reset": "the connection was cut before the handshake ended",
        "timeout": "no answer in time",
        "rejected": f"HTTP {attempt.http_status}",
        "failed": quoted(attempt.error or "an error without words"),
    }[attempt.outcome]
