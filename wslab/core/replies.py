"""Which of a server's messages is the answer: one that comes because of a message, and not merely after it.

Servers also speak unasked: a welcome, a heartbeat, stock prices. A message heard before anything was sent is recognised
from then on, also with different numbers, if its numbers were seen to change. Of the rest, a message that repeats the
payload is certainly the answer; any other is taken for the answer unless the server refuses a moment later.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import Literal

ReplyKind = Literal["echo", "unasked", "words"]

MAX_SKELETONS = 100
LOOKED_AT_BYTES = 1000
DISTINCTIVE_BYTES = 8
"""The least length of a payload whose occurrence within another message is no accident."""

_VARYING = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F-]{27}|[0-9]+(?:\.[0-9]+)?")
_LONG_NUMBER = 3
"""A number of at least this many digits is a time or a counter; a shorter one may name a type of message."""


class Acquaintance:
    """The messages that a server is known to send unasked."""

    def __init__(self) -> None:
        self._heard: defaultdict[str, set[tuple[str, ...]]] = defaultdict(set)

    @property
    def speaks_first(self) -> bool:
        return bool(self._heard)

    def learn(self, message: bytes) -> None:
        """Remember a message that came unasked."""
        skeleton, numbers = _taken_apart(message)
        if skeleton in self._heard or len(self._heard) < MAX_SKELETONS:
            self._heard[skeleton].add(numbers)
            if len(self._heard[skeleton]) > 2:  # two are enough to know that its numbers change
                self._heard[skeleton].pop()

    def judge(self, payload: bytes, message: bytes) -> ReplyKind:
        """Classify a message that came after `payload` was sent."""
        if is_echo(payload, message):
            return "echo"
        skeleton, numbers = _taken_apart(message)
        heard = self._heard.get(skeleton, set())
        if len(heard) > 1 or any(map(_differ_in_counters_only, heard, [numbers] * len(heard))):
            return "unasked"
        return "words"


def is_echo(payload: bytes, message: bytes) -> bool:
    """Whether a message repeats the payload, alone or among other words.

    >>> is_echo(b"x", b"x"), is_echo(b"x", b"exactly"), is_echo(b"swordfish", b'{"you said": "swordfish"}')
    (True, False, True)
    """
    return payload == message or (len(payload) >= DISTINCTIVE_BYTES and payload in message)


def _taken_apart(message: bytes) -> tuple[str, tuple[str, ...]]:
    text = message[:LOOKED_AT_BYTES].decode(errors="replace")
    return _VARYING.sub("#", text), tuple(_VARYING.findall(text))


def _differ_in_counters_only(known: tuple[str, ...], new: tuple[str, ...]) -> bool:
    return all(one == other or min(len(one), len(other)) >= _LONG_NUMBER for one, other in zip(known, new, strict=True))
