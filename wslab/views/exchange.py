"""One exchange step by step: what went which way and when, from the opening handshake to the end of TCP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from wslab.core.printable import printable
from wslab.core.records import Attempt, Close, Closure, Receipt, Send
from wslab.core.runs import Run

OUT, IN, END = "→", "←", "·"

_TCP_ENDS = {
    "fin": "the server ends TCP (FIN)",
    "reset": "the server resets TCP (RST)",
    "aborted": "the client gives TCP up",
    "unseen": "the end of TCP was not seen",
}


class Line(NamedTuple):
    """One thing that happened; `way` is an arrow as seen from the client."""

    at_s: float
    way: str
    what: str
    said: str = ""


def lines(run: Run) -> list[Line]:
    """Return what happened in a run of one client, in order."""
    happened: list[Line] = []
    for record in run.records:
        match record:
            case Attempt():
                happened += _opening(record)
            case Receipt(unasked=True):
                what = f"{record.payload_kind}, {record.payload_bytes:,} bytes, unasked"
                happened.append(Line(record.ended_at_s, IN, what, record.words or ""))
            case Send():
                happened += _sending(record)
            case Closure():
                happened += _closing(record)
    return sorted(happened, key=lambda line: line.at_s)


def exchange_table(run: Run) -> Table:
    """Return the exchange as a table for a terminal."""
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column("time", justify="right", style="dim", no_wrap=True)
    table.add_column("way")
    table.add_column("what")
    for line in lines(run):
        said = f"  {printable(line.said)}" if line.said else ""
        table.add_row(f"{line.at_s:.3f} s", line.way, Text.assemble(printable(line.what), (said, "cyan")))
    return table


def _opening(attempt: Attempt) -> Iterator[Line]:
    yield Line(attempt.started_at_s, OUT, "TCP and opening handshake")
    took_ms = (attempt.ended_at_s - attempt.started_at_s) * 1000
    if attempt.outcome == "opened":
        yield Line(attempt.ended_at_s, IN, f"HTTP 101, open after {took_ms:.1f} ms")
    else:
        yield Line(attempt.ended_at_s, END, f"{attempt.outcome} after {took_ms:.1f} ms", attempt.error or "")


def _sending(send: Send) -> Iterator[Line]:
    if send.outcome == "unopened":
        if send.error:
            yield Line(send.started_at_s, END, "nothing is sent", send.error)
        return
    frames = "1 frame" if send.fragment_count == 1 else f"{send.fragment_count:,} frames"
    compressed = ", compressed" if send.compression else ""
    what = f"{send.payload_kind}, {send.payload_bytes:,} bytes in {frames}{compressed}; {send.wire_bytes:,} on the wire"
    yield Line(send.started_at_s, OUT, what)
    if send.round_trip_s is not None:
        heard = "pong" if send.reply_bytes is None else f"answer, {send.reply_bytes:,} bytes"
        what = f"{heard}, after {send.round_trip_s * 1000:.1f} ms"
        yield Line(send.started_at_s + send.round_trip_s, IN, what, send.reply or "")
    elif send.outcome == "timeout":
        yield Line(send.started_at_s, END, "no answer in time", send.error or "")


def _closing(closure: Closure) -> Iterator[Line]:
    frames = [(IN, closure.received), (OUT, closure.sent)]
    if closure.closed_by == "client":
        frames.reverse()
    if closure.broken_close_hex is not None:
        body = closure.broken_close_hex or "empty"
        what = f"a close frame that breaks the rules, body {body}; an application is told 1006"
        yield Line(closure.close_started_at_s, IN, what)
    for way, close in frames:
        if close is not None:
            found = ", found by reading on after a failed send" if way == IN and closure.recovered else ""
            yield Line(closure.close_started_at_s, way, _close(close) + found, close.reason)
    yield Line(closure.closed_at_s, END, _TCP_ENDS[closure.tcp_end], closure.bound or "")


def _close(close: Close) -> str:
    return "close frame without a code (1005)" if close.code == 1005 else f"close frame {close.code}"
