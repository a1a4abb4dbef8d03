"""What a limit counts, once it is known: frames or messages, bytes or characters, before or after inflation.

Each question is put as the one message in which the possible answers differ, as a header where headers suffice.
"""

from __future__ import annotations

from typing import Any

from wslab.core.limits.controls import weigh
from wslab.core.limits.deflate import deflated
from wslab.core.limits.guesses import growing, next_size
from wslab.core.limits.inquiry import PATIENT, Inquiry, Steps
from wslab.core.limits.offering import passes
from wslab.core.limits.trials import Observation

MAX_FRAGMENTS = 65_536
"""No message is cut into more, lest a frame limit of a few bytes makes millions of frames."""


_EVIDENCE: dict[str, Any] = {"purpose": "evidence", "patience": PATIENT}


def count_fragments(inquiry: Inquiry) -> Steps[None]:
    """Find the largest message that passes in small fragments, and so whether frames or messages are limited."""
    evidence = inquiry.evidence
    if not inquiry.takes_fragments:
        evidence.max_fragmented_bytes = 0
        evidence.remarks.append("The server refuses any fragmented message, so what the limit counts stays open.")
        return
    limit_bytes = evidence.accepted_bytes
    low = 1
    if evidence.is_settled:
        if (yield from _refused_in_fragments(inquiry, limit_bytes + 1)):
            if (yield from _taken_in_fragments(inquiry, limit_bytes)):
                evidence.counts, evidence.max_fragmented_bytes = "message", limit_bytes
                return
        else:
            low = evidence.max_fragmented_bytes = limit_bytes + 1
    high = min(evidence.cap_bytes, MAX_FRAGMENTS * inquiry.fragment_bytes)
    if high <= low or (yield from _passes_whole(inquiry, high)):
        evidence.counts, evidence.max_fragmented_bytes = "frame" if evidence.is_settled else None, None
        if high < evidence.cap_bytes:
            evidence.remarks.append(f"Fragmented messages were tried up to {high:,} bytes only.")
        return
    largest = yield from _largest_in_fragments(inquiry, low, high)
    if (yield from _counts_fragments(inquiry, largest)):
        evidence.counts, evidence.max_fragmented_bytes = "frame" if evidence.is_settled else None, None
        count = largest // inquiry.fragment_bytes
        evidence.remarks.append(f"A message of more than {count:,} fragments is refused, however short they are.")
        return
    evidence.max_fragmented_bytes = largest
    evidence.counts = "both"


def _counts_fragments(inquiry: Inquiry, largest: int) -> Steps[bool]:
    """Whether it is the number of fragments that is limited: one fragment more, each half as long, is refused."""
    count, rest = divmod(largest, inquiry.fragment_bytes)
    half = inquiry.fragment_bytes // 2
    if rest or half == 0 or (count + 1) * half > largest:
        return False
    _, reading = yield from weigh(inquiry, "fragments", (count + 1) * half, fragment_bytes=half, **_EVIDENCE)
    return reading != "accepted"


def _refused_in_fragments(inquiry: Inquiry, payload_bytes: int) -> Steps[bool]:
    """By a header if this server refuses those, else by a message."""
    if inquiry.refuses_headers and not (yield from passes(inquiry, "announced_in_fragments", payload_bytes)):
        return True
    return not (yield from _passes_whole(inquiry, payload_bytes))


def _taken_in_fragments(inquiry: Inquiry, payload_bytes: int) -> Steps[bool]:
    if payload_bytes == 1:
        return True  # calibrated
    if inquiry.refuses_headers:
        return (yield from passes(inquiry, "announced_in_fragments", payload_bytes))
    return (yield from _passes_whole(inquiry, payload_bytes))


def _passes_whole(inquiry: Inquiry, payload_bytes: int) -> Steps[bool]:
    _, reading = yield from weigh(inquiry, "fragments", payload_bytes, **_EVIDENCE)
    return reading == "accepted"


def _largest_in_fragments(inquiry: Inquiry, low: int, high: int) -> Steps[int]:
    """Narrow down by whole messages in fragments, where `low` passes and `high` does not."""
    patience = 1 if inquiry.baseline.replies == "echo" and not inquiry.evidence.refused_in_silence else PATIENT
    is_settled = inquiry.evidence.is_settled
    for size in growing(low, high - 1):
        if not (yield from passes(inquiry, "fragments", size, patience)):
            high = size
            break
        low = size
    while high - low > 1:
        if is_settled:
            inquiry.evidence.max_fragmented_bytes = low  # in case that there is no time for more
        size = next_size(low, high)
        if (yield from passes(inquiry, "fragments", size, patience)):
            low = size
        else:
            high = size
    return low


def count_text(inquiry: Inquiry) -> Steps[None]:
    """Find whether the limit counts bytes or characters, by a text that only one of the two refuses."""
    evidence = inquiry.evidence
    if not evidence.is_settled or inquiry.baseline.content != "text" or not inquiry.terms.is_filler:
        return
    if inquiry.refuses_headers and (yield from _refused_by_header(inquiry)):
        evidence.text_unit = "bytes"  # it refuses before it has seen a character
        return
    characters = evidence.accepted_bytes // 2 + 1
    wide, reading = yield from weigh(inquiry, "frame", 2 * characters, content="wide_text", **_EVIDENCE)
    if reading == "accepted":
        evidence.text_unit = "characters"
    elif (yield from _refused_for_its_words(inquiry, wide)):
        evidence.remarks.append(
            "It refuses text beyond ASCII, however short, so whether bytes or characters are counted stays open."
        )
    else:
        evidence.text_unit = "bytes"


def try_binary(inquiry: Inquiry) -> Steps[None]:
    """Say so where the limit is one of text messages: a binary one that is larger passes."""
    evidence = inquiry.evidence
    if not evidence.is_settled or not inquiry.terms.is_filler or inquiry.baseline.content != "text":
        return
    size = evidence.accepted_bytes + 1
    if inquiry.refuses_headers or "binary" not in inquiry.terms.contents:
        return  # the header was refused before its content came; its opcode is rarely looked at
    _, reading = yield from weigh(inquiry, "frame", size, content="binary", fresh=True, **_EVIDENCE)
    if reading == "accepted":
        evidence.remarks.append(
            f"This is the limit of text messages: a binary one of {size:,} bytes passes. To find that of binary ones, "
            "give a binary template: --binary --template '{filler}'."
        )


def _refused_for_its_words(inquiry: Inquiry, wide: Observation) -> Steps[bool]:
    """Whether the shortest wide text is refused too; not asked where the long one was refused as size is."""
    refusal = inquiry.evidence.refusal
    as_size = refusal is None or (refusal.close_code, refusal.close_reason or "") == (
        wide.close_code,
        wide.close_reason,
    )
    if as_size or inquiry.evidence.accepted_bytes < 2:
        return False
    _, reading = yield from inquiry.ask("frame", 2, content="wide_text", fresh=True, **_EVIDENCE)
    return reading != "accepted"


def _refused_by_header(inquiry: Inquiry) -> Steps[bool]:
    """Whether the smallest refused size, as a total or as a frame after a first byte, is refused unread."""
    size = inquiry.evidence.accepted_bytes + 1
    if not inquiry.takes_fragments:
        return not (yield from passes(inquiry, "announced", size))
    for announced in (size, size + 1):
        if not (yield from passes(inquiry, "announced_in_fragments", announced)):
            return True
    return False


def count_compression(inquiry: Inquiry) -> Steps[None]:
    """Find whether a compressed message counts before or after inflation, or both."""
    evidence = inquiry.evidence
    if not (evidence.is_settled and inquiry.terms.is_filler and (yield from inquiry.deflates())):
        return
    _, reading = yield from inquiry.ask("deflated", inquiry.small_bytes, **_EVIDENCE)
    if reading != "accepted":
        evidence.remarks.append(
            "It refuses compressed messages of the letter “a”, however short: what the limit counts in compressed "
            "messages stays open."
        )
        return
    inflated = yield from _limits_inflated(inquiry)
    wire = yield from _limits_wire(inquiry)
    if inflated is None:
        evidence.remarks.append("The limit is too small to tell inflated bytes from bytes on the wire.")
    elif inflated or wire:
        evidence.compression_counts = "both" if inflated and wire else "inflated" if inflated else "wire"


def _limits_inflated(inquiry: Inquiry) -> Steps[bool | None]:
    """Whether a message is refused that is too big only after inflation; None where there can be none."""
    evidence = inquiry.evidence
    limit = evidence.accepted_bytes
    candidates = (limit, limit + 1, limit + 2, min(4 * (limit + 1), evidence.cap_bytes))
    sizes = [size for size in candidates if len(deflated(size)) <= limit <= size]
    passed = 0
    for size in sizes:
        _, reading = yield from weigh(inquiry, "deflated", size, **_EVIDENCE)
        if reading != "accepted":
            if passed != limit:
                differs = f"messages of {passed:,} bytes still pass and" if passed else "even"
                evidence.remarks.append(f"Compressed, {differs} messages of {size:,} bytes are refused.")
            return True
        passed = size
    return False if passed > limit else None


def _limits_wire(inquiry: Inquiry) -> Steps[bool]:
    """Whether a compressed frame is refused that would inflate to one byte."""
    _, reading = yield from weigh(inquiry, "padded", inquiry.evidence.accepted_bytes + 1, **_EVIDENCE)
    return reading != "accepted"
