"""A page as a tagged PDF, printed by an installed Chromium. Imports Playwright only when called."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from wslab.core.errors import NoBrowserError

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge", "msedge")

FOOTER = (
    '<div style="width: 100%; padding: 0 16mm; font: 8px sans-serif; color: #666; text-align: right">'
    '<span class="pageNumber"></span> / <span class="totalPages"></span></div>'
)


def find_browser() -> str:
    """Return the path of Chromium or a browser based on it.

    Raises:
        NoBrowserError: none is found, or Playwright is not installed.
    """
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        raise NoBrowserError("a PDF needs Playwright, which is not installed: pip install 'wslab[pdf]'") from None
    for name in NAMES:
        if found := shutil.which(name):
            return found
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    if Path(own).exists():
        return own
    raise NoBrowserError(
        f"no browser that prints PDF was found ({', '.join(NAMES)}): install one, or run "
        "'playwright install chromium', or print the page from any browser"
    )


def print_page(page: str, executable: str) -> bytes:
    """Return an HTML page as a tagged PDF on A4, with headings as an outline and the section about it unfolded.

    Raises:
        NoBrowserError: the browser does not start.
    """
    from playwright.sync_api import Error, sync_playwright

    with tempfile.TemporaryDirectory(prefix="wslab-print-") as folder, sync_playwright() as playwright:
        file = Path(folder) / "page.html"
        file.write_text(page, encoding="utf-8")
        try:
            # Root, as in a container, has no sandbox; the page is ours, and its policy loads nothing.
            chromium = playwright.chromium.launch(executable_path=executable, chromium_sandbox=False)
        except Error as error:
            raise NoBrowserError(f"{executable} does not start: {error.message.splitlines()[0]}") from None
        with chromium:
            tab = chromium.new_page(color_scheme="light")
            tab.goto(file.as_uri())
            tab.eval_on_selector_all(
                "details.about, details.about details", "all => all.forEach(one => one.open = true)"
            )
            return tab.pdf(
                format="A4",
                tagged=True,
                outline=True,
                print_background=True,
                prefer_css_page_size=True,
                display_header_footer=True,
                header_template="<span></span>",
                footer_template=FOOTER,
            )
