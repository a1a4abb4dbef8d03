"""A run: what one experiment returns, and the file that keeps it.

The file is JSON Lines: one record a line, each naming its kind under `record`; the first is the `RunInfo`, the
last an end mark with the number of records, so that a truncated file is noticed. A text editor reads it, and
`pandas.read_json(path, lines=True)` opens it without this package. A path that ends in .gz is compressed.
"""

from __future__ import annotations

import gzip
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from wslab.core.files import write_whole
from wslab.core.records import (
    Account,
    Attempt,
    Closure,
    Footprint,
    Notice,
    Outage,
    Record,
    Restart,
    RunInfo,
    Send,
    Sighting,
)

FORMAT_VERSION = 1

R = TypeVar("R", bound=Record)


class _End(Record, frozen=True, kw_only=True, tag="end"):
    """The last line: how many records stand between the first line and this one."""

    records: int
    format_version: int = FORMAT_VERSION


_DECODER = msgspec.json.Decoder(
    RunInfo | Send | Closure | Account | Attempt | Outage | Restart | Footprint | Sighting | Notice | _End
)


class RunFileError(ValueError):
    """A file that is damaged, of another kind, or of a newer version; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Run:
    """What was set, what was seen, on which machine. Immutable; `records` are in the order of observation."""

    info: RunInfo
    records: tuple[Record, ...]

    def of(self, kind: type[R]) -> tuple[R, ...]:
        """Return the records of one kind, in the order of observation."""
        return tuple(record for record in self.records if isinstance(record, kind))

    @property
    def sends(self) -> tuple[Send, ...]:
        return self.of(Send)

    @property
    def closures(self) -> tuple[Closure, ...]:
        return self.of(Closure)

    @property
    def accounts(self) -> tuple[Account, ...]:
        return self.of(Account)

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        return self.of(Attempt)

    @property
    def outages(self) -> tuple[Outage, ...]:
        return self.of(Outage)

    @property
    def restarts(self) -> tuple[Restart, ...]:
        return self.of(Restart)

    @property
    def sightings(self) -> tuple[Sighting, ...]:
        return self.of(Sighting)

    @property
    def notices(self) -> tuple[Notice, ...]:
        return self.of(Notice)

    @property
    def footprints(self) -> tuple[Footprint, ...]:
        return self.of(Footprint)

    def __repr__(self) -> str:
        counts = Counter(type(record).__name__.lower() for record in self.records)
        held = ", ".join(f"{n:,} {kind}{'s' * (n > 1)}" for kind, n in counts.items()) or "no records"
        partial = ", partial" if self.info.partial else ""
        return f"<Run {self.info.experiment}: {held}; {self.info.duration_s:.2f} s{partial}>"

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the run to `path` and return it. The file appears whole or not at all.

        Raises:
            OSError: the path cannot be written.
        """
        target = Path(path)
        content = b"".join(_lines(self))
        return write_whole(target, gzip.compress(content, mtime=0) if target.suffix == ".gz" else content)


def load(path: str | os.PathLike[str]) -> Run:
    """Read a run that `Run.save` wrote; it equals the one that was saved.

    Raises:
        OSError: the file cannot be read.
        RunFileError: it is not a run, is damaged, or was written by a newer version.
    """
    source = Path(path)
    content = source.read_bytes()
    if source.suffix == ".gz":
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError) as error:
            raise RunFileError(f"{source}: not a complete gzip file: {error}") from None
    records = list(_decode(source, content.splitlines()))
    if not records or not isinstance(records[0], RunInfo):
        raise RunFileError(f"{source}: not a run: its first line is no run record; runs are written by Run.save()")
    end = records[-1]
    if not isinstance(end, _End) or end.records != len(records) - 2:
        raise RunFileError(
            f"{source}: the file is incomplete: it holds {len(records) - 1:,} records and no matching end mark"
        )
    return Run(records[0], tuple(records[1:-1]))


def _lines(run: Run) -> Iterator[bytes]:
    encode = msgspec.json.Encoder().encode
    for record in (run.info, *run.records, _End(records=len(run.records))):
        yield encode(record) + b"\n"


def _decode(source: Path, lines: Iterable[bytes]) -> Iterator[Record]:
    for number, line in enumerate(lines, start=1):
        try:
            yield _DECODER.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            newer = _newer_version(lines)
            raise RunFileError(f"{source}, line {number}: {newer or error}") from None


def _newer_version(lines: Iterable[bytes]) -> str | None:
    """Say so if the end mark names a later format than ours: then the file is sound and we are old."""
    last = (list(lines) or [b""])[-1]
    try:
        version = msgspec.json.decode(last).get("format_version", 0)
    except (msgspec.DecodeError, AttributeError, UnicodeDecodeError):
        return None
    if isinstance(version, int) and version > FORMAT_VERSION:
        return f"written in format {version}, but this wslab reads up to {FORMAT_VERSION}; upgrade wslab"
    return None
