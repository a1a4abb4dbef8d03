"""Comparison cards for a terminal: codes side by side if there is room, otherwise below one another.

Shows what `wslab.core.codes.cards` found and adds only headings. After each statement come the numbers of its sources
and the lessons that show it; lists at the end resolve both. `wslab.views.card_pages` does the same in HTML.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from wslab.core.codes.cards import Comparison
from wslab.core.codes.explanations import CodeExplanation
from wslab.core.codes.habits import HEADING
from wslab.core.codes.languages import Say, speaking
from wslab.core.codes.sources import Claim, Lesson, Source
from wslab.views.linebreaks import JapaneseText

MIN_COLUMN_CHARACTERS = 32
"""The narrowest column for a code; in a narrower one sentences fall apart."""


class Headings(NamedTuple):
    """The headings of a card's sections, in its language and in order."""

    description: str
    when_seen: str
    how_to_fix: str
    practice: str
    aspects: str
    when_to_use: str
    folklore: str
    see_more: str


def headings(comparison: Comparison) -> Headings:
    """Return the headings, which do not speak of a comparison if there is one code."""
    say, several = speaking(comparison.lang), len(comparison.codes) > 1
    alike = "No difference but the number" if several else "At a glance"
    return Headings(
        description=say("Description"),
        when_seen=say("When you see it"),
        how_to_fix=say("How to fix it"),
        practice=say(HEADING),
        aspects=say("Main differences") if comparison.differs else say(alike),
        when_to_use=say("When to use which") if several else say("When to use it"),
        folklore=say("Often said, and too simple"),
        see_more=say("See more"),
    )


def mark(comparison: Comparison, source: Source | Lesson) -> str:
    """Return the mark of a source: its number on the card, or the lesson's number."""
    return f"L{source.number}" if isinstance(source, Lesson) else str(comparison.sources.index(source) + 1)


def render(comparison: Comparison) -> RenderableType:
    """Return the card for a rich `Console`: styled on a terminal, plain text elsewhere.

    >>> from wslab.core.codes.cards import compare
    >>> console = Console(width=100)
    >>> with console.capture() as capture:
    ...     console.print(render(compare(1009, 1012)))
    >>> capture.get().splitlines()[0]
    '1009 Message Too Big, 1012 Service Restart'
    """
    return _Card(comparison, headings(comparison), speaking(comparison.lang))


@dataclass(frozen=True, slots=True)
class _Card:
    comparison: Comparison
    headings: Headings
    say: Say

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        codes, heads = self.comparison.codes, self.headings
        wide = options.max_width // len(codes) >= MIN_COLUMN_CHARACTERS
        words = [code.explanation for code in codes]
        yield Text(", ".join(code.label for code in codes), style="bold")
        yield from self._section(heads.description, [self._says(each.description) for each in words], wide)
        yield from self._section(heads.when_seen, [self._list(each.when_seen) for each in words], wide)
        yield from self._section(heads.how_to_fix, [self._list(each.how_to_fix) for each in words], wide)
        if any(self.comparison.practice):
            told = [_pairs(("•", self._text(line)) for line in lines) for lines in self.comparison.practice]
            yield from self._section(heads.practice, told, wide)
        yield from self._aspects(wide)
        yield from self._section(heads.when_to_use, [self._use(each) for each in words], wide)
        yield from self._folklore()
        yield from self._see_more()

    def _section(self, title: str, cells: Sequence[RenderableType], wide: bool) -> Iterator[RenderableType]:
        yield from _heading(title)
        labels = [code.label for code in self.comparison.codes]
        if len(cells) == 1:
            yield _indented(cells[0])
        elif wide:
            yield _table(labels, [cells])
        else:
            for label, cell in zip(labels, cells, strict=True):
                yield from (Text(label, style="bold"), _indented(cell))

    def _aspects(self, wide: bool) -> Iterator[RenderableType]:
        codes = [str(code.code) for code in self.comparison.codes]
        yield from _heading(self.headings.aspects)
        rows = [(aspect.name, [self._says(cell) for cell in aspect.cells]) for aspect in self.comparison.aspects]
        if wide:
            yield _table(["", *codes], [[Text(name, style="italic"), *cells] for name, cells in rows])
        else:
            for name, cells in rows:
                yield Text(name, style="italic")
                yield _indented(_pairs(zip(codes, cells, strict=True)))

    def _folklore(self) -> Iterator[RenderableType]:
        if self.comparison.folklore:
            yield from _heading(self.headings.folklore)
        for item in self.comparison.folklore:
            yield _indented(self._text(f"{item.code}: ", (self._quoted(item.says), "italic")))
            yield _indented(self._says(item.found), by=4)

    def _see_more(self) -> Iterator[RenderableType]:
        yield from _heading(self.headings.see_more)
        yield _indented(
            _pairs(
                [(self._mark(source), _reference(source)) for source in self.comparison.sources]
                + [(self._mark(lesson), self._text(lesson.labelled(self.say))) for lesson in self.comparison.lessons]
            )
        )

    def _text(self, *parts: str | Text | tuple[str, str]) -> Text:
        return (JapaneseText if self.comparison.lang == "ja" else Text).assemble(*parts)

    def _quoted(self, said: str) -> str:
        return self.say("“{said}”").format(said=said)

    def _mark(self, source: Source | Lesson) -> str:
        return f"[{mark(self.comparison, source)}]"

    def _says(self, statement: Claim) -> Text:
        return self._text(statement.text, " ", ("".join(map(self._mark, statement.sources)), "dim"))

    def _list(self, statements: Iterable[Claim]) -> Table:
        return _pairs(("•", self._says(statement)) for statement in statements)

    def _use(self, words: CodeExplanation) -> Text:
        if words.example_reason is None:
            return self._says(words.when_to_use)
        example = (self._quoted(words.example_reason), "italic")
        return self._text(self._says(words.when_to_use), "\n", self.say("Reason, for example:"), " ", example)


def _heading(title: str) -> tuple[Text, Text]:
    return Text(), Text(title, style="bold cyan")


def _indented(content: RenderableType, by: int = 2) -> Padding:
    return Padding(content, (0, 0, 0, by))


def _pairs(rows: Iterable[tuple[str, RenderableType]]) -> Table:
    """Return lines with a short mark on their left."""
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for beside, content in rows:
        grid.add_row(Text(beside), content)
    return grid


def _table(headers: list[str], rows: Sequence[Sequence[RenderableType]]) -> Table:
    """Return columns of equal width under bold headers; a column without a header is as narrow as its content."""
    table = Table(box=None, expand=True, padding=(0, 0, 0, 2), pad_edge=True)
    for header in headers:
        table.add_column(header, ratio=1 if header else None, no_wrap=not header)
    for row in rows:
        table.add_row(*row)
    return table


def _reference(source: Source) -> Text:
    return Text.assemble(f"{source.label}  ", (source.url, f"link {source.url}"))
