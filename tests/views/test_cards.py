"""Cards on a terminal: everything that the card says is there, at every width, styled only where it may be."""

from __future__ import annotations

import io
import itertools

import pytest
from rich.console import Console

from wslab.core.codes.cards import Comparison, compare
from wslab.core.codes.registry import REGISTRY
from wslab.views.cards import MIN_COLUMN_CHARACTERS, render

HEADINGS = [
    "Description",
    "When you see it",
    "How to fix it",
    "Main differences",
    "When to use which",
    "Often said, and too simple",
    "See more",
]
WIDE = 4000
"""No statement is wrapped at this width."""


def printed(card: Comparison, width: int, *, terminal: bool = False) -> str:
    file = io.StringIO()
    console = Console(file=file, width=width, force_terminal=terminal, color_system="standard" if terminal else None)
    console.print(render(card))
    return file.getvalue()


def test_render_has_the_sections_in_the_order_of_a_comparison_page() -> None:
    lines = [line.rstrip() for line in printed(compare(1009, 1012), 100).splitlines()]
    assert [line for line in lines if line in HEADINGS] == HEADINGS


@pytest.mark.parametrize("codes", [(1009,), (1009, 1012), (1000, 1006, 4321)])
def test_render_prints_every_statement_and_every_source(codes: tuple[int, ...]) -> None:
    card = compare(*codes)
    text = printed(card, WIDE)
    for code in card.codes:
        words = code.explanation
        for statement in (words.description, *words.when_seen, *words.how_to_fix, words.when_to_use):
            assert statement.text in text
    for aspect in card.aspects:
        assert all(cell.text in text for cell in aspect.cells)
    for item in card.folklore:
        assert item.says in text
        assert item.found.text in text
    for number, source in enumerate(card.sources, start=1):
        assert f"[{number}]" in text
        assert source.url in text
    for lesson in card.lessons:
        assert f"[L{lesson.number}]" in text
        assert lesson.question in text


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("codes", [(1012,), (1009, 1012), (1006, 1009, 1012)])
def test_render_keeps_within_the_width(codes: tuple[int, ...], width: int) -> None:
    assert max(map(len, printed(compare(*codes), width).splitlines())) <= width


@pytest.mark.parametrize("codes", list(itertools.pairwise([*REGISTRY, 4000])))
def test_render_cuts_nothing_off_at_80_columns(codes: tuple[int, int]) -> None:
    assert "…" not in printed(compare(*codes), 80)


def test_render_sets_codes_side_by_side_where_there_is_room() -> None:
    both = "1009 Message Too Big", "1012 Service Restart"
    enough, short = 2 * MIN_COLUMN_CHARACTERS, 2 * MIN_COLUMN_CHARACTERS - 1
    assert any(all(label in line for label in both) for line in printed(compare(1009, 1012), enough).splitlines()[1:])
    assert not any(
        all(label in line for label in both) for line in printed(compare(1009, 1012), short).splitlines()[1:]
    )


def test_render_one_code_has_no_word_of_comparison() -> None:
    text = printed(compare(1009), 80)
    assert "At a glance" in text
    assert "When to use it" in text
    assert "differences" not in text


def test_render_codes_alike_says_so() -> None:
    assert "No difference but the number" in printed(compare(4001, 4002), 80)


def test_render_is_plain_text_away_from_a_terminal_and_styled_on_one() -> None:
    assert "\x1b" not in printed(compare(1009, 1012), 80)
    assert "\x1b[1;36m" in printed(compare(1009, 1012), 80, terminal=True)
