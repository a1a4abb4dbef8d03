"""Pages of other sites, and what they may try: the browser says in Origin and Host what it will."""

from __future__ import annotations

import contextlib
import http.server
import threading
from collections.abc import Iterator

from playwright.sync_api import Page

_OPENS = """url => new Promise(resolve => {
    const socket = new WebSocket(url)
    socket.onopen = () => { socket.close(); resolve(true) }
    socket.onerror = () => resolve(false)
})"""
_READS = "url => fetch(url, {credentials: 'include'}).then(answer => answer.status, () => null)"


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>foreign</title>")

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def foreign_site() -> Iterator[int]:
    """Serve one page on this machine; yield the port."""
    with http.server.HTTPServer(("127.0.0.1", 0), _Page) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        serving.start()
        try:
            yield server.server_port
        finally:
            server.shutdown()
            serving.join()


def go_to(page: Page, host: str, site: int) -> None:
    """Open the page at the port `site` under this host, HOST[:PORT]; what the page asks for then goes to that host.

    A page that the test made up would come from no address, and Chromium lets such a one reach nothing on loopback.
    """
    url = f"http://{host}/foreign"
    page.route(url, lambda route: route.continue_(url=f"http://127.0.0.1:{site}/"))
    page.goto(url)
    assert page.evaluate("location.host") == host


def opens(page: Page, url: str) -> bool:
    """Return whether the page can open a WebSocket there."""
    return bool(page.evaluate(_OPENS, url))


def reads(page: Page, url: str) -> int | None:
    """Return the status of what the page gets from there with its cookies; None if it may not read it."""
    status: int | None = page.evaluate(_READS, url)
    return status
