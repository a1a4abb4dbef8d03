"""`wslab app`: every panel in a tab of one page, without a notebook, and without a request to anybody else."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
from playwright.sync_api import Browser, Page, expect

from wslab import panels

from .conftest import SCREENSHOTS
from .foreign import foreign_site, go_to, reads
from .lab import READY_WITHIN_S, end, environment
from .notebook import VIEWPORT
from .watch import Watch


@pytest.fixture
def address(browser: Browser, tmp_path: Path) -> Iterator[str]:
    """Where the app is served."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "wslab", "app", "--no-browser", "--port", str(port)]
    folder = tmp_path / "where the user stands"
    folder.mkdir()
    process = psutil.Popen(command, env=environment(tmp_path) | {"JUPYTER_TOKEN": "secret"}, cwd=folder)
    try:
        wait_until_it_listens(port)
        yield f"http://127.0.0.1:{port}/?token=secret"
    finally:
        end(process)


def wait_until_it_listens(port: int) -> None:
    give_up_at = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < give_up_at:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(f"nobody listened on port {port} within {READY_WITHIN_S} s")


def test_every_panel_has_a_tab_and_works(browser: Browser, address: str, tmp_path: Path) -> None:
    with browser.new_page(viewport=VIEWPORT) as page:
        watch = Watch(page)
        page.goto(address, timeout=READY_WITHIN_S * 1000)
        tabs = page.get_by_role("tab")
        expect(tabs).to_have_count(len(panels.__all__), timeout=READY_WITHIN_S * 1000)
        page.get_by_role("tab", name="Limit").click()
        panel = page.locator(".wslab-panel:visible")
        panel.get_by_role("button", name="Send", exact=True).click()
        expect(panel.locator(".wslab-status")).to_contain_text("1,024 bytes: accepted", timeout=20_000)
        panel.get_by_role("button", name="Save run").click()
        expect(panel.locator(".wslab-status")).to_contain_text(
            f"saved as {tmp_path}/where the user stands/payload_sweep-"
        )
        with page.expect_download() as download:
            panel.get_by_role("button", name="Download").click()
        (saved,) = (tmp_path / "where the user stands").iterdir()
        assert Path(download.value.path()).read_bytes() == saved.read_bytes()
        assert download.value.suggested_filename == saved.name
        page.screenshot(path=SCREENSHOTS / "app.png")
        assert watch.complaints == []
        watch.stop()
        with foreign_site() as site:
            foreign_pages_get_nothing(page, urlsplit(address).port or 0, site)


def foreign_pages_get_nothing(page: Page, port: int, site: int) -> None:
    """The browser has the app's cookie, and the token would be in the page."""
    answer = page.goto(f"http://127.0.0.1:{port}/", wait_until="commit")
    assert answer is not None
    assert answer.status == 200  # the control: the cookie is enough for the app's own page
    go_to(page, "foreign.test", site)
    assert reads(page, f"http://127.0.0.1:{port}/") is None
    go_to(page, f"rebound.test:{port}", site)
    assert reads(page, f"http://rebound.test:{port}/") in (None, 403)
