"""One notebook, executed once: its page stands alone, shows where it failed, and keeps its data and its runs."""

from __future__ import annotations

import base64
import re

import pytest
from bs4 import BeautifulSoup

from wslab.core.errors import NoBrowserError
from wslab.reports import Report, find_browser, make_report, print_page

pytestmark = pytest.mark.filterwarnings("default")  # of the libraries that start a kernel

CELLS = (
    "# Mine\n\nInline $x_1$ and\n\n$$y = 2$$\n\n![far](https://example.org/far.png)",
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
def report(tmp_path_factory, write):
    folder = tmp_path_factory.mktemp("mine")
    (folder / "beside.txt").write_text("read from the notebook's own folder")
    told = []
    path = write(folder / "mine.ipynb", *CELLS)
    made = make_report(str(path), parameters={"points": "7"}, with_widgets=True, on_cell=lambda *at: told.append(at))
    assert told[0] == (0, 9, "points = 3")
    assert len(told) == 8
    return made


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return report.page()


def test_failure_is_named_shown_and_ends_the_execution(report, page):
    assert report.failure is not None
    assert (report.failure.cell_number, report.failure.error) == (8, "ZeroDivisionError: division by zero")
    soup = BeautifulSoup(page, "html.parser")
    assert "Code cell 8 failed: ZeroDivisionError" in soup.header.get_text()
    assert "1 / 0" in soup.select_one("#failed").get_text()
    assert not any(output.get_text().strip() == "never" for output in soup.select(".outputs"))


def test_page_loads_nothing_from_anywhere(page):
    soup = BeautifulSoup(page, "html.parser")
    assert soup.select("link, iframe, script[src], object, embed") == []
    assert [image["src"][:5] for image in soup.select("img") if not image["src"].startswith("data:")] == []
    assert "default-src 'none'" in soup.select_one("meta[http-equiv=Content-Security-Policy]")["content"]


def test_figure_is_crisp_and_described(page):
    (figure,) = [image for image in BeautifulSoup(page, "html.parser").select("img") if "image/png" in image["src"]]
    assert figure["alt"]
    content = base64.b64decode(figure["src"].partition(",")[2])
    assert int.from_bytes(content[16:20], "big") >= 1.9 * int(figure["width"])


def test_table_comes_with_all_of_its_rows(page):
    (link,) = BeautifulSoup(page, "html.parser").select("a[download$='.csv']")
    content = base64.b64decode(link["href"].partition(",")[2]).decode("utf-8-sig")
    assert len(content.splitlines()) == 101


def test_run_behind_the_page_comes_with_its_knobs_and_its_data(page):
    about = BeautifulSoup(page, "html.parser").select_one(".about")
    assert "max_message_bytes 10; all others as they are by default" in about.get_text()
    assert about.select_one("a[download='01-send_message.jsonl.gz']")["href"].startswith("data:application/gzip")


def test_formulas_are_drawn_without_a_script(page):
    assert len(re.findall(r"<math[ >]", page)) == 2


def test_markdown_has_figures_as_files_and_tables_as_its_own(report):
    text, figures = report.markdown("ticket")
    assert list(figures) == ["ticket_files/ticket_3_0.png"]
    assert "](ticket_files/ticket_3_0.png)" in text
    assert "| 99 | 99 |" in text
    assert text.startswith("> **Code cell 8 failed:** ZeroDivisionError")


@pytest.fixture(scope="module")
def browser() -> str:
    try:
        return find_browser()
    except NoBrowserError as error:
        pytest.skip(str(error))


def test_page_in_a_browser_asks_for_nothing_and_its_widgets_work(page, browser, tmp_path):
    from playwright.sync_api import sync_playwright

    file = tmp_path / "page.html"
    file.write_text(page, encoding="utf-8")
    asked, complaints = [], []
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


def test_pdf_is_tagged(page, browser):
    printed = print_page(page, browser)
    assert printed.startswith(b"%PDF-")
    assert b"/MarkInfo" in printed
    assert b"/StructTreeRoot" in printed


def test_without_a_browser_the_message_says_what_to_do(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setenv("PLAYWRIGHT_BROWSERS_PATH", "/nowhere")
    with pytest.raises(NoBrowserError, match="playwright install chromium"):
        find_browser()


def test_kernel_that_is_not_installed_is_refused(tmp_path, write):
    path = write(tmp_path / "a.ipynb", "1")
    path.write_text(path.read_text().replace('"python3"', '"fortran77"'))
    with pytest.raises(ValueError, match=r"kernel 'fortran77' is not installed; here are: .*python3"):
        make_report(str(path))


def test_cell_that_takes_too_long_fails_the_report(tmp_path, write):
    report = make_report(str(write(tmp_path / "a.ipynb", "# A", "import time\ntime.sleep(60)")), timeout_s=1)
    assert report.failure is not None
    assert "longer than 1 seconds" in report.failure.error
    assert "longer than 1 seconds" in report.page()
