"""`wslab watch`: stay connected, and explain each closure as it happens."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from wslab.cli.console import Document, print_saved, progress_line
from wslab.cli.target import with_target
from wslab.core.errors import BadValueError
from wslab.core.findings import Finding, find
from wslab.core.findings.document import FindingDocument, documented
from wslab.core.findings.wording import seconds
from wslab.core.printable import printable
from wslab.core.records import Closure
from wslab.core.runs import Run
from wslab.core.target import Target
from wslab.core.watch.roles import ROLES, Role
from wslab.experiments.watch import watch as watch_target
from wslab.experiments.watch_bounds import bounded

_UNITS_S = {"s": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}


class WatchBegun(Document, frozen=True, kw_only=True, tag="watch_begun"):
    """The first line: the target, the number of clients, the longest duration, and the load on the server."""

    url: str
    clients: int
    duration_s: float
    messages_per_min: int
    connections_per_min: int


class WatchClosed(Document, frozen=True, kw_only=True, tag="watch_closed"):
    """One line per unintended closure, with the surest finding about it so far."""

    role: str
    closure: Closure
    finding: FindingDocument


class WatchEnded(Document, frozen=True, kw_only=True, tag="watch_ended"):
    """The last line: all findings."""

    findings: tuple[FindingDocument, ...]
    connections: int
    duration_s: float
    partial: bool
    losses: tuple[str, ...]


@with_target
def watch(
    target: Target,
    duration: Annotated[str, typer.Option("--for", help="How long: 90s, 30m, 2h. Ctrl-C ends it earlier.")] = "1h",
    clients: Annotated[
        int, typer.Option(help="Clients, 5 to 60; each takes the next role of the control groups.")
    ] = len(ROLES),
    interval: Annotated[float, typer.Option(help="Seconds between two pings or messages of a steady client.")] = 15.0,
    apart: Annotated[float, typer.Option(help="Seconds from one client's opening to the next.")] = 1.0,
    message: Annotated[
        str | None, typer.Option(help="What the talking clients say. Not given: the template's.")
    ] = None,
    messages_per_min: Annotated[
        int | None,
        typer.Option(help="At most, for all clients together. Not given: 600 on this machine, 120 elsewhere."),
    ] = None,
    connections_per_min: Annotated[
        int | None,
        typer.Option(help="At most, for all clients together. Not given: 120 on this machine, 30 elsewhere."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="File for the run, written as it goes; it must not exist.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON document per line: the beginning, each closure, the end.")
    ] = False,
) -> Run:
    """Stay connected with control groups, and say why connections close: limit, restart, clock, rate or network.

    With --out the run survives even a power cut.
    """
    duration_s = seconds_of(duration)
    bounds = bounded(target.is_this_machine, messages_per_min, connections_per_min)
    begun = WatchBegun(url=target.shown_url, clients=clients, duration_s=duration_s, **bounds._asdict())
    target.check_permission()
    teller = _Lines() if as_json else _Words()
    teller.begin(begun)
    with progress_line() as progress:
        run = watch_target(
            target,
            duration_s=duration_s,
            clients=clients,
            interval_s=interval,
            apart_s=apart,
            message=message,
            messages_per_min=messages_per_min,
            connections_per_min=connections_per_min,
            out=out,
            progress=progress,
            on_finding=teller.close,
        )
    teller.end(run)
    if out is not None and not as_json and not run.info.losses:
        print_saved([out])
    return run


def seconds_of(text: str) -> float:
    """Return a duration such as "90s" in seconds.

    Raises:
        BadValueError: it is not a number with a unit.

    >>> [seconds_of(text) for text in ("90s", "2h", "1.5m", "45")]
    [90.0, 7200.0, 90.0, 45.0]
    """
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*", text)
    unit_s = _UNITS_S.get(match[2] or "s") if match else None
    if match is None or unit_s is None:
        raise BadValueError(f"--for is {text!r}, but must be a number with a unit: 90s, 30m, 2h or 1d")
    return float(match[1]) * unit_s


class _Words:
    """Reports a watch in words; a finding in full only when it is new."""

    def __init__(self) -> None:
        self._last = ""

    def begin(self, begun: WatchBegun) -> None:
        self._print(f"{begun.clients} clients watch {begun.url}, {seconds(begun.duration_s)} at most.")
        self._print(
            f"Per minute: up to {begun.messages_per_min} messages and pings, {begun.connections_per_min} connections."
        )
        self._print("Ctrl-C ends it and shows what was found.")

    def close(self, closure: Closure, role: Role, finding: Finding) -> None:
        age = seconds(closure.close_started_at_s - closure.opened_at_s)
        what = "The same." if finding.what == self._last else f"{finding.what} ({finding.sure})"
        self._last = finding.what
        self._print(f"{seconds(closure.close_started_at_s)}: {role.name}, {age} old. {what}")

    def end(self, run: Run) -> None:
        from wslab.views.findings import NOTHING, render_findings
        from wslab.views.watch import lanes

        console = Console()
        console.print()
        nothing = (
            f"{NOTHING} In {seconds(run.info.duration_s)} nobody met an idle timeout, a maximum age or a restart. "
            "Watch longer with --for."
        )
        console.print(render_findings(find(run), nothing))
        console.print(lanes(run, width=max(20, min(60, console.width - 70))))

    def _print(self, line: str) -> None:
        Console().print(printable(line), soft_wrap=True, markup=False, highlight=False)


class _Lines:
    """Reports a watch as one JSON document per line."""

    def __init__(self) -> None:
        self._one_at_a_time = threading.Lock()  # closures are reported on the background loop's thread

    def begin(self, begun: WatchBegun) -> None:
        self._print(begun)

    def close(self, closure: Closure, role: Role, finding: Finding) -> None:
        self._print(WatchClosed(role=role.name, closure=closure, finding=documented(finding)))

    def end(self, run: Run) -> None:
        self._print(
            WatchEnded(
                findings=tuple(map(documented, find(run))),
                connections=sum(attempt.outcome == "opened" for attempt in run.attempts),
                duration_s=run.info.duration_s,
                partial=run.info.partial,
                losses=tuple(run.info.losses),
            )
        )

    def _print(self, event: Document) -> None:
        with self._one_at_a_time:
            print(msgspec.json.encode(event).decode(), flush=True)
