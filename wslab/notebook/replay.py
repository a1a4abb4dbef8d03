"""A notebook in a replay: it says so at its top, and cells that open sockets of their own show what they once printed.

Everything else in a lesson asks an experiment, and is given the recorded run (see `wslab.net.replay`); only such cells,
tagged `sockets`, talk to servers in words of their own. What they put out was recorded with the runs.
"""

from __future__ import annotations

import functools
import hashlib
import html
import json
from pathlib import Path
from typing import Any

from IPython.display import display

from wslab.core import recordings
from wslab.net import replay

TAG = "sockets"

CELLS = "cells.json"
"""In a folder of recordings: the outputs of cells, each under its `cell_key`."""

NOTE = "From the recording: this cell opens sockets of its own, which a replay does not."


def begin(shell: Any) -> None:
    """Say in the cell that runs now that this is a replay and of what, and show recorded cells from now on."""
    if not replay.replaying():
        return
    words = _words(replay.folder())
    _display({"text/html": f'<p role="note"><strong>{html.escape(words)}</strong></p>', "text/plain": words})
    shell.input_transformers_post.append(_instead)


def cell_key(source: str) -> str:
    """Return by what a recorded cell is found: its source, without what stands around it."""
    return hashlib.blake2s(source.strip().encode(), digest_size=6).hexdigest()


def show_recorded(key: str) -> None:
    """Put out what the cell with this key put out when it was recorded, and say so."""
    _display({"text/html": f"<p><em>{NOTE}</em></p>", "text/plain": NOTE})
    for output in _recorded(replay.folder())[key]:
        if output["output_type"] == "stream":
            print(output["text"], end="")
        else:
            _display(output["data"])


def _instead(lines: list[str]) -> list[str]:
    key = cell_key("".join(lines))
    if key not in _recorded(replay.folder()):
        return lines
    return ["from wslab.notebook.replay import show_recorded\n", f"show_recorded({key!r})\n"]


@functools.cache
def _recorded(folder: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.rglob(CELLS)):
        found |= json.loads(path.read_text(encoding="utf-8"))
    return found


def _words(folder: Path) -> str:
    """Say what is replayed: when it was measured, and on which machine."""
    infos = list(recordings.infos(folder))
    if not infos:
        return f"A replay, but nothing is recorded in {folder}."
    days = sorted({info.started_at[:10] for info in infos})
    machines = ", ".join(sorted({info.platform for info in infos}))
    when = days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}"
    return f"A replay: no socket is opened here. The runs are recordings of real ones, made on {when} on {machines}."


def _display(data: dict[str, Any]) -> None:
    display(data, raw=True)
