"""The parent, as a child process of the lab sees it: read its commands, and exit when it is gone.

The end of stdin is a sign of that, but not enough: another process forked by the parent may hold the same pipe open and
survive it. So the child also watches the parent's process: on Linux through a pidfd, elsewhere by checking every
`POLL_S` who its parent is.
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


def commands(messages: Any) -> Iterator[Any]:
    """Yield each command, of the union `messages`, as it comes. When stdin ends, exit."""
    try:
        yield from map(control.decoder(messages).decode, sys.stdin.buffer)
    except msgspec.DecodeError:  # half a command, from a dying parent
        traceback.print_exc()
    leave()


def leave() -> NoReturn:
    """Exit at once: a thread that reads stdin would block the interpreter's orderly exit."""
    os._exit(0)


def leave_after_it(first: Callable[[], object] = lambda: None) -> None:
    """From now on, call `first` and exit when the parent is gone. Its process id is our first argument."""
    threading.Thread(target=_watch, args=(int(sys.argv[1]), first), name="wslab-parent", daemon=True).start()


def _watch(pid: int, first: Callable[[], object]) -> None:
    try:
        descriptor = os.pidfd_open(pid)  # type: ignore[attr-defined,unused-ignore]  # only on Linux
    except (AttributeError, OSError):  # another system, an old kernel, or the parent is already gone
        while os.getppid() == pid:
            time.sleep(POLL_S)
    else:
        if os.getppid() == pid:  # else the id belongs to another process by now
            select.select([descriptor], [], [])
    first()
    leave()
