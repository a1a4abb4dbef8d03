"""The record that explains one close code, or one range of codes, in words."""

from __future__ import annotations

import msgspec

from wslab.core.codes.sources import Claim


class CodeExplanation(msgspec.Struct, frozen=True, kw_only=True):
    """What a close code means, in English, every statement with its sources.

    "The side that closes" sent the code, or would have sent it; "the other side" received it.

    Fields:
        cause: a phrase for the event, unlike that of any other code: fit for a label.
        description: the definition.
        when_seen, how_to_fix: the usual cases, the commonest first.
        when_to_use: when to send the code, and when another one says it better.
        retry: whether to reconnect and go on as before, begun with "Yes", "No" or "It depends".
        example_reason: a close reason worth sending with it, at most 123 bytes of UTF-8 (RFC 6455 §5.5: 125
            bytes, of which the code takes two). None where the code may not be sent.
    """

    cause: str
    description: Claim
    when_seen: tuple[Claim, ...]
    how_to_fix: tuple[Claim, ...]
    when_to_use: Claim
    retry: Claim
    example_reason: str | None = None
