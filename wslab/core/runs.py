"""A run: what one experiment returns, and the file that keeps it.

The file is JSON Lines: one record per line, each with its kind under `record`. The first is the `RunInfo`, the last an
end mark with the number of records, which reveals a truncated file. Any text editor opens it, and
`pandas.read_json(path, lines=True)` reads it without this package. A path that ends in .gz is compressed.
"""

from __future__ import annotations

import functools
import gzip
import operator
import os
import re
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from wslab.core.errors import RunFileError
from wslab.core.files import write_whole
from wslab.core.printable import printable
from wslab.core.records import KINDS, Kinds, Record, RunInfo, tag_of

FORMAT_VERSION = 1

MAX_BYTES = 2**29
"""The largest file that `load` reads by default, after inflation: about two million records."""

R = TypeVar("R", bound=Record)


class _End(Record, frozen=True, kw_only=True, tag="end"):
    """The last line: the number of records between the first line and this one."""

    records: int
    format_version: int = FORMAT_VERSION


_KINDS_OF_LINES: tuple[type[Record], ...] = (RunInfo, *(kind.record for kind in KINDS), _End)
_LINES = {tag_of(kind): kind for kind in _KINDS_OF_LINES}

_DECODER: msgspec.json.Decoder[Record] = msgspec.json.Decoder(functools.reduce(operator.or_, _KINDS_OF_LINES))

_LONG = re.compile(rb"\d{19}")
"""A number that may not fit into 64 bits."""


@dataclass(frozen=True, slots=True)
class Run(Kinds):
    """One experiment: its settings, observations and machine. Immutable; `records` are in the order of observation."""

    info: RunInfo
    records: tuple[Record, ...]

    def of(self, kind: type[R]) -> tuple[R, ...]:
        """Return the records of one kind, in the order of observation."""
        return tuple(record for record in self.records if isinstance(record, kind))

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


def load(path: str | os.PathLike[str], *, max_bytes: int = MAX_BYTES) -> Run:
    """Read a run that `Run.save` wrote; it equals the saved one.

    A journal that a crash has cut off is read as far as it goes; the run is then partial, and its `losses` say why.

    Args:
        max_bytes: the largest file, after inflation, that is read into memory.

    Raises:
        OSError: the file cannot be read.
        RunFileError: it is not a run, is damaged, is larger than `max_bytes`, or was written by a newer version.
    """
    source = Path(path)
    lines = _read(source, max_bytes).splitlines(keepends=True)
    if (unfinished := _unfinished(source, lines)) is not None:
        return unfinished
    records = [_decode(source, number, line, lines[-1]) for number, line in enumerate(lines, start=1)]
    if not records or not isinstance(records[0], RunInfo):
        raise RunFileError(f"{source}: not a run: its first line is not a run record; Run.save() writes runs")
    end = records[-1]
    if not isinstance(end, _End) or end.records != len(records) - 2:
        raise RunFileError(
            f"{source}: the file is incomplete: it holds {len(records) - 1:,} records and no matching end mark"
        )
    return Run(records[0], tuple(records[1:-1]))


def _unfinished(source: Path, lines: list[bytes]) -> Run | None:
    """Return the run in a journal, a file written during the measurement that has no end; None for any other file."""
    whole = [line for line in lines if line.endswith(b"\n")]  # the last one may have been cut off
    info = _decode(source, 1, whole[0], whole[-1]) if whole and b'"ended":false' in whole[0] else None
    if not isinstance(info, RunInfo) or info.ended:
        return None
    records = tuple(_decode(source, number, line, whole[-1]) for number, line in enumerate(whole[1:], start=2))
    lost = f"the file has no end mark: its writer was cut off after {len(records):,} records"
    return Run(msgspec.structs.replace(info, ended=True, partial=True, losses=[*info.losses, lost]), records)


def _lines(run: Run) -> Iterator[bytes]:
    encode = msgspec.json.Encoder().encode
    for record in (run.info, *run.records, _End(records=len(run.records))):
        yield encode(record) + b"\n"


def _read(source: Path, max_bytes: int) -> bytes:
    """Return the file's content, inflated if it is compressed; never hold more than `max_bytes`."""
    opened = gzip.open if source.suffix == ".gz" else open
    try:
        with opened(source, "rb") as file:
            content = bytes(file.read(max_bytes + 1))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise RunFileError(f"{source}: not a complete gzip file: {error}") from None
    if len(content) > max_bytes:
        raise RunFileError(
            f"{source}: it holds more than {max_bytes:,} bytes; load(path, max_bytes=…) reads larger files"
        )
    return content


def _decode(source: Path, number: int, line: bytes, last: bytes) -> Record:
    try:
        record = _DECODER.decode(line)
        if _LONG.search(line):
            _check_whole_numbers(record)
        return record
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        newer = _newer_version(last) or _newer_record(line)
        raise RunFileError(printable(f"{source}, line {number}: {newer or error}")) from None


def _check_whole_numbers(record: Record) -> None:
    """Raise if a number does not fit into 64 bits, as a table's columns require."""
    for name in record.__struct_fields__:
        value = getattr(record, name)
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            raise RunFileError(f"{name} is {value}, which 64 bits cannot hold")


def _newer_version(last: bytes) -> str | None:
    """Return a message if the end mark names a later format than ours: then the file is sound and we are old."""
    version = _members(last).get("format_version", 0)
    if isinstance(version, int) and version > FORMAT_VERSION:
        return f"written in format {version}, but this wslab reads up to {FORMAT_VERSION}; upgrade wslab"
    return None


def _newer_record(line: bytes) -> str | None:
    """Return a message if a line has a kind or fields that this version does not know."""
    members = _members(line)
    kind = members.pop("record", None)
    if not isinstance(kind, str):
        return None
    if kind not in _LINES:
        return f"a record of kind {kind!r}, which this wslab does not know; if a newer one wrote it, upgrade wslab"
    if unknown := members.keys() - set(_LINES[kind].__struct_fields__):
        fields = ", ".join(map(repr, sorted(unknown)))
        return f"kind {kind!r} has no field {fields} in this wslab; if a newer one wrote it, upgrade wslab"
    return None


def _members(line: bytes) -> dict[str, object]:
    try:
        return msgspec.json.decode(line, type=dict[str, object])
    except (msgspec.DecodeError, ValueError, RecursionError):
        return {}
