"""Answers in words: which are alike, which differ, and which say no.

What a server answers may hold a counter, a time, an identifier, the message itself or its length, so two answers are
compared by their *kind*: what is left of the words once those are taken out. How much must be taken out differs from
server to server, so it is learnt from answers to messages of one size: the finest `Grain` at which these agree.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable
from typing import Any, Literal

Grain = Literal["words", "shape", "content"]
"""words: all but numbers, identifiers and long runs. shape: a JSON document's keys, or a text's first word.
content: text or binary."""

GRAINS: tuple[Grain, ...] = ("words", "shape", "content")

MAX_REPLY_CHARACTERS = 200
"""What is kept of an answer."""

_BINARY = "binary: "
_RUN = re.compile(r"\b([^\W\d_])\1*\b|(.)\2{3,}", re.DOTALL)  # filler, from one character on
_IDENTIFIER = re.compile(r"\b(?=[\w-]*\d)(?=[\d-]*[^\W\d]|\d*-)[\w-]{8,}\b")
_NUMBER = re.compile(r"[-+]?\d[\d.,:_]*")
_CUT_STRING = re.compile(r'"(?:[^"\\]|\\.)*$')
_KEY = re.compile(r'"((?:[^"\\]|\\.){1,60})"\s*:')
_NO = re.compile(
    r"\b(?:err(?:or|ors|no)?|fail\w*|invalid|reject\w*|refus\w*|den(?:y|ied)|drop\w*|discard\w*|ignor\w*|truncat\w*"
    r"|too\W+(?:\w+\W+)?(?:big|large|long|many|much)|toolarge|toolong|toobig|exceed\w*|over(?:size\w*|flow|\W+limit)"
    r"|max(?:imum)?|limit\w*|not\W+(?:allowed|accepted|permitted)|unacceptable|bad|413|1009|nack)\b",
    re.IGNORECASE,
)


def reply_text(head: bytes, *, is_text: bool) -> str:
    """Return what is kept of an answer: its first characters, or those of its hexadecimal digits."""
    if is_text:
        return head.decode(errors="replace")[:MAX_REPLY_CHARACTERS]
    return (_BINARY + head.hex(" "))[:MAX_REPLY_CHARACTERS]


def kind_of(reply: str, grain: Grain) -> str:
    """Return what answers of one kind have in common.

    >>> kind_of('{"ok": true, "n": 17}', "words") == kind_of('{"ok": true, "n": 9000}', "words")
    True
    >>> kind_of('{"say": "red", "ok": 1}', "words") == kind_of('{"say": "blue", "ok": 1}', "words")
    False
    >>> kind_of('{"say": "red", "ok": 1}', "shape") == kind_of('{"say": "blue", "ok": 1}', "shape")
    True
    """
    if reply.startswith(_BINARY):
        return _BINARY.strip()
    if grain == "content":
        return "text"
    keys = _KEY.findall(reply) if reply.lstrip()[:1] in ("{", "[") else []
    if grain == "shape":
        return " ".join(sorted(set(keys))) if keys else _plain(reply).split(" ", 1)[0].lower()
    return _plain(_values(reply))


def _values(reply: str) -> str:
    """Return a JSON document with its keys in order and nothing of its layout; anything else as it is."""
    try:
        document: Any = json.loads(reply)
    except (ValueError, RecursionError):
        return _CUT_STRING.sub('"…"', reply)  # it was cut, most often inside of an echo
    return json.dumps(document, sort_keys=True, ensure_ascii=False)


def _plain(words: str) -> str:
    words = _NUMBER.sub("#", _IDENTIFIER.sub("~", words))
    return " ".join(_RUN.sub("…", words).split())


def finest_grain(answers: Iterable[Collection[str]]) -> Grain:
    """Return the finest grain at which all answers to messages of one size are alike.

    >>> finest_grain([['{"at": "Mon", "ok": 1}'], ['{"at": "Tue", "ok": 1}']])
    'shape'
    """
    given = [[*answer] for answer in answers]
    for grain in GRAINS:
        if len({tuple(kind_of(reply, grain) for reply in answer) for answer in given}) <= 1:
            return grain
    return "content"


def says_no(reply: str, *, unlike: str | None) -> bool:
    """Return whether an answer holds words of refusal that the answer to a small message does not.

    >>> says_no('{"error": "message too long, dropping"}', unlike='{"ok": true}')
    True
    >>> says_no("no errors, 5 bytes", unlike="no errors, 1 byte")
    False
    """
    usual = {word.lower() for word in _NO.findall(unlike or "")}
    return any(word.lower() not in usual for word in _NO.findall(reply))
