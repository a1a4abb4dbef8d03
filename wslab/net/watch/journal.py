"""The journal of a run: a file written during the measurement, so that a crash or a power cut loses at most a second.

It looks like a file of `Run.save`, but its first line says that the run has not ended, and there is no end mark until
the run is saved whole. `wslab.load` reads both, and marks an unfinished run as partial.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from wslab.core.errors import UnwritableError, in_words
from wslab.core.records import Record, RunInfo


class Journal:
    """Accepts records at any time and writes them when flushed; a full disk ends the writing, not the run.

    Args:
        tell: called once, with the reason in words, when nothing more can be written.

    Raises:
        UnwritableError: the file exists already, or cannot be created. Nothing is resumed silently.
    """

    def __init__(self, path: Path, info: RunInfo, tell: Callable[[str], None]) -> None:
        self.path = path
        self.broken: str | None = None
        self._tell = tell
        self._encode = msgspec.json.Encoder().encode
        self._waiting: list[bytes] = []
        try:
            self._file = path.open("xb", buffering=0)
        except FileExistsError:
            raise UnwritableError(f"{path} already exists, and a watch cannot be resumed; name another file") from None
        except OSError as error:
            raise UnwritableError(f"{path} cannot be written: {in_words(error)}") from None
        self._add(info)
        self.flush()

    def add(self, record: Record) -> None:
        """Accept a record; the next flush writes it."""
        if self.broken is None:
            self._add(record)

    def flush(self) -> None:
        """Write what was accepted, and sync it to the disk."""
        if self.broken is not None or not self._waiting:
            return
        content, self._waiting = b"".join(self._waiting), []
        try:
            while content:
                content = content[self._file.write(content) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            self.broken = f"{self.path} can no longer be written: {in_words(error)}; the watch goes on in memory"
            self._tell(self.broken)

    def close(self) -> None:
        """Write the rest and close the file."""
        self.flush()
        self._file.close()

    def _add(self, record: Record) -> None:
        self._waiting.append(self._encode(record) + b"\n")
