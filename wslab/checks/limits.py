"""The server's cases about size: what it refuses, how it says so, and what happens to the other clients.

Most rest on one proven verdict of the limit search, whose refusals have their controls; the others are trials of their
own, each beside a control that differs in size alone.
"""

from __future__ import annotations

from wslab.checks.bench import ServerBench
from wslab.checks.case import Case
from wslab.core.checks import CaseOutcome, Evidence
from wslab.core.codes.sources import LESSON_01, LESSON_02, LESSON_03, RFC_CODES, RFC_LIMITS, Source
from wslab.core.limits.verdicts import Verdict

RFC_REASON = Source("RFC 6455 §7.1.6", "https://www.rfc-editor.org/rfc/rfc6455#section-7.1.6")

RFC_7692 = Source("RFC 7692 §8", "https://www.rfc-editor.org/rfc/rfc7692#section-8")


REFUSALS = 100
"""Connections that are refused one after the other, while a bystander talks."""


def _unproven(verdict: Verdict) -> CaseOutcome | None:
    """Return what a case says where no limit was proven, so that nothing about one can be judged."""
    if verdict.status == "limit_found":
        return None
    if verdict.status == "no_limit_below_cap":
        return CaseOutcome(judgement="not applicable", seen=f"A message of {verdict.cap_bytes:,} bytes passes.")
    return CaseOutcome(judgement="not run", seen=f"The limit is not known: {verdict.explanation}")


def _has_a_limit(bench: ServerBench) -> CaseOutcome:
    verdict = bench.verdict
    if verdict.status == "no_limit_below_cap":
        return CaseOutcome(
            judgement="surprises clients",
            seen=f"A message of {verdict.cap_bytes:,} bytes passes.",
            advice="Set a limit on messages: otherwise any client decides how much memory the server needs.",
        )
    if verdict.status != "limit_found":
        return CaseOutcome(judgement="not run", seen=verdict.explanation)
    return CaseOutcome(judgement="passes", seen=verdict.explanation, evidence=_sizes(verdict))


def _refuses_with_1009(bench: ServerBench) -> CaseOutcome:
    verdict = bench.verdict
    if (unproven := _unproven(verdict)) is not None:
        return unproven
    evidence = _sizes(verdict)
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


def _drops_nothing_in_silence(bench: ServerBench) -> CaseOutcome:
    verdict = bench.verdict
    if (unproven := _unproven(verdict)) is not None:
        return unproven
    said = {
        "silent_drop": "A message over the limit is ignored, and the connection lives on: its sender is never told.",
        "held_open": "After a message over the limit nothing is answered any more, and the connection stays open.",
        "invalid_close_frame": "It refuses with a close frame that nobody may send, so clients are told another code.",
    }.get(verdict.over_limit or "")
    if said is None:
        return CaseOutcome(
            judgement="passes", seen="A client that sends too much is told so.", evidence=_sizes(verdict)
        )
    return CaseOutcome(judgement="fails", seen=said, advice="Close with 1009.", evidence=_sizes(verdict))


def _reason_names_the_limit(bench: ServerBench) -> CaseOutcome:
    verdict = bench.verdict
    if (unproven := _unproven(verdict)) is not None:
        return unproven
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


def _drains_after_refusing(bench: ServerBench) -> CaseOutcome:
    verdict = bench.verdict
    if (unproven := _unproven(verdict)) is not None:
        return unproven
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


def _bounds_what_inflates(bench: ServerBench) -> CaseOutcome:
    verdict = bench.verdict
    if (unproven := _unproven(verdict)) is not None:
        return unproven
    match verdict.compression_counts:
        case "inflated" | "both":
            seen = "A small compressed message that would inflate beyond the limit is refused."
            return CaseOutcome(judgement="passes", seen=seen, evidence=_sizes(verdict))
        case "wire":
            seen = "Only compressed bytes are counted: a few kilobytes may inflate to any size."
            advice = "Bound the size after inflation, while it inflates."
            return CaseOutcome(judgement="fails", seen=seen, advice=advice, evidence=_sizes(verdict))
    return CaseOutcome(judgement="not applicable", seen="It does not compress, or compressed messages met no limit.")


def _bounds_the_sum_of_fragments(bench: ServerBench) -> CaseOutcome:
    verdict = bench.verdict
    if (unproven := _unproven(verdict)) is not None:
        return unproven
    match verdict.counts:
        case "message" | "both":
            seen = "Fragments are added up: a message in many frames meets a limit too."
            return CaseOutcome(judgement="passes", seen=seen, evidence=_sizes(verdict))
        case "frame":
            seen = "Only frames are limited. Whether it holds all fragments of a message is not seen from outside."
            advice = "If it does, bound their sum as well."
            return CaseOutcome(judgement="informational", seen=seen, advice=advice, evidence=_sizes(verdict))
    return CaseOutcome(judgement="not applicable", seen="What the limit counts was not found out.")


def _limit_is_as_documented(bench: ServerBench) -> CaseOutcome:
    verdict, said = bench.verdict, bench.configured_bytes
    if said is None:
        return CaseOutcome(judgement="not applicable", seen="No documented limit was given (--configured).")
    if (unproven := _unproven(verdict)) is not None:
        return unproven
    if verdict.inclusive is None:
        seen = f"The limit is {verdict.max_single_frame_bytes:,} bytes, and not the {said:,} that were said."
        return CaseOutcome(
            judgement="fails", seen=seen, advice="Correct the document or the setting.", evidence=_sizes(verdict)
        )
    seen = f"A message of exactly {said:,} bytes {'passes' if verdict.inclusive else 'is refused'}."
    return CaseOutcome(
        judgement="passes" if verdict.inclusive else "surprises clients", seen=seen, evidence=_sizes(verdict)
    )


def _refuses_on_the_header(bench: ServerBench) -> CaseOutcome:
    verdict = bench.verdict
    if (unproven := _unproven(verdict)) is not None:
        return unproven
    if verdict.over_limit not in ("close_frame", "empty_close_frame", "no_close_frame", "invalid_close_frame"):
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
    if (unproven := _unproven(verdict)) is not None:
        return unproven
    lost = bench.refuse_many(verdict.smallest_refused_bytes or 1, REFUSALS)
    evidence = (Evidence(f"{lost.refused} of {REFUSALS} connections refused", lost.elapsed_s),)
    if lost.problem is not None:
        advice = "Find what a refusal leaves behind: a socket, a task, memory."
        return CaseOutcome(judgement="fails", seen=lost.problem, advice=advice, evidence=evidence)
    seen = f"{REFUSALS} refusals in a row cost another client nothing: {lost.exchanges} of its pings were answered."
    return CaseOutcome(judgement="passes", seen=seen, evidence=evidence)


def _sizes(verdict: Verdict) -> tuple[Evidence, ...]:
    found = [f"{verdict.max_single_frame_bytes:,} bytes pass"] if verdict.max_single_frame_bytes is not None else []
    if verdict.smallest_refused_bytes is not None:
        found.append(f"{verdict.smallest_refused_bytes:,} bytes do not")
    if verdict.close_frame_hex:
        found.append(f"close frame {verdict.close_frame_hex}")
    return tuple(map(Evidence, [*found, *verdict.remarks]))


LIMIT_CASES = (
    Case("has_a_limit", "Sends ever larger messages.", "One of them is refused.", RFC_LIMITS, _has_a_limit),
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
        "bounds_what_inflates",
        "Sends a small compressed message that inflates beyond the limit.",
        "It is refused.",
        RFC_7692,
        _bounds_what_inflates,
    ),
    Case(
        "bounds_the_sum_of_fragments",
        "Sends a message that is too big in small frames.",
        "It is refused.",
        LESSON_02,
        _bounds_the_sum_of_fragments,
    ),
    Case(
        "limit_is_as_documented",
        "Sends a message of exactly the documented limit.",
        "It passes.",
        LESSON_01,
        _limit_is_as_documented,
    ),
    Case(
        "survives_refusals",
        f"Is refused {REFUSALS} times, while another client pings.",
        "The other client notices nothing, and new ones are admitted.",
        RFC_LIMITS,
        _survives_refusals,
    ),
)
