"""What messages of a chosen size consist of: one character over and over, or whatever a template makes.

A payload is asked for piece by piece, so that one of many megabytes is never held whole where it need not be.
"""

from __future__ import annotations

import random
import string
from typing import Protocol

from wslab.core.limits.trials import Content
from wslab.core.templates import Template

_WIDE = "é".encode()  # two bytes
_HEAD, _TAIL = b'{"a": "', b'"}'
_PERIOD_BYTES = 4096
_VARIED = "".join(random.Random(1).choices(string.ascii_lowercase + "    ", k=_PERIOD_BYTES)).encode()


class Contents(Protocol):
    """Messages of any size.

    Fields:
        kinds: what may be sent, the most likely first. least_bytes: the smallest message that there can be.
        fill: the one byte that all are filled with; None where they are not, so that only their size may vary.
    """

    kinds: tuple[Content, ...]
    least_bytes: int
    fill: bytes | None

    def piece(self, content: Content, payload_bytes: int, at: int, length: int) -> bytes:
        """Return `length` bytes of the message of this size, from `at` on; fewer at its end."""


class Filled:
    r"""Messages of one ASCII character.

    >>> Filled("a").piece("wide_text", 6, 1, 3) == "é".encode()[1:] + "é".encode()
    True
    """

    kinds: tuple[Content, ...] = ("text", "binary")
    least_bytes = 1

    def __init__(self, filler: str = "a") -> None:
        self.fill: bytes | None = filler.encode()
        self._patterns = {
            "text": self.fill * 2**16,
            "binary": self.fill * 2**16,
            "wide_text": _WIDE * 2**15,
            "varied_text": _VARIED * (2**16 // _PERIOD_BYTES),
        }

    def piece(self, content: Content, payload_bytes: int, at: int, length: int) -> bytes:
        if content == "json_text":
            return _json(payload_bytes, at, min(length, payload_bytes - at))
        pattern = self._patterns[content]
        length = min(length, payload_bytes - at)
        begin = at % _PERIOD_BYTES
        if begin + length <= len(pattern):
            return pattern[begin : begin + length]
        return (pattern * (2 + length // len(pattern)))[begin : begin + length]


def _json(payload_bytes: int, at: int, length: int) -> bytes:
    """Return a piece of an object in JSON.

    >>> _json(12, 0, 12), _json(12, 9, 3), _json(3, 0, 3)
    (b'{"a": "aaa"}', b'a"}', b'111')
    """
    if payload_bytes <= len(_HEAD) + len(_TAIL):
        return b"1" * length
    piece = _HEAD[at : at + length]
    piece += b"a" * max(0, min(at + length, payload_bytes - len(_TAIL)) - max(at, len(_HEAD)))
    return piece + _TAIL[len(_TAIL) - payload_bytes + at + len(piece) :][: length - len(piece)]


class Templated:
    """Messages of a template (`wslab.core.templates`): valid ones of just the size that is asked for."""

    def __init__(self, template: Template) -> None:
        self.least_bytes = max(1, template.min_bytes)
        self.fill: bytes | None = None
        self.kinds: tuple[Content, ...] = ("text",) if template.is_text else ("binary",)
        self._template = template
        self._made = (-1, b"")

    def piece(self, content: Content, payload_bytes: int, at: int, length: int) -> bytes:
        del content  # a template has one
        if self._made[0] != payload_bytes:
            made = self._template.make(payload_bytes)
            self._made = payload_bytes, made.encode() if isinstance(made, str) else made
        return self._made[1][at : at + length]
