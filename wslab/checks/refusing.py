"""The server's cases about refusing: how it says that a message is too big, and what that does to all clients.

The limit itself is proven first; each trial here stands beside a control that differs in size alone.
"""

from __future__ import annotations

from wslab.checks.bench import ServerBench
from wslab.checks.case import Case
from wslab.checks.enduring import REFUSALS
from wslab.checks.proving import proven, sizes, unproven
from wslab.core.checks import CaseOutcome, Evidence
from wslab.core.codes.sources import LESSON_03, RFC_CODES, RFC_LIMITS, Source
from wslab.core.limits.verdicts import Verdict

RFC_REASON = Source("RFC 6455 §7.1.6", "https://www.rfc-editor.org/rfc/rfc6455#section-7.1.6")

_CLOSING = ("close_frame", "empty_close_frame", "no_close_frame", "invalid_close_frame")


@proven
def _refuses_with_1009(verdict: Verdict) -> CaseOutcome:
    evidence = sizes(verdict)
    advice = "Close with 1009: it alone tells a client that the same message will never pass."
    match verdict.over_limit:
        case "close_frame" if verdict.close_code == 1009:
            return CaseOutcome(judgement="passes", seen="It refuses with a close frame, 1009.", evidence=evidence)
        case "close_frame":
            seen = f"It refuses with {verdict.close_code}, which clients take for something else."
            return CaseOutcome(judgement="surprises clients", seen=seen, advice=advice, evidence=evidence)
        case "empty_close_frame" | "no_close_frame":
            told = "1005" if verdict.over_limit == "empty_close_frame" else "1006"
            seen = f"It ends the connection without a code: clients are told {told}, as by a crash, and send again."
            return CaseOutcome(judgement="surprises clients", seen=seen, advice=advice, evidence=evidence)
        case "other_answer":
            seen = "It answers in words that refuse the message, and the connection lives on."
            return CaseOutcome(judgement="informational", seen=seen, evidence=evidence)
    return CaseOutcome(
        judgement="not applicable", seen="It does not close on a message that is too big.", evidence=evidence
    )


@proven
def _drops_nothing_in_silence(verdict: Verdict) -> CaseOutcome:
    said = {
        "silent_drop": "A message over the limit is ignored, and the connection lives on: its sender is never told.",
        "held_open": "After a message over the limit nothing is answered any more, and the connection stays open.",
        "invalid_close_frame": "It refuses with a close frame that nobody may send, so clients are told another code.",
    }.get(verdict.over_limit or "")
    if said is None:
        return CaseOutcome(judgement="passes", seen="A client that sends too much is told so.", evidence=sizes(verdict))
    return CaseOutcome(judgement="fails", seen=said, advice="Close with 1009.", evidence=sizes(verdict))


@proven
def _reason_names_the_limit(verdict: Verdict) -> CaseOutcome:
    if verdict.over_limit != "close_frame":
        return CaseOutcome(judgement="not applicable", seen="There is no close frame with a reason.")
    limit = verdict.max_single_frame_bytes or 0
    digits = (verdict.close_reason or "").replace(",", "").replace("_", "")
    quoted = Evidence(f"close reason: {verdict.close_reason or '(none)'}")
    if any(str(number) in digits for number in (limit, limit + 1)):
        return CaseOutcome(
            judgement="passes", seen="The reason of the close frame names the limit.", evidence=(quoted,)
        )
    seen = "The close frame does not say how much would pass."
    advice = f"Say it in the reason, such as “limit {limit} bytes”; there is room for 123 bytes."
    return CaseOutcome(judgement="informational", seen=seen, advice=advice, evidence=(quoted,))


@proven
def _drains_after_refusing(verdict: Verdict) -> CaseOutcome:
    told = tuple(
        Evidence(f"a client that {name} is told: {', '.join(f'{code} × {n}' for code, n in seen.items())}")
        for name, seen in (("reads", verdict.reading_client_told), ("blocks", verdict.blocking_client_told))
        if seen
    )
    match verdict.after_refusal:
        case "drain":
            seen = "It reads on after refusing, so that a client which is still sending is told the code."
            return CaseOutcome(judgement="passes", seen=seen, evidence=told)
        case "reset" | "varies" | "hold":
            how = {
                "reset": "ends TCP with unread data",
                "hold": "stops reading",
                "varies": "does one thing or another",
            }
            seen = f"After refusing it {how[verdict.after_refusal]}: a client that is still sending often sees 1006."
            advice = "Read on and discard until the client has closed, with a bound on bytes and time; then end TCP."
            return CaseOutcome(judgement="surprises clients", seen=seen, advice=advice, evidence=told)
    return CaseOutcome(judgement="not applicable", seen="It was not seen to refuse while a client was still sending.")


def _refuses_on_the_header(bench: ServerBench) -> CaseOutcome:
    verdict = bench.verdict
    if (outcome := unproven(verdict)) is not None:
        return outcome
    if verdict.over_limit not in _CLOSING:
        return CaseOutcome(judgement="not applicable", seen="It does not close on a message that is too big.")
    small, big = verdict.max_single_frame_bytes or 0, (verdict.smallest_refused_bytes or 0)
    announced, control = bench.announce(big), bench.announce(small)
    if announced is None:
        seen = "It waits for the payload before it refuses, and may hold all of it until then."
        return CaseOutcome(
            judgement="informational", seen=seen, evidence=(Evidence(f"header for {big:,} bytes: no answer"),)
        )
    if control is not None:
        return CaseOutcome(
            judgement="informational", seen="Cannot tell: it also closes on the header of a message that passes."
        )
    evidence = (
        Evidence(f"header for {big:,} bytes, no payload: closed", announced),
        Evidence(f"header for {small:,} bytes, no payload: open"),
    )
    return CaseOutcome(judgement="passes", seen="It refuses when it has read the header.", evidence=evidence)


def _survives_refusals(bench: ServerBench) -> CaseOutcome:
    verdict = bench.verdict
    if (outcome := unproven(verdict)) is not None:
        return outcome
    if verdict.over_limit not in _CLOSING:
        return CaseOutcome(judgement="not applicable", seen="It does not close on a message that is too big.")
    size = verdict.smallest_refused_bytes or 1
    seen = bench.endure(size)
    evidence: tuple[Evidence, ...] = (Evidence(f"{seen.refused} of {seen.tried} connections refused", seen.elapsed_s),)
    if seen.is_well and seen.refused == seen.tried:
        said = (
            f"{seen.refused} refusals in a row cost another client nothing: {seen.answered} of its pings were answered."
        )
        return CaseOutcome(judgement="passes", seen=said, evidence=evidence)
    if seen.is_well:
        said = f"Cannot tell: of {seen.tried} messages of {size:,} bytes, {seen.refused} were refused."
        return CaseOutcome(judgement="not run", seen=said, evidence=evidence)
    control = bench.endure(None, count=seen.tried)
    evidence += (Evidence(f"without a message {control.opened} of {control.tried} opened", control.elapsed_s),)
    if not control.is_well:
        said = (
            f"Cannot tell: {seen.problem}, and as many connections without a message fare no better afterwards. "
            "Either it limits connections, or the refusals used something up: run this case alone, after a restart."
        )
        return CaseOutcome(judgement="not run", seen=said, evidence=evidence)
    return CaseOutcome(
        judgement="fails",
        seen=f"While clients were refused, {seen.problem}; beside as many that sent nothing, all was well.",
        advice="Find what a refusal leaves behind: a socket, a task, memory.",
        evidence=evidence,
    )


REFUSAL_CASES = (
    Case(
        "refuses_with_1009",
        "Sends the smallest message that is refused.",
        "A close frame with 1009 Message Too Big.",
        RFC_CODES,
        _refuses_with_1009,
    ),
    Case(
        "drops_nothing_in_silence",
        "Waits after a message that is too big.",
        "Its sender is told, one way or the other.",
        RFC_CODES,
        _drops_nothing_in_silence,
    ),
    Case(
        "reason_names_the_limit",
        "Reads the reason of the close frame.",
        "It says how much would pass.",
        RFC_REASON,
        _reason_names_the_limit,
    ),
    Case(
        "drains_after_refusing",
        "Goes on sending megabytes after a refusal, reading and blocking.",
        "The server reads on, so that every client is told the code.",
        LESSON_03,
        _drains_after_refusing,
    ),
    Case(
        "refuses_on_the_header",
        "Announces a message that is too big, and sends nothing of it.",
        "It is refused at once, and one that passes is not.",
        RFC_LIMITS,
        _refuses_on_the_header,
    ),
    Case(
        "survives_refusals",
        f"Is refused {REFUSALS} times, while another client pings.",
        "The other client notices nothing, and new ones are admitted.",
        RFC_LIMITS,
        _survives_refusals,
    ),
)
