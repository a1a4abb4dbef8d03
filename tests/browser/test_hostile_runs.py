"""A run file that is out to act, opened in a real browser: whatever shows it, it is text, and nothing happens."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from bs4 import BeautifulSoup
from hostile import AWAY, PAYLOADS, hostile_run
from markdown_it import MarkdownIt
from playwright.sync_api import Browser, Page, expect

from wslab.core.codes.cards import compare
from wslab.core.records import KINDS
from wslab.core.runs import Run
from wslab.reports import Report, make_report
from wslab.reports.gallery import Shown, index_page
from wslab.views.card_pages import card_page

from .conftest import OpenCode

pytestmark = pytest.mark.filterwarnings("default")  # of the libraries that start a kernel

FILE_NAME = "<img src=x onerror=\"window.acted='name'\">`$x$.jsonl"

POLICY = re.compile(r'<meta[^>]*Content-Security-Policy[^>]*>|<meta content="[^"]*" http-equiv="Content-Security[^>]*>')

PANELS = {"PayloadPanel": "run", "RestartPanel": "run", "StoryPanel": "run", "BrowserPanel": "drill"}
PANEL = """
panel, kept = wslab.panels.{}(), {}
display(panel)
for record in run.records:
    panel._live(record)
panel._keep(kept)
panel.say(kept.info.experiment, 'done')
"""

Visit = Callable[[str], Page]


@pytest.fixture(scope="module")
def run() -> Run:
    return hostile_run()


@pytest.fixture(scope="module")
def report(run: Run, tmp_path_factory: pytest.TempPathFactory) -> Report:
    return make_report(str(run.save(tmp_path_factory.mktemp("hostile") / FILE_NAME)))


@pytest.fixture(scope="module")
def html(report: Report) -> str:
    return report.page()


@pytest.fixture
def visit(browser: Browser, tmp_path: Path) -> Iterator[Visit]:
    """Open one page after the other from a file, and find that nothing in it acted, asked or went anywhere."""
    with browser.new_context() as context:
        asked: list[str] = []
        context.on("request", lambda request: asked.append(request.url))
        page = context.new_page()
        path = tmp_path / "page.html"

        def open_page(html: str) -> Page:
            if path.exists():
                did_nothing(page)
            path.write_text(html, encoding="utf-8")
            page.goto(path.as_uri())
            page.mouse.move(200, 200)
            page.keyboard.press("Enter")  # which presses what has the focus
            return page

        yield open_page
        did_nothing(page)
        assert {url for url in asked if not url.startswith(("file:", "data:", "blob:"))} == set()
        assert AWAY not in asked


def did_nothing(page: Page) -> None:
    page.wait_for_timeout(0)
    assert page.evaluate("window.acted ?? null") is None
    assert page.url.endswith("/page.html")
    assert page.locator("base, form, iframe, object, embed, link, #html, meta[http-equiv=refresh]").count() == 0
    assert page.locator("[onerror], [onload], [href^='javascript:' i]").count() == 0


def test_report_of_a_hostile_run_does_nothing(report: Report, html: str, visit: Visit) -> None:
    assert report.failure is None
    page = visit(html)
    assert page.get_by_text(PAYLOADS[0]).count() > 3
    assert "\\x1b[31mred" in page.content()


def test_report_of_a_hostile_run_does_nothing_even_where_the_policy_is_lost(html: str, visit: Visit) -> None:
    unguarded, count = POLICY.subn("", html)
    assert count == 1
    visit(unguarded)


def test_policy_of_a_report_lets_no_script_run_that_slipped_in(html: str, visit: Visit) -> None:
    visit(html.replace("</main>", "<script>window.acted = 'slipped'</script></main>"))


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


def test_markdown_of_a_hostile_run_is_text(report: Report, visit: Visit) -> None:
    text, files = report.markdown("ticket")
    assert all(line.isprintable() for line in text.split("\n"))
    visit(MarkdownIt("commonmark", {"html": True}).enable("table").render(text))
    page = BeautifulSoup(MarkdownIt("commonmark", {"html": True}).enable("table").render(text), "html.parser")
    addresses = [link["href"] for link in page.find_all("a")] + [image["src"] for image in page.find_all("img")]
    assert set(addresses) <= files.keys()
    assert {file for file in files if file.endswith(".csv")} <= set(addresses)


def test_notebook_and_panels_that_show_hostile_runs_do_nothing(run: Run, tmp_path: Path, open_code: OpenCode) -> None:
    path = run.save(tmp_path / "hostile.jsonl")
    drill = Run(msgspec.structs.replace(run.info, parameters={"case": PAYLOADS[0]}), run.records[: 2 * len(KINDS)])
    drill_path = drill.save(tmp_path / "drill.jsonl")
    displayed = [
        "import wslab",
        "from wslab import plots, show, tables",
        f"run, drill = wslab.load({str(path)!r}), wslab.load({str(drill_path)!r})",
        "display(run, *(getattr(tables, kind.name)(run) for kind in wslab.core.records.KINDS))",
        "show(plots.reconnect_timeline(run))",
    ]
    notebook = open_code("\n".join(displayed), *(PANEL.format(panel, kept) for panel, kept in PANELS.items()))
    notebook.run_all()
    expect(notebook.page.locator(".wslab-run")).to_be_visible()
    for number in range(len(PANELS)):
        expect(notebook.widgets.nth(number)).to_contain_text("<script>")
    assert notebook.page.evaluate("window.acted ?? null") is None
    assert notebook.page.locator("#html").count() == 0
    assert notebook.errors == []
