"""Comparison cards: complete and sourced for any codes, and honest about 1009 and 1012."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wslab.core.codes.cards import Comparison, compare
from wslab.core.codes.folklore import FOLKLORE
from wslab.core.codes.registry import REGISTRY
from wslab.core.codes.sources import LESSON_02, LESSON_05, LESSON_06, Claim

two_codes = st.lists(st.integers(0, 4999) | st.sampled_from(sorted(REGISTRY)), min_size=2, max_size=2, unique=True)


def claims(card: Comparison) -> Iterator[Claim]:
    for code in card.codes:
        words = code.explanation
        yield from (words.description, *words.when_seen, *words.how_to_fix, words.when_to_use)
    yield from itertools.chain.from_iterable(aspect.cells for aspect in card.aspects)
    yield from (item.found for item in card.folklore)


@settings(deadline=None)
@given(two_codes)
def test_compare_any_two_codes_fills_every_section(codes: list[int]) -> None:
    card = compare(*codes)
    assert [code.code for code in card.codes] == codes
    assert card.aspects
    assert all(len(aspect.cells) == 2 for aspect in card.aspects)
    assert card.sources
    assert all(statement.text and statement.sources for statement in claims(card))


@settings(deadline=None)
@given(two_codes)
def test_compare_any_two_codes_lists_each_cited_source_once(codes: list[int]) -> None:
    card = compare(*codes)
    listed = [*card.sources, *card.lessons]
    assert len(set(listed)) == len(listed)
    assert {source for statement in claims(card) for source in statement.sources} == set(listed)


@pytest.mark.parametrize("codes", list(itertools.combinations(REGISTRY, 2)))
def test_compare_two_registered_codes_shows_differences_only(codes: tuple[int, int]) -> None:
    card = compare(*codes)
    assert card.differs
    assert all(aspect.differs for aspect in card.aspects)


def test_compare_1009_and_1012_tells_them_apart_by_what_matters() -> None:
    aspects = {aspect.name: [cell.text for cell in aspect.cells] for aspect in compare(1009, 1012).aspects}
    assert [verdict.split(":")[0] for verdict in aspects["Retry"]] == ["No", "Yes"]
    assert aspects["First delay"] == ["does not apply", "random, 5–30 s"]
    assert aspects["Sent by"] == ["server or client", "a server"]
    assert "A page's close()" not in aspects, "a page may send neither, so that is no difference"


def test_compare_codes_that_the_protocol_does_not_tell_apart_says_what_they_are() -> None:
    card = compare(4001, 4002)
    assert not card.differs
    assert card.aspects


def test_compare_one_code_alone_shows_every_aspect() -> None:
    card = compare(1006)
    assert not card.differs
    assert {aspect.name for aspect in card.aspects} >= {aspect.name for aspect in compare(1006, 1000).aspects}


def test_compare_three_codes_has_a_cell_for_each() -> None:
    assert all(len(aspect.cells) == 3 for aspect in compare(1000, 1001, 1012).aspects)


def test_folklore_names_the_lesson_that_shows_it() -> None:
    assert all(any(lesson in compare(item.code).lessons for lesson in item.found.sources) for item in FOLKLORE)


def test_folklore_smaller_frames_and_short_delay_say_why_they_are_too_simple() -> None:
    found = {item.says: item.found for item in compare(1009, 1012).folklore}
    frames = found["Split large payloads into smaller frames."]
    delay = found["Reconnect after a short delay of 1 to 5 s."]
    assert "split into messages" in frames.text
    assert LESSON_02 in frames.sources
    assert "random 5 to 30 s" in delay.text
    assert {LESSON_05, LESSON_06} <= set(delay.sources)


def test_folklore_appears_only_beside_its_code() -> None:
    assert {item.code for item in compare(1012, 1001).folklore} == {1012}
    assert compare(1000, 1001).folklore == ()


def test_compare_without_a_code_says_what_to_write() -> None:
    with pytest.raises(ValueError, match=r"no close code given; .* compare\(1009, 1012\)"):
        compare()


def test_compare_a_code_with_itself_is_refused() -> None:
    with pytest.raises(ValueError, match=r"codes are 1009, 1009, but a card compares different codes"):
        compare(1009, 1009)


@settings(deadline=None)
@given(two_codes)
def test_compare_in_japanese_says_the_same_with_the_same_sources(codes: list[int]) -> None:
    card, japanese = compare(*codes), compare(*codes, lang="ja")
    assert [said.sources for said in claims(japanese)] == [said.sources for said in claims(card)]
    assert [aspect.differs for aspect in japanese.aspects] == [aspect.differs for aspect in card.aspects]
    assert [code.code for code in japanese.codes] == codes


def test_compare_in_japanese_keeps_what_is_registered_or_on_the_wire() -> None:
    message_too_big, private = compare(1009, 4321, lang="ja").codes
    assert message_too_big.label == "1009 Message Too Big"
    assert message_too_big.explanation.example_reason == compare(1009).codes[0].explanation.example_reason
    assert private.label == "4321 プライベート用"


def test_compare_in_a_language_that_it_does_not_speak_names_those_it_does() -> None:
    with pytest.raises(ValueError, match=r"lang is 'jp'.* Known: 'en', 'ja'"):
        compare(1009, lang="jp")  # type: ignore[arg-type]


def test_comparison_shows_as_one_line() -> None:
    assert repr(compare(1009, 1012)) == "<Comparison 1009 Message Too Big, 1012 Service Restart; en>"


def test_comparison_is_data_for_json() -> None:
    document = msgspec.json.decode(msgspec.json.encode(compare(1009, 1012)))
    assert [code["name"] for code in document["codes"]] == ["Message Too Big", "Service Restart"]
    assert document["codes"][0]["explanation"]["description"]["sources"][0]["label"] == "RFC 6455 §7.4.1"
