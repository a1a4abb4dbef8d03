"""Evidence in, verdict out: the same facts as fields, as sentences, and as remarks on what they do not show."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from wslab.core.limits.guesses import looks_configured
from wslab.core.limits.verdicts import Costs, Evidence, Refusal, Verdict

_OVER_LIMIT = {
    "close_frame": "the server closes with {code}{reason}",
    "empty_close_frame": "the server sends a close frame without a code, which an application sees as 1005",
    "no_close_frame": "the server ends TCP without a close frame, which an application sees as 1006",
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
    "drain": "After refusing the server reads on, so a client that is still sending sees how it was refused.",
    "reset": (
        "After refusing the server closes TCP with unread data: a client that is still sending meets a reset and may "
        "report 1006 whatever the server sent."
    ),
    "hold": "After refusing the server neither reads on nor ends TCP: a client that is still sending blocks.",
}


def conclude(evidence: Evidence, *, url: str, costs: Costs) -> Verdict:
    """Draw the verdict from what is known, however little it is."""
    refusal = evidence.refusal
    return Verdict(
        url=url,
        status=evidence.status,
        explanation=_printable(" ".join(_sentences(evidence))),
        remarks=tuple(map(_printable, (*evidence.remarks, *_remarks(evidence)))),
        cap_bytes=evidence.cap_bytes,
        configured_bytes=evidence.configured_bytes,
        max_single_frame_bytes=evidence.accepted_bytes or None,
        smallest_refused_bytes=evidence.refused_bytes,
        max_fragmented_bytes=evidence.max_fragmented_bytes,
        counts=evidence.counts,
        inclusive=evidence.inclusive,
        text_unit=evidence.text_unit,
        compression_counts=evidence.compression_counts,
        over_limit=refusal.over_limit if refusal else None,
        close_code=refusal.close_code if refusal else None,
        close_reason=refusal.close_reason if refusal else None,
        close_frame_hex=refusal.close_frame_hex if refusal else None,
        after_refusal=refusal.after_refusal if refusal else None,
        http_status=evidence.failure.http_status if evidence.failure else None,
        **msgspec.structs.asdict(costs),
    )


def _sentences(evidence: Evidence) -> Iterator[str]:
    accepted, refusal = evidence.accepted_bytes, evidence.refusal
    if evidence.status == "limit_found" and refusal is not None:
        how = _describe(refusal)
        yield f"Messages up to {_bytes(accepted)} pass as one frame; with one byte more {how}."
    elif evidence.status == "no_limit_below_cap":
        yield f"No limit up to the cap: a message of {accepted:,} bytes in one frame passes."
    else:
        yield evidence.failure.explanation if evidence.failure else "Repeated trials contradict each other."
        yield from _established(evidence)
    if evidence.counts is not None:
        yield _COUNTS[evidence.counts].format(fragmented=evidence.max_fragmented_bytes)
    if evidence.text_unit is not None:
        yield f"Text is counted in {evidence.text_unit}."
    if evidence.compression_counts is not None:
        yield _COMPRESSION[evidence.compression_counts]
    if refusal is not None and refusal.after_refusal is not None:
        yield _AFTERWARDS[refusal.after_refusal]


def _established(evidence: Evidence) -> Iterator[str]:
    if evidence.accepted_bytes:
        yield f"Until then a message of {_bytes(evidence.accepted_bytes)} had passed as one frame."
    if evidence.refused_bytes is not None and evidence.refusal is not None:
        how = _describe(evidence.refusal)
        yield f"At {_bytes(evidence.refused_bytes)} {how}."


def _describe(refusal: Refusal) -> str:
    reason = f" “{refusal.close_reason}”" if refusal.close_reason else " and gives no reason"
    return _OVER_LIMIT[refusal.over_limit].format(code=refusal.close_code, reason=reason)


def _remarks(evidence: Evidence) -> Iterator[str]:
    if evidence.accepted_bytes and not evidence.always_answers:
        yield (
            "The server answers no message, so one that it drops in silence looks like one that it accepts; "
            "only a closure could be seen."
        )
    if evidence.refusal is not None and evidence.refusal.reads_on_briefly:
        yield "It reads on for a moment only, then closes TCP: who has much left to send may still meet a reset."
    if evidence.is_settled and evidence.inclusive is None:
        yield from _reads_like(evidence)
    if evidence.failure is not None and evidence.failure.status != evidence.status:
        yield f"The search ended before everything was examined: {evidence.failure.explanation}"


def _reads_like(evidence: Evidence) -> Iterator[str]:
    accepted, refused = evidence.accepted_bytes, evidence.accepted_bytes + 1
    if evidence.configured_bytes is not None:
        yield (
            f"The limit is said to be {evidence.configured_bytes:,} bytes, but another was met first: look for a "
            "proxy, a library's default or a second limit in between."
        )
    elif looks_configured(accepted):
        yield f"{accepted:,} reads like a limit of {accepted:,}, inclusive."
    elif looks_configured(refused):
        yield f"{accepted:,} reads like a limit of {refused:,}, exclusive."


def _bytes(count: int) -> str:
    return "1 byte" if count == 1 else f"{count:,} bytes"


def _printable(words: str) -> str:
    """Servers have been quoted in these words: no control character of theirs may reach a terminal."""
    return "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in words)
