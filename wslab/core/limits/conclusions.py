"""Evidence in, verdict out: the same facts as fields, as sentences, and as remarks on what they do not show."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from msgspec import structs

from wslab.core.limits.advice import advise
from wslab.core.limits.evidence import LimitEvidence
from wslab.core.limits.remarks import remarks_on
from wslab.core.limits.verdicts import Costs, Refusal, Verdict
from wslab.core.printable import printable

_QUOTED = re.compile("“[^”]*”")
_OVER_LIMIT = {
    "close_frame": "the server closes with {code}{reason}",
    "empty_close_frame": "the server sends a close frame without a code, which an application sees as 1005",
    "invalid_close_frame": (
        "the server closes with an invalid frame, {hex}: {fault}; a client fails the connection, and an application is "
        "told 1006"
    ),
    "no_close_frame": "the server ends TCP without a close frame, which an application sees as 1006",
    "other_answer": "the server answers “{answer}”, and the connection lives on",
    "silent_drop": "the server drops the message in silence and the connection lives on",
    "held_open": "the connection stays open, and nothing on it is answered any more",
}
_COUNTS = {
    "message": "The limit is on the message: splitting it into frames does not help.",
    "frame": "Only frames are limited: in fragments, no message up to the cap was refused.",
    "both": "Frames and messages have a limit each: in fragments, messages up to {fragmented:,} bytes pass.",
}
_COMPRESSION = {
    "inflated": "A compressed message counts with its inflated bytes.",
    "wire": "A compressed message counts with its bytes on the wire, whatever it inflates to.",
    "both": "A compressed message counts twice: its bytes on the wire, and again after inflation.",
}
_AFTERWARDS = {
    "drain": "After refusing, {who} reads on.",
    "reset": "After refusing, {who} ends TCP while the client is still sending.",
    "hold": "After refusing, {who} neither reads on nor ends TCP: a client that is still sending blocks.",
    "varies": "What {who} does after refusing varies.",
}


def conclude(
    evidence: LimitEvidence,
    *,
    url: str,
    costs: Costs,
    redact: Callable[[str], str] = str,
    keep_replies: bool = True,
) -> Verdict:
    """Draw the verdict from what is known, however little it is.

    Args:
        redact: takes secrets out of texts. keep_replies: whether the server's answers may be quoted.
    """
    evidence = _told(evidence, redact, keep_replies=keep_replies)
    refusal, tells_size = evidence.refusal, evidence.failure_hides_size is None
    return Verdict(
        url=url,
        status=evidence.status,
        explanation=printable(" ".join(_sentences(evidence))),
        advice=advise(evidence),
        remarks=tuple(map(printable, (*evidence.remarks, *remarks_on(evidence)))),
        cap_bytes=evidence.cap_bytes,
        takes=evidence.takes,
        configured_bytes=evidence.configured_bytes,
        max_single_frame_bytes=evidence.accepted_bytes or None,
        smallest_refused_bytes=evidence.refused_bytes,
        max_fragmented_bytes=evidence.max_fragmented_bytes if tells_size else None,
        counts=evidence.counts if tells_size else None,
        inclusive=evidence.inclusive,
        text_unit=evidence.text_unit if tells_size else None,
        compression_counts=evidence.compression_counts if tells_size else None,
        over_limit=refusal.over_limit if refusal else None,
        close_code=refusal.close_code if refusal else None,
        close_reason=refusal.close_reason if refusal else None,
        close_frame_hex=refusal.close_frame_hex if refusal else None,
        after_refusal=evidence.after_refusal,
        http_status=evidence.failure.http_status if evidence.failure else None,
        closes_on=tuple(evidence.causes),
        answer_changes_at_bytes=evidence.answer_changes_at_bytes,
        answer_below=evidence.answer_below,
        answer_above=evidence.answer_above,
        reading_client_told=evidence.reading_client_told,
        blocking_client_told=evidence.blocking_client_told,
        **structs.asdict(costs),
    )


def _told(evidence: LimitEvidence, redact: Callable[[str], str], *, keep_replies: bool) -> LimitEvidence:
    """Return the evidence as it may be told: without secrets, and without answers where they are not wanted."""

    def said(text: str | None) -> str | None:
        return None if text is None else redact(text)

    def answered(text: str | None) -> str | None:
        return said(text) if keep_replies else None

    refusal, failure = evidence.refusal, evidence.failure
    if refusal is not None and said(refusal.close_reason) != refusal.close_reason:
        refusal = structs.replace(refusal, close_frame_hex=None)  # it would tell what the reason may not
    return replace(
        evidence,
        refusal=refusal
        and structs.replace(refusal, close_reason=said(refusal.close_reason), answer=answered(refusal.answer)),
        failure=failure and structs.replace(failure, explanation=redact(failure.explanation)),
        answer_below=answered(evidence.answer_below),
        answer_above=answered(evidence.answer_above),
        causes=[
            structs.replace(cause, close_reason=said(cause.close_reason), explanation=redact(cause.explanation))
            for cause in evidence.causes
        ],
        remarks=[redact(_unquoted(remark) if not keep_replies else remark) for remark in evidence.remarks],
    )


def _unquoted(remark: str) -> str:
    return _QUOTED.sub("(not kept)", remark)


def _sentences(evidence: LimitEvidence) -> Iterator[str]:
    failed = _failed(evidence) or ""
    causes = [cause.explanation for cause in evidence.causes if cause.explanation not in failed]
    if evidence.status == "out_of_bounds":  # what was found answers more than why it is not all
        yield from causes
        causes = []
    yield from _finding(evidence)
    if evidence.failure_hides_size is None:
        yield from _counted(evidence)
        yield from _afterwards(evidence)
    yield from causes


def _counted(evidence: LimitEvidence) -> Iterator[str]:
    if evidence.counts is None and evidence.max_fragmented_bytes:
        yield f"In fragments, messages of {_bytes(evidence.max_fragmented_bytes)} pass too; the largest was not found."
    if evidence.counts is not None:
        yield _COUNTS[evidence.counts].format(fragmented=evidence.max_fragmented_bytes)
    if evidence.text_unit is not None:
        yield f"Text is counted in {evidence.text_unit}."
    if evidence.compression_counts is not None:
        yield _COMPRESSION[evidence.compression_counts]


def _finding(evidence: LimitEvidence) -> Iterator[str]:
    accepted, refusal = evidence.accepted_bytes, evidence.refusal
    if evidence.status == "limit_found" and refusal is not None:
        how = _describe(refusal)
        yield f"Messages up to {_bytes(accepted)} pass as one frame; with one byte more {how}."
    elif evidence.status == "no_limit_below_cap" and evidence.answer_changes_at_bytes is not None:
        yield f"A message of {accepted:,} bytes in one frame closes nothing, but the answer changes with size."
    elif evidence.status == "no_limit_below_cap":
        yield f"No limit up to the cap: a message of {accepted:,} bytes in one frame passes."
    else:
        yield _failed(evidence) or "Repeated trials contradict each other."
        yield from _established(evidence)
    if evidence.answer_changes_at_bytes is not None and (refusal is None or refusal.over_limit != "other_answer"):
        yield _other_answer(evidence)


def _failed(evidence: LimitEvidence) -> str | None:
    return evidence.failure.explanation if evidence.failure else None


def _other_answer(evidence: LimitEvidence) -> str:
    changes_at = evidence.answer_changes_at_bytes or 0
    if evidence.echo_cut_bytes is not None:
        return (
            f"Its echo is cut: messages up to {_bytes(evidence.echo_cut_bytes)} come back whole, and of a larger one "
            "only so many bytes do. Whether it reads the rest cannot be seen from outside."
        )
    said = f"Up to {_bytes(changes_at - 1)} it is answered"
    if evidence.answer_below is None:
        return f"{said} in one way, from {_bytes(changes_at)} on in another."
    return (
        f"{said} “{evidence.answer_below}”, from {_bytes(changes_at)} on “{evidence.answer_above}”. If that refuses "
        f"the message, the limit is {_bytes(changes_at - 1)}."
    )


def _established(evidence: LimitEvidence) -> Iterator[str]:
    if not evidence.accepted_bytes:
        return  # the failure has said how the first message was refused
    yield f"Until then a message of {_bytes(evidence.accepted_bytes)} had passed as one frame."
    if evidence.refused_bytes is not None and evidence.refusal is not None and evidence.failure_hides_size is None:
        how = _describe(evidence.refusal)
        but = " That was not yet held against a control." if evidence.awaits_control else ""
        yield f"At {_bytes(evidence.refused_bytes)} {how}.{but}"


def _describe(refusal: Refusal) -> str:
    reason = f" “{refusal.close_reason}”" if refusal.close_reason else " and gives no reason"
    if refusal.answer and not refusal.close_reason:
        reason = f", behind the answer “{refusal.answer}”"
    return _OVER_LIMIT[refusal.over_limit].format(
        code=refusal.close_code,
        reason=reason,
        hex=refusal.close_frame_hex,
        fault=refusal.fault,
        answer=refusal.answer or "no, in words",
    )


def _afterwards(evidence: LimitEvidence) -> Iterator[str]:
    if evidence.after_refusal is None:
        return
    who = "the proxy, or the server through it," if evidence.through_proxy else "the server"
    yield _AFTERWARDS[evidence.after_refusal].format(who=who)
    reading, blocking = evidence.reading_client_told, evidence.blocking_client_told
    if reading and reading == blocking:
        told = _how_often(reading)
        yield f"A client with megabytes left to send was told {told}, whether it read while sending or not."
        return
    if reading:
        yield f"A client that reads while it sends was told {_how_often(reading)}."
    if blocking:
        yield f"One that reads only once all is sent was told {_how_often(blocking)}."


def _how_often(codes: Mapping[int, int]) -> str:
    """Say how often which code.

    >>> _how_often({1009: 3, 1006: 1})
    '1009 3 of 4 times, 1006 1 of 4 times'
    """
    times = sum(codes.values())
    return ", ".join(f"{code} {count} of {times} times" for code, count in sorted(codes.items(), reverse=True))


def _bytes(count: int) -> str:
    return "1 byte" if count == 1 else f"{count:,} bytes"
