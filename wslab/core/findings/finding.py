"""A finding: what happened, whose doing it was, how sure that is and on what it rests.

How sure is a small closed scale, and every word of it is earned:

- "shown": a control differed in this one thing only, or the other side's own account says it;
- "likely": everything that was seen fits and a peer says so itself, but no control rules the rest out;
- "possible": it fits, and so does something else, which is named;
- "cannot tell": what was seen fits too much. A finding too, and a better one than a guess.
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import msgspec

from wslab.core.codes.sources import Lesson, Source
from wslab.core.printable import printable

Whose = Literal["server", "client", "network", "server or proxy", "relay", "observer", "nobody", "unknown"]
"""Whose doing it was. A client cannot see where a path ends, so what a proxy may have done as well is told so;
"relay" is the lab's own, on command; "observer" is the machine that measured."""

Sure = Literal["shown", "likely", "possible", "cannot tell"]
SURENESS: tuple[Sure, ...] = get_args(Sure)


class Alternative(msgspec.Struct, frozen=True):
    """What else it could be, and which experiment would tell the two apart."""

    explanation: str
    experiment: str


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One conclusion from records, in words and as fields.

    Fields:
        rule: the name of the rule that drew it, such as "close_frame_lost".
        what: what happened, one sentence. A peer's words are in it only through `quoted`.
        whose: whose doing it was. sure: how sure all of this is.
        evidence: the records that it rests on, by their ids: places in `Run.records`, counted from 0.
        why: why these records say so, one or two sentences.
        instead: what else it could be; empty where nothing else fits.
        advice: what to do about it.
        sources: documents and lessons that say more.
        facts: the numbers in it, by glossary name with unit, for a table or a program.
    """

    rule: str
    what: str
    whose: Whose
    sure: Sure
    evidence: tuple[int, ...]
    why: str
    advice: str
    instead: tuple[Alternative, ...] = ()
    sources: tuple[Source | Lesson, ...] = ()
    facts: dict[str, Any] = {}


def quoted(words: str, longest: int = 160) -> str:
    r"""Return a peer's words in quotation marks, with no character in them that a terminal would obey.

    >>> print(quoted("too\x1b[31m much"))
    “too\x1b[31m much”
    """
    shown = printable(words)
    return f"“{shown if len(shown) <= longest else shown[: longest - 1] + '…'}”"


def counted(number: int, noun: str) -> str:
    """Return a number with its noun.

    >>> counted(1, "byte"), counted(1024, "byte")
    ('1 byte', '1,024 bytes')
    """
    return f"{number:,} {noun}{'s' * (number != 1)}"
