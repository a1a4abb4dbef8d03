"""Runs in a terminal: tables for `rich` to print, computed from the records."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from rich.table import Table

from wslab.core.codes.registry import lookup
from wslab.core.intervals import quantile
from wslab.core.ladders import bracket
from wslab.core.records import Outage, Restart, Send
from wslab.core.runs import Run
from wslab.views.words import seconds


def story_table(run: Run) -> Table:
    """Return the story, one row per chapter: what was done, what clients were told, who came back and when."""
    title = "Why did my WebSocket close?" + (" (interrupted)" if run.info.partial else "")
    table = Table(title=title, title_style="bold", show_lines=True)
    for heading in ("what happened", "what the client is told", "and then"):
        table.add_column(heading)
    for chapter in _chapters(run):
        table.add_row(*chapter)
    return table


def _chapters(run: Run) -> Iterator[tuple[str, str, str]]:
    """Yield the chapters; an interrupted story ends early."""
    before, after = before_reload(run)
    if before:
        yield _growing(before)
    for number, restart in enumerate(run.restarts, start=1):
        yield _restarted(run, restart, number)
        if number == 1 and after:
            yield _passing(after)


def before_reload(run: Run) -> tuple[list[Send], list[Send]]:
    """Return the story's messages under the first limit, and those under the raised one."""
    raised_at_s = run.restarts[0].requested_at_s if run.restarts else math.inf
    before = [send for send in run.sends if send.started_at_s < raised_at_s]
    return before, [send for send in run.sends if send.started_at_s >= raised_at_s]


def herd_table(title: str, summary: Mapping[str, Any]) -> Table:
    """Return the summary of a herd, real or simulated, one row per quantity that applies."""
    table = Table(title=title, title_style="bold", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    times = {f"back after, {share}": time_s for share, time_s in summary["time_to_reconnect_s"].items()}
    rows = {
        **{f"closed with {lookup(code).label}": f"{count:,}" for code, count in summary["close_codes"].items()},
        **{name: None if time_s is None else seconds(time_s) for name, time_s in times.items()},
        "away at the end": f"{summary['away']:,}",
        "of them never connected": f"{summary['never_connected']:,}" if summary["never_connected"] else None,
        "of them gave up": f"{summary['gave_up']:,}" if summary["gave_up"] else None,
        "attempts to come back": f"{summary['attempts']:,}",
        "at most, attempts per second": f"{summary['peak_attempts_per_s']:,.0f}",
        "connected at first, per second": _each(summary["connects_per_s"], "{:,.0f}"),
        "memory of a connection": _each(summary["client_bytes_per_connection"], "{:,.0f} bytes"),
        "the instrument's lag, p99": _each(summary["lag_p99_s"], "{:.2g} s"),
        "computed in": _each(summary.get("elapsed_s"), "{:.2g} s"),
    }
    for name, told in rows.items():
        if told is not None:
            table.add_row(name, told)
    return table


def _each(value: float | None, form: str) -> str | None:
    return None if value is None else form.format(value)


def _growing(sends: Sequence[Send]) -> tuple[str, str, str]:
    limit = bracket(sends)
    told = _codes(send.close_code for send in sends if send.outcome == "closed")
    passed = f"{limit.accepted_bytes or 0:,} B passed"
    refused = "nothing was refused yet" if limit.refused_bytes is None else f"{limit.refused_bytes:,} B were refused"
    found = f"the limit is exactly {limit.accepted_bytes:,} B" if limit.is_exact else passed
    return f"{len(sends)} messages of {sends[0].payload_bytes:,} B and more", told, f"{found}: {refused}"


def _restarted(run: Run, restart: Restart, number: int) -> tuple[str, str, str]:
    outages = [outage for outage in run.outages if outage.number == number]
    raised = restart.knobs_after.max_message_bytes if restart.knobs_after else None
    what = f"reload, to raise the limit to {raised:,} B" if raised else "crash: the process is killed"
    downtime = "" if restart.downtime_s is None else f"; down for {restart.downtime_s:.2f} s"
    return what + downtime, _codes(outage.close_code for outage in outages), _return(outages)


def _passing(sends: Sequence[Send]) -> tuple[str, str, str]:
    passed = [send for send in sends if send.outcome == "accepted"]
    closed = _codes(send.close_code for send in sends if send.outcome == "closed")
    what = ", ".join(f"{send.payload_bytes:,} B" for send in sends)
    return (
        f"the message that was refused, again: {what}",
        closed or "nothing: it stays open",
        (f"{len(passed)} of {len(sends)} passed"),
    )


def _codes(codes: Iterable[int | None]) -> str:
    counted = Counter(code for code in codes if code is not None)
    return "\n".join(f"{lookup(code).label}  × {count}" for code, count in sorted(counted.items()))


def _return(outages: Sequence[Outage]) -> str:
    times = [outage.time_to_reconnect_s for outage in outages if outage.time_to_reconnect_s is not None]
    cut_short = sum(outage.cut_short for outage in outages)
    back = f"{len(times)} of {len(outages)} clients came back" + (f", {cut_short} were still away" if cut_short else "")
    if not times:
        return back
    attempts = sum(outage.attempts for outage in outages)
    return (
        f"{back} after {min(times):.2f} to {max(times):.2f} s "
        f"(median {quantile(times, 0.5):.2f} s), in {attempts} attempts"
    )
