"""Whether results come from sockets or from recordings, and the recordings themselves.

`WSLAB_REPLAY=1` replays from the kit's own recordings, `WSLAB_REPLAY=<folder>` from another folder, and
`WSLAB_REPLAY=0` never does. Unset, sockets are used where they are available. `WSLAB_RECORD=<folder>` keeps what every
experiment returns there, so that the same program can be replayed from it.
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
"""The URL of a lab server in a replay: the name is one that never resolves (RFC 6761 §6.4)."""

NO_SERVER = "this is a replay, in which no server runs; for a real one, unset WSLAB_REPLAY where sockets are available"

R = TypeVar("R", Run, Verdict, Check)

_turns: Counter[str] = Counter()


def replaying() -> bool:
    """Whether experiments return recordings and open no socket."""
    wanted = os.environ.get(REPLAY, "")
    return wanted != "0" if wanted else not sockets_are_to_be_had()


def folder() -> Path:
    """Return where recordings are looked for."""
    wanted = os.environ.get(REPLAY, "")
    return places.recordings() if wanted in ("", "1") else Path(wanted)


@functools.cache
def sockets_are_to_be_had() -> bool:
    """Whether this process may listen on loopback; in a browser's Python, for one, it may not."""
    if sys.platform == "emscripten":
        return False
    try:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
    except OSError:
        return False
    return True


def recall(asked: Asked, read: Callable[[Path], R]) -> R:
    """Return the recording of this call; of several, each in its turn, and after the last the first again.

    Raises:
        NotRecordedError: there is none.
        OSError, ValueError: its file cannot be read.
    """
    paths = recordings.recorded([folder()], asked)
    if not paths:
        count = len({path.name.rpartition("-")[0] for path in folder().rglob(f"{asked.experiment}-*")})
        raise NotRecordedError(
            f"{asked.experiment} was not recorded with these arguments and knobs ({count} other calls of it were), and "
            "a replay opens no sockets; run what was recorded, or unset WSLAB_REPLAY where sockets are available"
        )
    turn = _turns[asked.fingerprint]
    _turns[asked.fingerprint] += 1
    return read(paths[turn % len(paths)])


def keep(asked: Asked, result: Run | Verdict | Check) -> None:
    """Keep a result where `WSLAB_RECORD` says; without it, do nothing.

    Raises:
        OSError: the folder cannot be written.
    """
    wanted = os.environ.get(RECORD)
    if wanted:
        recordings.keep(Path(wanted), asked, result)
