"""What stays of a panel in the saved notebook: an output below it that needs neither kernel nor JavaScript."""

from __future__ import annotations

import threading
from collections.abc import Callable

from IPython.display import DisplayHandle, display

AFTER_S = 0.5
"""It is drawn so long after a job of the page's, so that it does not hold up the marks of the next."""


class Still:
    """The output below a panel; the page hides it while the panel is alive.

    Args:
        draw: returns what is to be seen, by MIME type.
    """

    def __init__(self, draw: Callable[[], dict[str, str]]) -> None:
        self._draw = draw
        self._handle: DisplayHandle | None = None
        self._timer = threading.Timer(AFTER_S, self.update)

    def display(self) -> None:
        """Put it below what the cell has displayed."""
        self._handle = display(self._draw(), raw=True, display_id=True)

    def update(self) -> None:
        """Redraw it now."""
        self._timer.cancel()
        if self._handle is not None:
            self._handle.update(self._draw(), raw=True)

    def update_soon(self) -> None:
        """Redraw it, unless more happens first."""
        self._timer.cancel()
        if self._handle is None:
            return
        self._timer = threading.Timer(AFTER_S, self.update)
        self._timer.daemon = True
        self._timer.start()
