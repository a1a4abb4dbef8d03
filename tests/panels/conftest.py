"""What the tests of all panels need: to wait, and to speak as the page does."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pytest

from wslab.panels.panel import Panel

PATIENCE_S = 30.0


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Return a function that waits until something is so, and fails if it does not become so."""

    def wait(is_so: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not is_so():
            assert time.monotonic() < deadline, "waited in vain"
            time.sleep(0.005)

    return wait


@pytest.fixture
def page_says() -> Callable[..., None]:
    """Return a function that does what a message of the page does."""

    def say(panel: Panel, **message: Any) -> None:
        panel._handle_custom_msg(message, [])

    return say
