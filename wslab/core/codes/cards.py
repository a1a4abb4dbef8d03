"""Comparison cards: the differences between any close codes, as data.

A card is derived from `wslab.core.codes.registry` and `wslab.core.codes.folklore` and adds no facts. Its texts are
translated last, each looked up whole in the table of its language.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from wslab.core.codes.explanations import CodeExplanation
from wslab.core.codes.folklore import FOLKLORE, Folklore
from wslab.core.codes.habits import in_practice
from wslab.core.codes.languages import Language, Say, speaking
from wslab.core.codes.registry import REGISTRY, CausedBy, CloseCode, DefinedBy, SentBy, lookup
from wslab.core.codes.sources import (
    IANA,
    LESSON_08,
    RFC_BACKOFF,
    RFC_CODES,
    RFC_RANGES,
    STARSCREAM_1012,
    WHATWG_CLOSE,
    Claim,
    Lesson,
    Source,
    claim,
)
from wslab.core.errors import BadValueError


class Aspect(msgspec.Struct, frozen=True):
    """One point of comparison, with a cell for each code of the card, in order."""

    name: str
    cells: tuple[Claim, ...]

    @property
    def differs(self) -> bool:
        return len({cell.text for cell in self.cells}) > 1


class Comparison(msgspec.Struct, frozen=True):
    """A card for one code, or for several side by side.

    Fields:
        codes: the facts of each, in the order given; `explanation` has the texts.
        aspects: the main differences; all aspects if there is none, as for one code, or for codes that the protocol
            does not tell apart, such as two of private use.
        practice: for each code, what real servers and clients do, counted in the recorded field guide.
        folklore: common statements about these codes that are too simple.
        sources: the documents cited on the card, once each, in order of appearance.
        lessons: the lessons cited on the card, by number.
        lang: the language of all texts above, except registered names, close reasons and titles of documents, which
            are the same in all languages.
    """

    codes: tuple[CloseCode, ...]
    aspects: tuple[Aspect, ...]
    folklore: tuple[Folklore, ...]
    sources: tuple[Source, ...]
    lessons: tuple[Lesson, ...]
    lang: Language = "en"
    practice: tuple[tuple[str, ...], ...] = ()

    def __repr__(self) -> str:
        return f"<Comparison {', '.join(code.label for code in self.codes)}; {self.lang}>"

    @property
    def differs(self) -> bool:
        """Whether the codes differ in more than their number."""
        return any(aspect.differs for aspect in self.aspects)


_CAUSED_BY: dict[CausedBy, str] = {
    "closer": "the side that closes: its own state",
    "recipient": "the other side: what it did, or who it is",
    "upstream": "a server behind the side that closes",
    "unknown": "the code does not say",
    "nobody": "nobody: nothing went wrong",
}
_SENT_BY: dict[SentBy, str] = {
    "either": "server or client",
    "server": "a server",
    "client": "a client",
    "observer": "nobody: the observer reports it",
    "nobody": "nobody",
}
_DEFINED_BY: dict[DefinedBy, Claim] = {
    "rfc6455": claim("in RFC 6455 itself", RFC_CODES),
    "hybi": claim("by mail after RFC 6455: some libraries do not know it", IANA, STARSCREAM_1012),
    "registry": claim("as a name only, in the registry", IANA, RFC_RANGES),
    "agreement": claim("by agreement of those who use it", RFC_RANGES),
    "nobody": claim("nowhere", RFC_RANGES, IANA),
}


def _first_delay(code: CloseCode) -> Claim:
    if code.first_delay_s is not None:
        low, high = code.first_delay_s
        return Claim(f"random, {low:g}–{high:g} s", code.explanation.retry.sources)
    if code.is_retryable is False:
        return Claim("does not apply", code.explanation.retry.sources)
    return claim("not stated; a random 0–5 s is a reasonable start", RFC_BACKOFF)


def _page(code: CloseCode) -> Claim:
    return claim("may pass it" if code.page_may_send else "may not pass it", WHATWG_CLOSE, LESSON_08)


_ASPECTS: tuple[tuple[str, Callable[[CloseCode], Claim]], ...] = (
    ("Cause", lambda code: Claim(code.explanation.cause, code.explanation.description.sources)),
    ("Whose doing", lambda code: Claim(_CAUSED_BY[code.caused_by], code.explanation.description.sources)),
    ("Retry", lambda code: code.explanation.retry),
    ("First delay", _first_delay),
    ("Sent by", lambda code: Claim(_SENT_BY[code.sent_by], code.explanation.description.sources)),
    ("A page's close()", _page),
    ("Defined", lambda code: _DEFINED_BY[code.defined_by]),
)


def compare(*codes: int, lang: Language = "en") -> Comparison:
    """Return the card of one close code, or of several side by side.

    A notebook shows it as a page, `wslab codes` prints it; every statement on it has its sources.

    Args:
        codes: 0 to 65535 each, registered or not, all different.
        lang: "en" or "ja".

    Raises:
        TypeError: a code is not a whole number.
        ValueError: no code, a code twice, or one that does not fit into a close frame; or an unknown language.

    >>> card = compare(1009, 1012)
    >>> [aspect.name for aspect in card.aspects]
    ['Cause', 'Whose doing', 'Retry', 'First delay', 'Sent by', 'Defined']
    >>> [cell.text for cell in card.aspects[3].cells]
    ['does not apply', 'random, 5–30 s']
    >>> [cell.text for cell in compare(1009, 1012, lang="ja").aspects[3].cells]
    ['該当しない', 'ランダム、5～30秒']
    """
    say = speaking(lang)
    if not codes:
        raise BadValueError("no close code given; name one or more, for example compare(1009, 1012)")
    known = tuple(_translated(lookup(code), say) for code in codes)
    if len(set(codes)) < len(codes):
        raise BadValueError(
            f"codes are {', '.join(map(str, codes))}, but a card compares different codes; name each once"
        )
    aspects = _aspects(tuple(map(lookup, codes)), say)
    folklore = tuple(
        Folklore(item.code, say(item.says), _said(item.found, say)) for item in FOLKLORE if item.code in codes
    )
    cited = list(dict.fromkeys(_cited(known, aspects, folklore)))
    return Comparison(
        codes=known,
        aspects=aspects,
        folklore=folklore,
        sources=tuple(source for source in cited if isinstance(source, Source)),
        lessons=tuple(sorted((source for source in cited if isinstance(source, Lesson)), key=lambda item: item.number)),
        lang=lang,
        practice=tuple(in_practice(code, say) for code in codes),
    )


def _said(statement: Claim, say: Say) -> Claim:
    """Return a statement in the language, without those of its sources that are not written yet."""
    there = tuple(source for source in statement.sources if isinstance(source, Source) or source.is_written)
    return Claim(say(statement.text), there)


def _translated(code: CloseCode, say: Say) -> CloseCode:
    words = code.explanation
    explanation = CodeExplanation(
        cause=say(words.cause),
        description=_said(words.description, say),
        when_seen=tuple(_said(statement, say) for statement in words.when_seen),
        how_to_fix=tuple(_said(statement, say) for statement in words.how_to_fix),
        when_to_use=_said(words.when_to_use, say),
        retry=_said(words.retry, say),
        example_reason=words.example_reason,
    )
    name = code.name if code.code in REGISTRY else say(code.name)
    return msgspec.structs.replace(code, name=name, explanation=explanation)


def _aspects(codes: tuple[CloseCode, ...], say: Say) -> tuple[Aspect, ...]:
    every = tuple(Aspect(say(name), tuple(_said(cell(code), say) for code in codes)) for name, cell in _ASPECTS)
    return tuple(aspect for aspect in every if aspect.differs) or every


def _cited(
    codes: Iterable[CloseCode], aspects: Iterable[Aspect], folklore: Iterable[Folklore]
) -> Iterator[Source | Lesson]:
    for code in codes:
        words = code.explanation
        for statement in (words.description, *words.when_seen, *words.how_to_fix, words.when_to_use):
            yield from statement.sources
    for aspect in aspects:
        for cell in aspect.cells:
            yield from cell.sources
    for item in folklore:
        yield from item.found.sources
