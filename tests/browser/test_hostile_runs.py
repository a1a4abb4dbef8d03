"""A run file that is out to act, opened in a real browser: whatever shows it, it is text, and nothing happens."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from hostile import AWAY, PAYLOADS, hostile_run
from playwright.sync_api import Browser, Page

from wslab.core.codes.cards import compare
from wslab.core.runs import Run
from wslab.reports import Report, make_report
from wslab.reports.gallery import Shown, index_page
from wslab.views.card_pages import card_page

pytestmark = pytest.mark.filterwarnings("default")  # of the libraries that start a kernel

FILE_NAME = "<img src=x onerror=\"window.acted='name'\">`$x$.jsonl"

POLICY = re.compile(r'<meta[^>]*Content-Security-Policy[^>]*>|<meta content="[^"]*" http-equiv="Content-Security[^>]*>')

Visit = Callable[[str], Page]


@pytest.fixture(scope="module")
def run() -> Run:
    return hostile_run()


@pytest.fixture(scope="module")
def report(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Report:
    return make_report(str(run.save(tmp_path_factory.mktemp("hostile") / FILE_NAME)))


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Visit]:
    """Open a page from a file, and find at the end that nothing in it acted, asked or went anywhere."""
    with browser.new_context() as context:
        asked: list[str] = []
        context.on("request", lambda request: asked.append(request.url))

        def open_page(html: str) -> Page:
            (tmp_path / "page.html").write_text(html, encoding="utf-8")
            page = context.new_page()
            page.goto((tmp_path / "page.html").as_uri())
            page.mouse.move(200, 200)
            page.keyboard.press("Enter")  # which presses what has the focus
            return page

        yield open_page
        for page in context.pages:
            page.wait_for_timeout(0)
            assert page.evaluate("window.acted ?? null") is None
            assert page.url.endswith("/page.html")
            assert page.locator("base, form, iframe, object, embed, link, #html, meta[http-equiv=refresh]").count() == 0
            assert page.locator("[onerror], [onload], [href^='javascript:' i]").count() == 0
        assert {url for url in asked if not url.startswith(("file:", "data:", "blob:"))} == set()
        assert AWAY not in asked


def test_report_of_a_hostile_run_does_nothing(report: Report, visit: Visit) -> None:
    assert report.failure is None
    page = visit(report.page())
    assert page.get_by_text(PAYLOADS[0]).count() > 3
    assert "\\x1b[31mred" in page.content()


def test_report_of_a_hostile_run_does_nothing_even_where_the_policy_is_lost(report: Report, visit: Visit) -> None:
    html, count = POLICY.subn("", report.page())
    assert count == 1
    visit(html)


def test_policy_of_a_report_lets_no_script_run_that_slipped_in(report: Report, visit: Visit) -> None:
    visit(report.page().replace("</main>", "<script>window.acted = 'slipped'</script></main>"))


def test_card_with_hostile_words_does_nothing(visit: Visit) -> None:
    card = compare(1009, 1012)
    for payload in PAYLOADS:
        words = msgspec.structs.replace(card.codes[0].explanation, example_reason=payload, cause=payload)
        code = msgspec.structs.replace(card.codes[0], name=payload, explanation=words)
        lessons = {"00": f"x.html{payload}", "01": payload}
        visit(card_page(msgspec.structs.replace(card, codes=(code, card.codes[1])), lessons))


def test_gallery_with_hostile_words_does_nothing(visit: Visit) -> None:
    lessons = [Shown("00_x", payload, payload, None, payload, failed=False) for payload in PAYLOADS]
    visit(index_page(lessons))
