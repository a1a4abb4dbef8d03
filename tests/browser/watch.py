"""Owns what no page of ours may do unseen: log an error, or ask anything of another machine."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Error, Page

HERE = {"127.0.0.1", "localhost", None}  # None: data: and blob:, which are no requests at all

OF_JUPYTERLAB = (
    r"reading 'footer'\)\s+at \w+\._ensureFocus",
    r"(?s)^uncaught NotFoundError: Failed to execute 'removeChild' on 'Node'(?!.*blob:)",
)
"""JupyterLab's own errors: a notebook closes just as it looks for its focus; an output moves just as it is taken away
(once in some hundred runs). No script of a panel calls removeChild; one that did would stand in the stack, as blob:.
"""


class Watch:
    """Listens to a page from its first request on, until `stop`."""

    def __init__(self, page: Page) -> None:
        self._stopped = False
        self._errors: list[str] = []
        self._expected: list[str] = []
        self._strangers: list[str] = []
        page.on("console", self._on_console)
        page.on("pageerror", self._on_page_error)
        page.on("request", lambda request: self._on_url(request.url))
        page.on("websocket", lambda websocket: self._on_url(websocket.url))

    def expect_error(self, pattern: str) -> None:
        """Let errors pass that the regular expression finds: a page's own WebSocket cannot fail without logging one."""
        self._expected.append(pattern)

    def stop(self) -> None:
        """Hear no more: what JupyterLab says while a notebook and its kernel are taken away is no concern of ours."""
        self._stopped = True

    @property
    def complaints(self) -> list[str]:
        """The unexpected errors of the console, and the requests that went elsewhere."""
        expected = (*self._expected, *OF_JUPYTERLAB)
        errors = [error for error in self._errors if not any(re.search(each, error) for each in expected)]
        return [f"console: {error}" for error in errors] + [f"request: {url}" for url in self._strangers]

    def _on_console(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not self._stopped:
            self._errors.append(f"{message.text} ({message.location.get('url', '')})")

    def _on_page_error(self, error: Error) -> None:
        if not self._stopped:
            self._errors.append(f"uncaught {error.stack or error}")

    def _on_url(self, url: str) -> None:
        if urlsplit(url).hostname not in HERE and not self._stopped:
            self._strangers.append(url)
