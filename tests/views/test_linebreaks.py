"""Lines of Japanese: no wider than they may be, nothing lost, and none begins or ends where it must not."""

from __future__ import annotations

import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from wslab.core.codes import languages
from wslab.core.codes.cards import compare
from wslab.views.cards import render
from wslab.views.linebreaks import JapaneseText, line_ends

SENTENCES = list(languages._japanese().values())


def lines(text: str, width: int) -> list[str]:
    ends = [0, *line_ends(text, width), len(text)]
    return [text[start:end] for start, end in itertools.pairwise(ends)]


@given(st.sampled_from(SENTENCES) | st.text(), st.integers(1, 60))
def test_line_ends_lose_nothing_and_leave_no_line_empty(text: str, width: int) -> None:
    assert "".join(lines(text, width)) == text
    assert all(lines(text, width)) or not text


@given(st.sampled_from(SENTENCES), st.integers(24, 80))
def test_lines_are_no_wider_than_they_may_be(text: str, width: int) -> None:
    for line in lines(text, width):
        assert cell_len(line.rstrip()) <= width or line.isascii()  # a long name stays whole


@given(st.sampled_from(SENTENCES), st.integers(24, 80))
def test_no_line_begins_with_a_closing_mark_or_ends_with_an_opening_one(text: str, width: int) -> None:
    broken = lines(text, width)
    assert not any(line[0] in "、。」）ーょュッ" for line in broken[1:])
    assert not any(line[-1] in "「（" for line in broken[:-1])


@pytest.mark.parametrize("word", ["permessage-deflate", "30秒", "HTTP", "close()"])
def test_a_name_or_a_number_with_its_unit_stays_whole(word: str) -> None:
    for width in range(len(word) + 2, 40):
        assert any(word in line for line in lines(f"この文の途中に{word}が現れる。", width))


def test_japanese_text_breaks_paragraphs_where_they_end() -> None:
    console = Console(file=io.StringIO(), width=40)
    assert [line.plain for line in JapaneseText("一行目。\n二行目。").wrap(console, 40)] == ["一行目。", "二行目。"]


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("codes", [(1012,), (1009, 1012), (1006, 1009, 1012)])
def test_card_in_japanese_keeps_within_the_width(codes: tuple[int, ...], width: int) -> None:
    file = io.StringIO()
    Console(file=file, width=width).print(render(compare(*codes, lang="ja")))
    printed = file.getvalue().splitlines()
    assert max(map(cell_len, printed)) <= width
    assert not any(line.strip().startswith(("。", "、", "」")) for line in printed)
