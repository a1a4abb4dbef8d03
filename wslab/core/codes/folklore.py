"""Common statements about 1009 and 1012 that are too simple, and what the course's experiments find instead."""

from __future__ import annotations

import msgspec

from wslab.core.codes.sources import (
    HYBI_RESTART,
    LESSON_00,
    LESSON_02,
    LESSON_04,
    LESSON_05,
    LESSON_06,
    RFC_LIMITS,
    Claim,
    claim,
)


class Folklore(msgspec.Struct, frozen=True):
    """A common statement about a code that is too simple, and what is found instead, with the lesson that shows it."""

    code: int
    says: str
    found: Claim


FOLKLORE = (
    Folklore(
        1009,
        "The configured maximum frame or message size was exceeded.",
        claim("Two different limits. A server may have one, the other, or both.", RFC_LIMITS, LESSON_02),
    ),
    Folklore(
        1009,
        "Split large payloads into smaller frames.",
        claim(
            "A limit on the message, which is nearly every limit, adds the frames up again: split into messages.",
            RFC_LIMITS,
            LESSON_02,
        ),
    ),
    Folklore(
        1009,
        "Raise the limit.",
        claim(
            "It works, costs memory for each connection, and usually means a restart for everyone.",
            LESSON_00,
            LESSON_02,
        ),
    ),
    Folklore(
        1012,
        "A server that restarts sends 1012.",
        claim("Some do. Many send 1001 or 1000 when they restart, or nothing, which is 1006.", LESSON_04),
    ),
    Folklore(
        1012,
        "Reconnect after a short delay of 1 to 5 s.",
        claim(
            "The definition says a random 5 to 30 s. A short delay without jitter brings everyone back at once.",
            HYBI_RESTART,
            LESSON_05,
            LESSON_06,
        ),
    ),
)
"""Paraphrased from a comparison page for these two codes (statuscodefyi.com)."""
