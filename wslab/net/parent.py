"""The parent of a process of the lab, as that process sees it: hear what it commands, and leave when it is gone.

That stdin ends is a sign of it, and not enough: a child that the parent forked holds the same pipe open, and goes on
when the parent is killed. So the parent's life is watched too: by a descriptor of its process on Linux, at once;
elsewhere by asking every `POLL_S` who the parent is.
"""

from __future__ import annotations

import os
import select
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

import msgspec

from wslab.net import control

POLL_S = 0.5


def commands(words: Any) -> Iterator[Any]:
    """Yield each command as it comes, of the union `words`. Where there are no more, leave."""
    try:
        yield from map(control.decoder(words).decode, sys.stdin.buffer)
    except msgspec.DecodeError:  # half a command, as a dying parent leaves it
        traceback.print_exc()
    leave()


def leave() -> NoReturn:
    """End the process at once: a thread that reads stdin would keep the interpreter's own way of ending waiting."""
    os._exit(0)


def leave_after_it(first: Callable[[], object] = lambda: None) -> None:
    """From now on, leave when the parent is gone, after a call of `first`. Its process id is our first argument."""
    threading.Thread(target=_watch, args=(int(sys.argv[1]), first), name="wslab-parent", daemon=True).start()


def _watch(pid: int, first: Callable[[], object]) -> None:
    try:
        descriptor = os.pidfd_open(pid)  # type: ignore[attr-defined,unused-ignore]  # Linux alone has it
    except (AttributeError, OSError):  # another system, an old kernel, or a parent that is gone already
        while os.getppid() == pid:
            time.sleep(POLL_S)
    else:
        if os.getppid() == pid:  # else the number is somebody else's by now
            select.select([descriptor], [], [])
    first()
    leave()
