"""One notebook, executed once: its page stands alone, shows where it failed, and keeps its data and its runs."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from wslab.core.codes.cards import compare
from wslab.core.errors import NoBrowserError
from wslab.core.printable import as_markdown
from wslab.reports import Report, find_browser, make_report, print_page

from .conftest import Write, first

pytestmark = pytest.mark.filterwarnings("default")  # of the libraries that start a kernel

DATA = Path(__file__).parents[2] / "data"

CELLS = (
    "# Mine `own`\n\nInline $x_1$ and\n\n$$y = 2$$\n\n![far](https://example.org/far.png)",
    "@points = 3",
    "import matplotlib.pyplot as plt, pandas as pd, wslab\nfig = plt.plot(range(points))\nplt.show()",
    "pd.DataFrame({'n': range(100)})",
    "from wslab import Knobs\nwslab.send_message(Knobs(max_message_bytes=10), 'x' * 11)",
    "import ipywidgets\nipywidgets.IntSlider(description='slide me')",
    "print(open('beside.txt').read())",
    "1 / 0",
    "print('never')",
)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory, write: Write) -> Report:
    folder = tmp_path_factory.mktemp("mine")
    (folder / "beside.txt").write_text("read from the notebook's own folder")
    told: list[tuple[int, int, str]] = []
    path = write(folder / "mine.ipynb", *CELLS)
    made = make_report(str(path), parameters={"points": "7"}, with_widgets=True, on_cell=lambda *at: told.append(at))
    assert told[0] == (0, 9, "points = 3")
    assert len(told) == 8
    return made


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return report.page()


def test_failure_is_named_shown_and_ends_the_execution(report: Report, page: str) -> None:
    assert report.failure is not None
    assert (report.failure.cell_number, report.failure.error) == (8, "ZeroDivisionError: division by zero")
    soup = BeautifulSoup(page, "html.parser")
    assert "Code cell 8 failed: ZeroDivisionError" in first(soup, "header").get_text()
    assert "1 / 0" in first(soup, "#failed").get_text()
    assert not any(output.get_text().strip() == "never" for output in soup.select(".outputs"))


def test_page_loads_nothing_from_anywhere(page: str) -> None:
    soup = BeautifulSoup(page, "html.parser")
    assert soup.select("link, iframe, script[src], object, embed") == []
    assert all(str(image["src"]).startswith("data:") for image in soup.select("img"))
    assert "default-src 'none'" in first(soup, "meta[http-equiv=Content-Security-Policy]")["content"]


def test_figure_is_crisp_and_described(page: str) -> None:
    (figure,) = [image for image in BeautifulSoup(page, "html.parser").select("img") if "image/png" in image["src"]]
    assert figure["alt"]
    content = base64.b64decode(str(figure["src"]).partition(",")[2])
    assert int.from_bytes(content[16:20], "big") >= 1.9 * int(str(figure["width"]))


def test_table_comes_with_all_of_its_rows(page: str) -> None:
    (link,) = BeautifulSoup(page, "html.parser").select("a[download$='.csv']")
    content = base64.b64decode(str(link["href"]).partition(",")[2]).decode("utf-8-sig")
    assert len(content.splitlines()) == 101


def test_run_behind_the_page_comes_with_its_knobs_and_its_data(page: str) -> None:
    about = first(BeautifulSoup(page, "html.parser"), ".about")
    assert "max_message_bytes 10; all others at their defaults" in about.get_text()
    link = first(about, "a[download='01-send_message.jsonl.gz']")
    assert str(link["href"]).startswith("data:application/gzip")


def test_formulas_are_drawn_without_a_script(page: str) -> None:
    assert len(re.findall(r"<math[ >]", page)) == 2


def test_markdown_has_figures_as_files_and_tables_as_its_own(report: Report) -> None:
    text, figures = report.markdown("ticket")
    assert {Path(name).suffix for name in figures} == {".png", ".csv", ".gz"}
    assert all(f"]({name})" in text for name in figures)
    assert "| 99 | 99 |" in text
    assert text.startswith(f"# Mine `own`\n\n**{as_markdown(report.found)}**")
    assert "> **Code cell 8 failed:** ZeroDivisionError" in text


def test_page_begins_with_its_heading_and_what_was_found(report: Report, page: str) -> None:
    assert report.title == "Mine own"
    header = first(BeautifulSoup(page, "html.parser"), "header")
    assert str(header.h1) == "<h1>Mine <code>own</code></h1>"
    assert first(header, ".found").get_text() == report.found
    assert "1009" in report.found
    assert page.count("<h1") == 1


@pytest.fixture(scope="module")
def titled(tmp_path_factory: pytest.TempPathFactory, write: Write) -> Report:
    """A report with a title and a note of its own, about a card and a table."""
    table = "import pandas as pd\npd.DataFrame({'a|b': pd.array([None, 2], 'Int64')})"
    cells = ("# Old\n\nProse", "import wslab\nwslab.compare(1009, 1012)", table)
    path = write(tmp_path_factory.mktemp("titled") / "a.ipynb", *cells)
    return make_report(str(path), title="For *you* <b>", note="Seen on **staging**.", hides_code=True)


def test_title_and_note_stand_first_and_code_may_be_folded(titled: Report) -> None:
    header = first(BeautifulSoup(titled.page(), "html.parser"), "header")
    assert first(header, "h1").get_text() == "For *you* <b>"
    assert first(header, ".note strong").get_text() == "staging"
    assert first(header, "#hide-code").has_attr("checked")
    assert titled.markdown("a")[0].startswith("# For `*you* <b>`\n\nSeen on **staging**.\n\nProse")


def test_card_in_markdown_is_whole_and_its_references_lead_somewhere(titled: Report) -> None:
    text, _ = titled.markdown("a")
    card = compare(1009, 1012)
    for statement in [*card.codes[0].explanation.when_seen, *card.codes[1].explanation.how_to_fix]:
        assert statement.text in text
    for number, source in enumerate(card.sources, start=1):
        assert f"[[{number}]]({source.url})" in text


def test_missing_value_is_no_markup_in_markdown(titled: Report) -> None:
    text, _ = titled.markdown("a")
    assert "| 0 | `<NA>` |" in text
    assert "`a\\|b`" in text


@pytest.fixture(scope="module")
def run_page() -> str:
    return make_report(str(DATA / "browser-close-1009.jsonl")).page()


def test_page_is_as_wide_as_its_window(run_page: str, browser: str, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    (tmp_path / "page.html").write_text(run_page, encoding="utf-8")
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=browser, chromium_sandbox=False) as chromium,
    ):
        tab = chromium.new_page()
        tab.goto((tmp_path / "page.html").as_uri())
        tab.eval_on_selector_all("details", "all => all.forEach(one => one.open = true)")
        for width_px in (400, 800, 1280):
            tab.set_viewport_size({"width": width_px, "height": 800})
            assert tab.evaluate("document.documentElement.scrollWidth") == width_px
        tab.emulate_media(media="print")
        heads = tab.locator(".scroll thead th")
        for width_px in (400, 800, 1280):
            tab.set_viewport_size({"width": width_px, "height": 800})
            lines = heads.evaluate_all("all => all.map(one => one.innerText.split('\\n').length)")
            words = heads.evaluate_all("all => all.map(one => one.querySelectorAll('wbr').length + 1)")
            assert all(one <= other for one, other in zip(lines, words, strict=True))


def test_pdf_of_wide_tables_lies_on_its_side(run_page: str, page: str) -> None:
    assert "A4 landscape" in run_page
    assert "A4 landscape" not in page


@pytest.fixture(scope="module")
def browser() -> str:
    try:
        return find_browser()
    except NoBrowserError as error:
        pytest.skip(str(error))


def test_page_in_a_browser_asks_for_nothing_and_its_widgets_work(page: str, browser: str, tmp_path: Path) -> None:
    from playwright.sync_api import sync_playwright

    file = tmp_path / "page.html"
    file.write_text(page, encoding="utf-8")
    asked: list[str] = []
    complaints: list[str] = []
    with (
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=browser, chromium_sandbox=False) as chromium,
    ):
        tab = chromium.new_page()
        tab.on("request", lambda request: asked.append(request.url))
        tab.on("console", lambda message: complaints.append(message.text))
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.goto(file.as_uri())
        tab.get_by_text("slide me", exact=True).wait_for()
        tab.locator(".noUi-handle").focus()
        tab.keyboard.press("ArrowRight")
        tab.locator(".widget-readout", has_text="1").wait_for()
        with tab.expect_download() as download:
            tab.locator("a[download$='.csv']").click()
        assert download.value.suggested_filename == "mine-table-1.csv"
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert complaints == []


def test_pdf_is_tagged(page: str, browser: str) -> None:
    printed = print_page(page, browser)
    assert printed.startswith(b"%PDF-")
    assert b"/MarkInfo" in printed
    assert b"/StructTreeRoot" in printed


def test_without_a_browser_the_message_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", "/nowhere")
    with pytest.raises(NoBrowserError, match="playwright install chromium"):
        find_browser()


def test_kernel_that_is_not_installed_is_refused(tmp_path: Path, write: Write) -> None:
    path = write(tmp_path / "a.ipynb", "1")
    path.write_text(path.read_text().replace('"python3"', '"fortran77"'))
    with pytest.raises(ValueError, match=r"kernel 'fortran77' is not installed; installed are: .*python3"):
        make_report(str(path))


def test_cell_that_takes_too_long_fails_the_report(tmp_path: Path, write: Write) -> None:
    report = make_report(str(write(tmp_path / "a.ipynb", "# A", "import time\ntime.sleep(60)")), timeout_s=1)
    assert report.failure is not None
    assert "longer than 1 seconds" in report.failure.error
    assert "longer than 1 seconds" in report.page()
