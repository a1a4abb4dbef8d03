"""Work that follows a knob: only what was asked for last is done, in a thread of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable

from wslab.experiments import Cancel


class Latest:
    """Does one thing at a time. A newer one cancels the one under way and takes the place of those that wait."""

    def __init__(self) -> None:
        self._cancel = Cancel()
        self._asking = threading.Lock()
        self._working = threading.Lock()

    def ask(self, do: Callable[[Cancel], None]) -> None:
        """Have it done soon, unless something else is asked for before; `do` is to end when its token is cancelled."""
        with self._asking:
            self._cancel.cancel()
            self._cancel = Cancel()
            threading.Thread(target=self._do, args=(do, self._cancel), name="wslab-latest", daemon=True).start()

    def stop(self) -> None:
        """Cancel what is under way."""
        self._cancel.cancel()

    def give_up(self) -> None:
        """Cancel what is under way, and wait for its end."""
        self.stop()
        with self._working:
            pass

    def _do(self, do: Callable[[Cancel], None], cancel: Cancel) -> None:
        with self._working:
            if not cancel.cancelled:
                do(cancel)
