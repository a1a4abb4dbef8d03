"""The server's cases about the protocol's own manners: it answers a ping and a close, and ends TCP itself."""

from __future__ import annotations

from wslab.checks.bench import ServerBench
from wslab.checks.case import Case
from wslab.core.checks import CaseOutcome, Evidence
from wslab.core.codes.sources import RFC_CLOSE_FRAME, Source

RFC_PONG = Source("RFC 6455 §5.5.3", "https://www.rfc-editor.org/rfc/rfc6455#section-5.5.3")
HELD_S = 2.0


def _answers_pings(bench: ServerBench) -> CaseOutcome:
    ponged_s = bench.ponged(b"wslab check")
    if ponged_s is None:
        advice = "Answer pings: keepalives of clients and proxies take their absence for a dead server."
        return CaseOutcome(judgement="fails", seen="A ping was not answered with its pong.", advice=advice)
    evidence = (Evidence("pong with the ping's payload", round(ponged_s, 4)),)
    return CaseOutcome(judgement="passes", seen="A ping is answered with its payload.", evidence=evidence)


def _answers_the_closing_handshake(bench: ServerBench) -> CaseOutcome:
    closure, elapsed_s = bench.closing(1000)
    if closure is None:
        return CaseOutcome(judgement="not run", seen="No connection could be opened.")
    evidence = (
        Evidence(f"sent {closure.sent}; received {closure.received}; TCP {closure.tcp_end}", round(elapsed_s, 3)),
    )
    if closure.received is None:
        advice = "Answer a close frame with a close frame, then end TCP."
        seen = "A close frame is not answered with one: clients see 1006, or wait."
        return CaseOutcome(judgement="fails", seen=seen, advice=advice, evidence=evidence)
    if closure.tcp_end == "aborted" or elapsed_s > HELD_S:
        seen = f"It answers the close frame, and holds TCP open: the client ended it after {elapsed_s:.1f} s."
        advice = "End TCP after the closing handshake; the server is to be first (RFC 6455 §7.1.1)."
        return CaseOutcome(judgement="surprises clients", seen=seen, advice=advice, evidence=evidence)
    return CaseOutcome(judgement="passes", seen="It answers the close frame and ends TCP.", evidence=evidence)


MANNERS_CASES = (
    Case("answers_pings", "Pings.", "A pong with the same payload.", RFC_PONG, _answers_pings),
    Case(
        "answers_the_closing_handshake",
        "Closes with 1000.",
        "A close frame comes back, and the server ends TCP.",
        RFC_CLOSE_FRAME,
        _answers_the_closing_handshake,
    ),
)
