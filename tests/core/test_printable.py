"""What others said is shown as text: on a terminal, in a spreadsheet, in Markdown, and in findings."""

from __future__ import annotations

import unicodedata

import pytest
from bs4 import BeautifulSoup
from hostile import PAYLOADS, hostile_run
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from wslab.core.findings import find, headline
from wslab.core.printable import as_cell, as_markdown, printable

TEXTS = st.text(st.characters(), max_size=60) | st.lists(st.sampled_from(PAYLOADS), max_size=3).map(" ".join)


@given(TEXTS)
def test_printable_text_steers_nothing_and_is_left_alone_the_second_time(text: str) -> None:
    shown = printable(text)
    assert all(unicodedata.category(each)[0] != "C" or each in "\u200c\u200d" for each in shown)
    assert len(shown.splitlines()) <= 1
    assert printable(shown) == shown


@pytest.mark.parametrize("text", ["", "going down", "再起動します　少々", "ครับ", "naïve café", "👩‍🔧", "a\u00a0b"])
def test_printable_leaves_what_people_write(text: str) -> None:
    assert printable(text) == text


@given(TEXTS)
def test_cell_is_no_formula(text: str) -> None:
    cell = as_cell(text)
    if cell.lstrip()[:1] in ("=", "+", "-", "@"):
        float(cell)


@given(TEXTS)
def test_markdown_of_a_text_is_that_text_and_nothing_else(text: str) -> None:
    page = BeautifulSoup(MarkdownIt("commonmark", {"html": True}).render(f"said {as_markdown(text)}"), "html.parser")
    assert {tag.name for tag in page.find_all(True)} <= {"p", "code"}
    assert "".join(page.get_text().split()) == "".join(f"said {printable(text)}".split())


def test_findings_about_a_hostile_run_are_printable() -> None:
    run = hostile_run()
    findings = find(run)
    assert findings
    told = [headline(run), *(words for finding in findings for words in (finding.what, finding.why, finding.advice))]
    assert all(words.isprintable() for words in told)
