"""`explain`: finds out what it was given, reads it into a run, and draws the findings from it."""

from __future__ import annotations

import codecs
import gzip
import io
import os
import shutil
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, cast

import msgspec

from wslab.captures.capture import OnBytes, read_packets
from wslab.captures.containers import SECTION
from wslab.captures.decryption import carries_keys, has_tshark, read_decrypted
from wslab.captures.foreign import refuse_binary
from wslab.captures.har import read_har
from wslab.captures.texts import read_text
from wslab.core.errors import BadTypeError, CaptureError
from wslab.core.findings import Finding, headline
from wslab.core.findings.servers import find_by_server
from wslab.core.records import KINDS, Statement
from wslab.core.runs import Run, load

Kind = Literal["packets", "har", "text", "run"]

MAX_TEXT_BYTES = 2**20
"""Of a longer text only this much of its end is read."""

_PACKETS = (
    SECTION.to_bytes(4, "big"),
    b"\xd4\xc3\xb2\xa1",
    b"\xa1\xb2\xc3\xd4",
    b"\x4d\x3c\xb2\xa1",
    b"\xa1\xb2\x3c\x4d",
)
_GZIP = b"\x1f\x8b"
_BOM = codecs.BOM_UTF8
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
_FIRST_BYTES = 4096
_BUFFER_BYTES = 2**20
MAX_HAR_BYTES = 2**29
"""A HAR is read whole, so it must not be larger."""


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """What `wslab explain --json` prints; `wslab schema explain` prints its JSON Schema.

    Fields:
        what: what was given: a packet capture, a HAR, a text, or a saved run. name: the name of its file.
        headline: the surest finding, in one sentence.
        findings: the surest first; `evidence` holds indexes into the records of the run (`--save`).
        statements: what a text says, line by line.
        records: the number of records of each kind.
        losses: what was not read, or is missing.
    """

    version: int = 1
    what: Kind
    name: str
    headline: str
    findings: tuple[Finding, ...]
    statements: tuple[Statement, ...]
    records: dict[str, int]
    losses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """The result of `explain`: the run that was read, and what it shows.

    Fields:
        what: what was given. name: the name of its file. run: its records, for `wslab.tables` and `wslab.plots`.
    """

    what: Kind
    name: str
    run: Run
    findings: tuple[Finding, ...]

    @property
    def headline(self) -> str:
        """The surest finding, in one sentence."""
        if self.findings:
            return self.findings[0].what
        if self.what == "text":
            return "Nothing in this text is known here to speak of a WebSocket's end."
        return headline(self.run) if self.run.records else "There is no WebSocket in it."

    @property
    def codes(self) -> list[int]:
        """The close codes in it, sorted."""
        told: set[int | None] = {closure.close_code for closure in self.run.closures}
        told |= {statement.close_code for statement in self.run.statements}
        return sorted(code for code in told if code is not None)

    def document(self) -> Explanation:
        return Explanation(
            what=self.what,
            name=self.name,
            headline=self.headline,
            findings=self.findings,
            statements=self.run.statements,
            records={kind.name: len(own) for kind in KINDS if (own := self.run.of(kind.record))},
            losses=tuple(self.run.info.losses),
        )

    def __repr__(self) -> str:
        return f"<Explained {self.what} {self.name}: {self.headline}>"


def explain(
    what: str | os.PathLike[str] | bytes | BinaryIO | Run,
    *,
    keys: str | os.PathLike[str] | None = None,
    on_bytes: OnBytes | None = None,
) -> Explained:
    """Explain why WebSockets closed, from a capture, a HAR, a text or a run.

    Args:
        what: the path of a file; an open binary file, read to its end; bytes; a run; or the text itself, such as an
            exception or log lines. A string without spaces, quotation marks or brackets is taken for a path.
        keys: a TLS key log (`SSLKEYLOGFILE`), with which an installed `tshark` decrypts a packet capture.
        on_bytes: called now and then with the number of bytes read so far.

    Raises:
        CaptureError: it cannot be read; the message says what it seems to be.
        RunFileError: it is a damaged run.
        OSError: the file cannot be read.
    """
    if isinstance(what, Run):
        return _explained("run", what.info.experiment, what)
    if isinstance(what, bytes):
        return _read(io.BytesIO(what), "bytes", None, keys, on_bytes)
    if isinstance(what, str) and _is_text(what):
        return _explained("text", "text", read_text(what))
    if isinstance(what, str | os.PathLike):
        path = Path(what)
        with path.open("rb", buffering=_BUFFER_BYTES) as file:
            return _read(file, path.name, path, keys, on_bytes)
    if not hasattr(what, "read"):
        raise BadTypeError(f"what is {what!r}, but must be a path, a text, bytes, an open binary file or a Run")
    return _read(what, Path(str(getattr(what, "name", "standard input"))).name, None, keys, on_bytes)


def _is_text(what: str) -> bool:
    try:
        return any(mark.isspace() or mark in '"{}<>' for mark in what) and not Path(what).is_file()
    except (OSError, ValueError):  # too long for a file name, or contains a NUL
        return True


def _explained(what: Kind, name: str, run: Run) -> Explained:
    return Explained(what, name, run, find_by_server(run.records))


def _read(
    file: BinaryIO, name: str, path: Path | None, keys: str | os.PathLike[str] | None, on_bytes: OnBytes | None
) -> Explained:
    """Tell from the first bytes what it is, and read it as that."""
    stream = (
        file if isinstance(file, io.BufferedReader) else io.BufferedReader(cast("io.RawIOBase", file), _BUFFER_BYTES)
    )
    first = stream.peek(_FIRST_BYTES)[:_FIRST_BYTES]
    if first.startswith(_UTF16):  # some shells redirect output as UTF-16
        text = _whole(stream, name).decode("utf-16", errors="replace")
        return _read(io.BytesIO(text.encode()), name, None, keys, on_bytes)
    if first.startswith(_GZIP):
        return _read_compressed(stream, name, path, keys, on_bytes)
    if first.startswith(_PACKETS):
        return _explained("packets", name, _packets(stream, name, path, keys, on_bytes))
    beginning = first.removeprefix(_BOM).lstrip()
    if not beginning:
        raise CaptureError(f"{name} is empty: there is nothing to explain")
    if beginning.startswith(b"{") and b'"record":"run"' in beginning:
        return _explained("run", name, _run(stream, path))
    refuse_binary(beginning, name)
    content = _whole(stream, name) if beginning.startswith(b"{") else _end_of(stream)
    if beginning.startswith(b"{") and (run := read_har(content.removeprefix(_BOM), name=name)) is not None:
        return _explained("har", name, run)
    return _explained("text", name, read_text(content[-MAX_TEXT_BYTES:].decode(errors="replace"), name=name))


def _whole(stream: BinaryIO, name: str) -> bytes:
    content = stream.read(MAX_HAR_BYTES + 1)
    if len(content) > MAX_HAR_BYTES:
        hint = "save a HAR without contents, and a log as UTF-8"
        raise CaptureError(f"{name} has more than the {MAX_HAR_BYTES:,} bytes that can be read at once; {hint}")
    return content


def _end_of(stream: BinaryIO) -> bytes:
    """Return the end of a log, whatever its length."""
    kept = b""
    while piece := stream.read(MAX_TEXT_BYTES):
        kept = (kept + piece)[-MAX_TEXT_BYTES:]
    return kept


def _read_compressed(
    stream: BinaryIO,
    name: str,
    path: Path | None,
    keys: str | os.PathLike[str] | None,
    on_bytes: OnBytes | None,
) -> Explained:
    try:
        with gzip.GzipFile(fileobj=stream) as inflated:
            if inflated.peek(2)[:2] == _GZIP:
                raise CaptureError(f"{name} is compressed twice; decompress it once with gunzip")
            return _read(cast("BinaryIO", inflated), name, None, keys, on_bytes)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise CaptureError(f"{name} is no complete gzip file: {error}; decompress what there is of it first") from None


def _packets(
    stream: BinaryIO, name: str, path: Path | None, keys: str | os.PathLike[str] | None, on_bytes: OnBytes | None
) -> Run:
    if keys is None and not (path is not None and has_tshark() and carries_keys(path)):
        return read_packets(stream, name=name, on_bytes=on_bytes)
    if path is None:
        raise CaptureError(f"{name} cannot be decrypted from a stream: tshark reads it twice; save it as a file first")
    return read_decrypted(stream, path, keys=None if keys is None else Path(keys), on_bytes=on_bytes)


def _run(stream: BinaryIO, path: Path | None) -> Run:
    if path is not None:
        return load(path)
    with tempfile.NamedTemporaryFile(suffix=".jsonl") as whole:
        shutil.copyfileobj(stream, whole)
        whole.flush()
        return load(whole.name)
