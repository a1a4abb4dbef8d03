"""`wslab send`: one exchange with a server, shown step by step."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, cast

import typer
from rich.console import Console

from wslab.cli.console import Document, JsonOption, check_writable, print_document, print_saved
from wslab.cli.target import with_target
from wslab.core.arguments import check_choice
from wslab.core.errors import BadValueError, in_words
from wslab.core.findings import find
from wslab.core.findings.document import FindingDocument, documented
from wslab.core.payloads import SAFETY_CAP_BYTES, check_size
from wslab.core.records import Attempt, Closure, Receipt, RunInfo, Send
from wslab.core.runs import Run
from wslab.core.target import Target
from wslab.core.templates import FILL
from wslab.experiments import send_message
from wslab.net.client.exchange import Confirmation


class SendDocument(Document, frozen=True, kw_only=True, tag="send"):
    """One exchange: attempt, unsolicited messages, the message and its outcome, the closure, and findings."""

    attempts: tuple[Attempt, ...]
    receipts: tuple[Receipt, ...]
    sends: tuple[Send, ...]
    closures: tuple[Closure, ...]
    findings: tuple[FindingDocument, ...]
    run: RunInfo


@with_target
def send(
    target: Target,
    message: Annotated[str | None, typer.Argument(help="The message; - reads it from standard input.")] = None,
    file: Annotated[Path | None, typer.Option(help="Send this file's content instead.")] = None,
    size: Annotated[
        int | None, typer.Option(help="Send a message of this many bytes, made by the template if there is one.")
    ] = None,
    kind: Annotated[str | None, typer.Option("--as", help="text or binary. Not given: text if it is UTF-8.")] = None,
    fragment: Annotated[int | None, typer.Option(help="Cut it into frames of at most this many bytes.")] = None,
    compress: Annotated[bool, typer.Option("--compress", help="Offer permessage-deflate.")] = False,
    confirm: Annotated[str, typer.Option(help="What to wait for: reply, ping (its pong), none.")] = "reply",
    timeout: Annotated[float, typer.Option(help="Seconds for sending and the answer together.")] = 10.0,
    keep_replies: Annotated[bool, typer.Option(help="Show and save the beginning of what the server says.")] = True,
    out: Annotated[Path | None, typer.Option(help="File for the run.")] = None,
    as_json: JsonOption = False,
) -> Run:
    """Send one message and show the exchange: handshake, frames, times, both close frames.

    Without a message it sends the template's smallest message, or hello.
    """
    if out is not None:
        check_writable(out)
    run = send_message(
        target,
        _payload(target, message, file, size, kind),
        fragment_bytes=fragment,
        compression=compress,
        confirm=cast(Confirmation, confirm),  # checked by send_message
        timeout_s=timeout,
        keep_replies=keep_replies,
    )
    if as_json:
        print_document(_document(run))
    else:
        _print(run)
    if out is not None:
        run.save(out)
        if not as_json:
            print_saved([out])
    return run


def _payload(target: Target, message: str | None, file: Path | None, size: int | None, kind: str | None) -> str | bytes:
    given = [name for name, value in (("MESSAGE", message), ("--file", file), ("--size", size)) if value is not None]
    if len(given) > 1:
        raise BadValueError(f"{' and '.join(given)} are given, but one message is sent; give one of them")
    if kind is not None:
        check_choice("--as", kind, ["text", "binary"])
    if file is not None:
        return _as(_content(file), kind)
    if message is not None:
        return _as(sys.stdin.buffer.read(SAFETY_CAP_BYTES + 1) if message == "-" else message.encode(), kind)
    template = target.messages
    if template is not None:
        return template.make(template.min_bytes if size is None else size)
    if size is None:
        return _as(b"hello", kind)
    check_size("--size", size, cap_bytes=SAFETY_CAP_BYTES)
    return _as(FILL.encode() * size, kind)


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(SAFETY_CAP_BYTES + 1)  # one byte too many gets refused
    except OSError as error:
        raise BadValueError(f"--file is {str(file)!r}, which cannot be read: {in_words(error, named=False)}") from None


def _as(content: bytes, kind: str | None) -> str | bytes:
    if kind == "binary":
        return content
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        if kind is None:
            return content
        raise BadValueError(
            f"the message is not UTF-8 at byte {error.start:,}, so not text (RFC 6455 §5.6); send it --as binary"
        ) from None


def _print(run: Run) -> None:
    from wslab.views.exchange import exchange_table
    from wslab.views.findings import render_findings

    console = Console()
    console.print(exchange_table(run))
    console.print()
    if run.attempts and run.attempts[0].outcome == "opened":
        console.print(render_findings(find(run)))


def _document(run: Run) -> SendDocument:
    return SendDocument(
        attempts=run.attempts,
        receipts=run.of(Receipt),
        sends=run.sends,
        closures=run.closures,
        findings=tuple(map(documented, find(run))),
        run=run.info,
    )
