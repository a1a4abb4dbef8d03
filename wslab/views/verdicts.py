"""A verdict in words: the finding, the facts that apply, and remarks."""

from __future__ import annotations

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from wslab.core.codes.registry import lookup
from wslab.core.limits.verdicts import Cause, Verdict
from wslab.core.printable import printable

_SAYS = {"away_s": "it was away"}
_TIMES = {
    "age_s": "on time: {} s after the opening",
    "idle_s": "on time: {} s after the last message",
    "sending_s": "on time: {} s after a message was begun",
    "late_s": "on time: {} s after a message",
    "away_s": "for {} s",
}


def render(verdict: Verdict) -> RenderableType:
    """Return the verdict for a rich `Console`: styled on a terminal, plain text elsewhere."""
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="dim")
    grid.add_column()
    for question, answer in facts(verdict):
        grid.add_row(question, Text(printable(answer)))
    headline = Text(printable(f"{verdict.status.replace('_', ' ')}: {verdict.url}"), style="bold")
    remarks = (Padding(Text(printable(f"• {remark}")), (0, 0, 0, 2)) for remark in verdict.remarks)
    advice = [] if verdict.advice is None else [Text(f"What to do: {printable(verdict.advice)}")]
    return Group(headline, Text(printable(verdict.explanation)), *advice, Text(""), grid, *remarks)


def facts(verdict: Verdict) -> Iterator[tuple[str, str]]:
    """Yield the known facts, each as question and answer."""
    sizes = {
        "largest accepted in one frame": verdict.max_single_frame_bytes,
        "smallest refused in one frame": verdict.smallest_refused_bytes,
        "largest accepted in fragments": verdict.max_fragmented_bytes,
    }
    yield from ((question, f"{size:,} B") for question, size in sizes.items() if size is not None)
    words = {
        "the limit counts": verdict.counts,
        "text counts in": verdict.text_unit,
        "compressed messages count": verdict.compression_counts,
        "over the limit": verdict.over_limit,
    }
    yield from ((question, word.replace("_", " ")) for question, word in words.items() if word is not None)
    if verdict.inclusive is not None:
        yield "the configured limit itself", "passes" if verdict.inclusive else "is refused"
    if verdict.answer_changes_at_bytes is not None:
        yield "the answer changes at", f"{verdict.answer_changes_at_bytes:,} B"
    yield from _closure(verdict)
    for clock in verdict.clocks:
        yield clock.question.replace("_", " ").replace("max age", "maximum age"), clock.explanation
    for cause in verdict.closes_on:
        yield _SAYS.get(cause.unit or "", "it also closes" if cause.close_code else "it also refuses"), _cause(cause)
    if verdict.http_status is not None:
        yield "HTTP status", str(verdict.http_status)
    yield "cost", _cost(verdict)


def _closure(verdict: Verdict) -> Iterator[tuple[str, str]]:
    """Yield how an application sees a refusal, and what a client with much left to send is told."""
    if verdict.close_code is not None:
        yield "an application is told", lookup(verdict.close_code).label
    if verdict.close_frame_hex is not None:
        yield "the close frame's bytes", verdict.close_frame_hex
    if verdict.after_refusal is not None:
        yield "after refusing", verdict.after_refusal
    clients = {
        "a client that reads while it sends is told": verdict.reading_client_told,
        "a client that only sends is told": verdict.blocking_client_told,
    }
    for client, told in clients.items():
        if told is not None:
            yield client, ", ".join(f"{code}: {count} of {sum(told.values())}" for code, count in told.items())


def _cause(cause: Cause) -> str:
    """Return a cause in brief: its kind, and its number if it has one."""
    kind = "at random" if cause.kind == "chance" else f"on {cause.kind}"
    if cause.unit is None:
        return kind
    if cause.number is None:
        return f"{kind}, in {cause.unit.removesuffix('_per_s')}"
    if cause.unit == "share":
        return f"{kind}: {cause.number:.1%} of messages"
    number = f"{cause.number:,.6g}"
    if cause.unit in _TIMES:
        return _TIMES[cause.unit].format(number)
    return f"{kind}: {number} {cause.unit.replace('_per_s', ' per second')}"


def _cost(verdict: Verdict) -> str:
    connections = "1 connection" if verdict.connections == 1 else f"{verdict.connections} connections"
    return (
        f"{connections}, {verdict.probe_wire_bytes:,} B to search, "
        f"{verdict.confirmation_wire_bytes:,} B to confirm, {verdict.control_wire_bytes:,} B as controls, "
        f"{verdict.elapsed_s:.2f} s"
    )
