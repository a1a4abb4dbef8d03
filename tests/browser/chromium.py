"""Owns which browser the tests drive, and what it may reach: this machine alone."""

from __future__ import annotations

import os
import shutil

from playwright.sync_api import Browser, Error, Playwright

INSTALLED_AS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge")

ADVICE = (
    "no browser to test with; on Debian and Ubuntu: sudo apt install chromium; elsewhere: playwright install chromium; "
    "or name yours: WSLAB_BROWSER=/path/to/chrome"
)

ARGUMENTS = [
    "--no-sandbox",  # which root, as in a container, may not have; every page is our own
    "--disable-background-networking",
    "--disable-gpu",  # there is none, and a process that stands in for one costs more than to paint without
    # Names that end with .test (RFC 2606 §2) are this machine's: other sites, and names that were rebound to it.
    "--host-resolver-rules=MAP *.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


class NoBrowserError(Exception):
    """There is no browser that the tests could drive; the message says how to get one."""


def launch(playwright: Playwright) -> Browser:
    """Start the browser that WSLAB_BROWSER names, else an installed one, else the one that Playwright downloaded."""
    named = os.environ.get("WSLAB_BROWSER")
    found = named or next(filter(None, map(shutil.which, INSTALLED_AS)), None)
    try:
        return playwright.chromium.launch(executable_path=found, args=ARGUMENTS)
    except Error as error:
        if named:  # for these tests, so that it is no reason to skip them
            raise
        raise NoBrowserError(ADVICE) from error
