"""The record that explains one close code, or one range of codes."""

from __future__ import annotations

import msgspec

from wslab.core.codes.sources import Claim


class CodeExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """The meaning of a close code, in English, every statement with its sources.

    "The side that closes" sent the code, or would have sent it; "the other side" received it.

    Fields:
        cause: a phrase for the event, unique among all codes, for labels.
        description: the definition.
        when_seen, how_to_fix: the usual cases, the most common first.
        when_to_use: when to send the code, and when another one is better.
        retry: whether to reconnect and go on as before; begins with "Yes", "No" or "It depends".
        example_reason: a good close reason, at most `wslab.core.bounds.MAX_REASON_BYTES` long. None if the code must
            not be sent.
    """

    cause: str
    description: Claim
    when_seen: tuple[Claim, ...]
    how_to_fix: tuple[Claim, ...]
    when_to_use: Claim
    retry: Claim
    example_reason: str | None = None
