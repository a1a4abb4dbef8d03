"""`wslab explain`: why the connections in a capture, a HAR, a text or a run closed."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Annotated, BinaryIO

import typer
from rich.console import Console

from wslab.captures.explanation import Explained
from wslab.captures.explanation import explain as explain_it
from wslab.cli.console import JsonOption, check_writable, print_document, print_saved, progress_line
from wslab.core.codes.habits import in_practice
from wslab.core.files import write_whole
from wslab.core.printable import printable
from wslab.experiments import Progress

STANDARD_INPUT = "-"


def explain(
    what: Annotated[
        list[str] | None,
        typer.Argument(help="A file (pcap, pcapng, HAR, log, saved run), or the text itself. Not given, or -: stdin."),
    ] = None,
    as_json: JsonOption = False,
    html: Annotated[Path | None, typer.Option(help="Write the report to attach to a ticket to this file.")] = None,
    md: Annotated[Path | None, typer.Option(help="Write the findings as Markdown to this file.")] = None,
    save: Annotated[Path | None, typer.Option(help="Save what was read as a run (.jsonl or .jsonl.gz).")] = None,
    pcapng: Annotated[Path | None, typer.Option(help="Write what was read as packets for Wireshark.")] = None,
    keys: Annotated[Path | None, typer.Option(help="A TLS key log (SSLKEYLOGFILE), for an installed tshark.")] = None,
) -> Explained:
    """Say why WebSockets in a capture, log or run closed: who, with which code, how sure, and what is left open.

    Nothing is opened or sent. The exit code is 0 if it could be read, even if nothing closed.
    """
    for file in (html, md, save, pcapng):
        if file is not None:
            check_writable(file)
    explained = _read(what or [STANDARD_INPUT], keys)
    _show(explained, as_json=as_json)
    saved = dict(_files(explained, html, md, save, pcapng))
    for path, content in saved.items():
        write_whole(path, content)
    if not as_json:
        print_saved(saved)
    return explained


def _read(what: list[str], keys: Path | None) -> Explained:
    words = " ".join(what)
    with progress_line() as progress:
        total = _length(words)

        def tell(read_bytes: int) -> None:
            progress(Progress(read_bytes, total, f"read {read_bytes / 2**20:,.0f} MiB"))

        if words == STANDARD_INPUT:
            stream: BinaryIO = sys.stdin.buffer
            return explain_it(stream, keys=keys, on_bytes=tell)
        return explain_it(words, keys=keys, on_bytes=tell)


def _length(path: str) -> int | None:
    try:
        return Path(path).stat().st_size
    except (OSError, ValueError):
        return None


def _show(explained: Explained, *, as_json: bool) -> None:
    if as_json:
        print_document(explained.document())
        return
    from wslab.views.findings import render_findings

    console = Console()
    counts = explained.document().records
    held = (
        ", ".join(f"{number:,} {kind.removesuffix('s') if number == 1 else kind}" for kind, number in counts.items())
        or "no records"
    )
    console.print(f"{printable(explained.name)}: {held}", markup=False, highlight=False, soft_wrap=True, style="dim")
    console.print(render_findings(explained.findings, explained.headline))
    for code in explained.codes:
        for sentence in in_practice(code):
            console.print(
                f"field guide, {code}: {sentence}", markup=False, highlight=False, soft_wrap=True, style="dim"
            )
    for loss in explained.run.info.losses:
        console.print(f"not told: {printable(loss)}", markup=False, highlight=False, soft_wrap=True, style="dim")


def _files(
    explained: Explained, html: Path | None, md: Path | None, save: Path | None, pcapng: Path | None
) -> list[tuple[Path, bytes]]:
    """Return the files to write, all of them made before any is written."""
    files: list[tuple[Path, bytes]] = []
    if save is not None:
        with tempfile.TemporaryDirectory() as folder:
            files.append((save, explained.run.save(Path(folder) / save.name).read_bytes()))
    if pcapng is not None:
        from wslab.captures.reenacting import reenact

        files.append((pcapng, reenact(explained.run)))
    if md is not None:
        from wslab.views.findings import findings_markdown

        told = findings_markdown(explained.findings, explained.headline)
        files.append((md, f"# {printable(explained.name)}\n\n{told}".encode()))
    if html is not None:
        files.append((html, _report(explained, html.stem)))
    return files


def _report(explained: Explained, name: str) -> bytes:
    from wslab import reports

    with tempfile.TemporaryDirectory(prefix="wslab-explain-") as folder:
        run = explained.run.save(Path(folder) / f"{name}.jsonl")
        return reports.make_report(str(run)).page().encode()
