"""What a verdict does not show, and what its number reads like: remarks beside the finding."""

from __future__ import annotations

from collections.abc import Iterator

from wslab.core.limits.evidence import LimitEvidence
from wslab.core.limits.guesses import looks_configured


def remarks_on(evidence: LimitEvidence) -> Iterator[str]:
    """Yield what a reader should know beside the finding."""
    if evidence.through_proxy and (evidence.accepted_bytes or evidence.refused_bytes):
        yield (
            "All was seen through a proxy: how much is taken and how TCP ends is its doing as well as the server's, "
            "and a close frame may be lost in it."
        )
    if evidence.accepted_bytes and not evidence.always_answers:
        why = "answers no message, or only seconds later"
        if evidence.speaks_unasked:
            why = "speaks unasked, and nothing that it says could be told for an answer"
        yield (
            f"The server {why}, so a message that it drops in silence looks like one that it accepts; only a closure "
            "could be seen."
        )
    if evidence.is_settled and evidence.inclusive is None:
        yield from _reads_like(evidence)
    if evidence.failure is not None and evidence.failure.status != evidence.status:
        left = (
            " Whether fragments help was not tried." if not (evidence.counts or evidence.max_fragmented_bytes) else ""
        )
        yield f"The search ended before everything was examined: {evidence.failure.explanation}{left}"


def _reads_like(evidence: LimitEvidence) -> Iterator[str]:
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
