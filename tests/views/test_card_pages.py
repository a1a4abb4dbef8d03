"""Cards in HTML: everything that the card says is there, escaped, sourced, and nothing is asked of the network."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

import pytest

from wslab.core.codes.cards import compare
from wslab.core.codes.languages import Language
from wslab.views.card_pages import card_html, card_page

FETCHES = {"link", "script", "img", "iframe", "object", "embed", "source", "video", "audio"}


class Page(HTMLParser):
    """The tags of a page, with their attributes, and its text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.mark.parametrize("lang", ["en", "ja"])
@pytest.mark.parametrize("codes", [(1009,), (1009, 1012), (1000, 1006, 4321)])
def test_card_html_has_every_statement_with_a_link_to_each_source(codes: tuple[int, ...], lang: Language) -> None:
    card = compare(*codes, lang=lang)
    page = Page(card_html(card))
    said = [cell for aspect in card.aspects for cell in aspect.cells] + [item.found for item in card.folklore]
    for code in card.codes:
        words = code.explanation
        said += [words.description, *words.when_seen, *words.how_to_fix, words.when_to_use]
    for statement in said:
        assert statement.text in page.text
    assert all(item.says in page.text for item in card.folklore)
    linked = {anchor["href"] for anchor in page.all("a")}
    assert {source.url for source in card.sources} <= linked
    assert len(linked) == len(card.sources) + len(card.lessons)
    assert page.all("article")[0]["lang"] == lang


@pytest.mark.parametrize("codes", [(1012,), (1009, 1012)])
def test_card_html_leads_from_every_mark_to_its_entry(codes: tuple[int, ...]) -> None:
    page = Page(card_html(compare(*codes)))
    targets = {attributes["id"] for _, attributes in page.tags if "id" in attributes}
    assert {link["href"][1:] for link in page.all("a") if link["href"] and link["href"].startswith("#")} == targets
    assert all(
        link.get("title") for link in page.all("a") if re.match(r"#|https", str(link["href"])) and "title" in link
    )


def test_card_html_leads_to_the_lessons_that_it_is_given() -> None:
    page = Page(card_html(compare(1009), {"02": "../02.html"}))
    assert [link["href"] for link in page.all("a")].count("../02.html") > 1


def test_card_html_escapes_what_looks_like_markup() -> None:
    html = card_html(compare(1015))
    assert "wss:// server" in unescape(html)
    assert "<HOST" not in html
    assert "server&#39;s certificate" in html


@pytest.mark.parametrize("lang", ["en", "ja"])
def test_card_page_is_whole_and_asks_nothing_of_the_network(lang: Language) -> None:
    html = card_page(compare(1009, 1012, lang=lang))
    page = Page(html)
    assert html.startswith("<!DOCTYPE html>")
    assert page.open == []
    assert not FETCHES & {tag for tag, _ in page.tags}
    assert "url(" not in html
    assert page.all("html")[0]["lang"] == lang
    assert "<title>1009 Message Too Big, 1012 Service Restart</title>" in html


def test_card_html_of_one_code_has_no_heading_for_it_in_each_section() -> None:
    assert Page(card_html(compare(1009))).all("h4") == []
    assert len(Page(card_html(compare(1009, 1012))).all("h4")) == 10
