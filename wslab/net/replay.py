"""Replay and recording: whether results come from sockets or from recordings.

`WSLAB_REPLAY=1` replays the kit's own recordings, `WSLAB_REPLAY=<folder>` those of another folder; `WSLAB_REPLAY=0`
never replays. Unset, sockets are used if they are available. `WSLAB_RECORD=<folder>` saves the result of every
experiment there, to replay the same program later.
"""

from __future__ import annotations

import functools
import os
import socket
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from wslab.core import places, recordings
from wslab.core.checks import Check
from wslab.core.errors import NotRecordedError
from wslab.core.limits.verdicts import Verdict
from wslab.core.recordings import RECORD, REPLAY, Asked
from wslab.core.runs import Run

NOWHERE = "ws://replay.invalid/"
"""The URL of a lab server in a replay; this name never resolves (RFC 6761 §6.4)."""

NO_SERVER = "this is a replay without a server; for a real one, unset WSLAB_REPLAY where sockets are available"

R = TypeVar("R", Run, Verdict, Check)

_turns: Counter[str] = Counter()


def replaying() -> bool:
    """Whether experiments return recordings and open no socket."""
    wanted = os.environ.get(REPLAY, "")
    return wanted != "0" if wanted else not sockets_are_available()


def folder() -> Path:
    """Return the folder of the recordings."""
    wanted = os.environ.get(REPLAY, "")
    return places.recordings() if wanted in ("", "1") else Path(wanted)


@functools.cache
def sockets_are_available() -> bool:
    """Whether this process may listen on loopback; Python in a browser, for example, may not."""
    if sys.platform == "emscripten":
        return False
    try:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
    except OSError:
        return False
    return True


def recall(asked: Asked, read: Callable[[Path], R]) -> R:
    """Return the recording of this call; if there are several, each in turn, then the first again.

    Raises:
        NotRecordedError: there is none.
        OSError, ValueError: its file cannot be read.
    """
    paths = recordings.recorded([folder()], asked)
    if not paths:
        count = len({path.name.rpartition("-")[0] for path in folder().rglob(f"{asked.experiment}-*")})
        raise NotRecordedError(
            f"{asked.experiment} was not recorded with these arguments and knobs ({count} other calls were), and a "
            "replay opens no sockets; make a recorded call, or unset WSLAB_REPLAY where sockets are available"
        )
    turn = _turns[asked.fingerprint]
    _turns[asked.fingerprint] += 1
    return read(paths[turn % len(paths)])


def keep(asked: Asked, result: Run | Verdict | Check) -> None:
    """Save a result in the folder that `WSLAB_RECORD` names; do nothing if it is unset.

    Raises:
        OSError: the folder cannot be written.
    """
    wanted = os.environ.get(RECORD)
    if wanted:
        recordings.keep(Path(wanted), asked, result)
