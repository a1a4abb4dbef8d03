"""`python -m wslab` is the command `wslab`."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sys import UnraisableHookArgs


def run() -> None:
    """Run the command line; Ctrl-C ends it without a traceback, even during an import."""
    sys.unraisablehook = interrupt_again
    try:
        from wslab.cli import main

        main(prog_name="wslab")
    except (KeyboardInterrupt, Exception) as error:
        if not _interrupted(error):
            raise
        sys.exit(130)


def interrupt_again(unraisable: UnraisableHookArgs) -> None:
    """Repeat a Ctrl-C that Python ignored, as in a weakref's callback, which importlib has for each import."""
    if unraisable.exc_type is KeyboardInterrupt:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
    else:
        sys.__unraisablehook__(unraisable)


def _interrupted(error: BaseException | None) -> bool:
    """Whether Ctrl-C caused it: an exception during an import or in a class body may be wrapped."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__cause__ or error.__context__
    return error is not None


if __name__ == "__main__":
    run()
