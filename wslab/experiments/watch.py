"""watch: control groups stay connected, for minutes or hours, and say why each connection was closed, as it happens.

What the groups are, and why these, is told in `wslab.core.watch.roles`; the verdicts are those of
`wslab.core.findings`, which know nothing of the groups.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from pathlib import Path

from wslab.core.arguments import check_number, check_whole
from wslab.core.findings import Finding, find
from wslab.core.records import Closure, Record, RunInfo, Waiting
from wslab.core.runs import Run
from wslab.core.target import Target, as_target
from wslab.core.watch.roles import LONG_BYTES, MIN_CLIENTS, ROLES, Role, roles
from wslab.experiments.call import Call
from wslab.experiments.conduct import Aim, Bench, Cancel, OnProgress, OnRecord, conduct, provisional
from wslab.experiments.pauses import PauseWatcher
from wslab.experiments.watch_bounds import WatchBounds, bounded
from wslab.net.recording import Recorder
from wslab.net.watch.allowance import Allowance, Pace
from wslab.net.watch.journal import Journal
from wslab.net.watch.member import Member

TICK_S = 0.25
PARTING_S = 0.7
"""How long the closing handshakes may take when the time is up, so that a watch overruns it by less than a second."""

MAX_CLIENTS = 60

OnFinding = Callable[[Closure, Role, Finding], None]
"""Called with each closure that was not meant, the role of its client, and the surest finding that rests on it."""


def watch(
    target: Aim,
    *,
    duration_s: float = 3600.0,
    clients: int = len(ROLES),
    interval_s: float = 15.0,
    apart_s: float = 1.0,
    message: str | None = None,
    messages_per_min: int | None = None,
    connections_per_min: int | None = None,
    pong_timeout_s: float | None = None,
    out: Path | None = None,
    until: Callable[[tuple[Finding, ...]], bool] | None = None,
    in_vain_s: float | None = None,
    progress: OnProgress | None = None,
    on_record: OnRecord | None = None,
    on_finding: OnFinding | None = None,
    cancel: Cancel | None = None,
) -> Run:
    """Keep control groups connected and return what ended them; `wslab.core.findings.find(run)` says why.

    The run holds `Attempt`, `Closure`, `Send`, `Receipt`, `Ping`, `Pong` and, where the machine slept, `Pause` records.

    Args:
        target: a running lab server, the knobs of one to start, a URL, or a `Target`.
        duration_s: 0.1 s to 7 days; `cancel` and Ctrl-C end it earlier.
        clients: 5 to 60; each takes the next role of `wslab.core.watch.roles.ROLES`.
        interval_s: how often steady roles act, 0.05 to 3600 s; less once connections are seen to die younger, and
            never more often than `messages_per_min` allows.
        apart_s: from one client's opening to the next; clocks are bracketed to this, restarts told apart by it.
        message: what talking clients say; one that the server does not take is a finding. None: the smallest of the
            target's template, else a few words.
        messages_per_min, connections_per_min: what all clients together send and open at most. None: 600 and 120 on
            this machine, 120 and 30 elsewhere.
        pong_timeout_s: how long a pong is awaited before a client gives its connection up with 1011. None: as the
            target says, else 20.
        out: a file to which the run is written as it goes; it must not exist. A full disk is told, and the run kept.
        until: asked with what is found so far, after each closure; the watch ends when it says so.
        in_vain_s: end after so long already where no connection was closed by then. None: go on.
        on_finding: called as it happens; see `OnFinding`. progress, on_record, cancel: as in `payload_sweep`.

    Raises:
        TypeError, ValueError: an argument is out of its bounds. A failure of the network never raises.
        UnwritableError: `out` exists, or cannot be written.
    """
    call = Call.taken(watch, locals())
    _check(duration_s, clients, interval_s, apart_s, pong_timeout_s)
    here = not isinstance(target, str | Target) or as_target(target).is_this_machine
    bounds = bounded(here, messages_per_min, connections_per_min)
    chosen = roles(clients)
    call.add(roles=[role.name for role in chosen], **bounds._asdict())
    for name in ("until", "in_vain_s", "on_finding", "out"):
        call.instead(name)
    broken: list[str] = []

    async def measure(bench: Bench) -> None:
        watching = _Watching(bench, chosen, bounds, interval_s, apart_s, message, pong_timeout_s)
        watching.on_finding, watching.until, watching.in_vain_s = on_finding, until, in_vain_s
        if out is not None:
            watching.journal = Journal(out, provisional(call, bench), broken.append)
        await watching.go_on(duration_s)

    run = conduct(measure, call, ends_with_server=False, lag_interval_s=TICK_S)
    return run if out is None else _saved(run, out, broken)


class _Watching:
    """The clients of one watch, and what looks after them."""

    def __init__(
        self,
        bench: Bench,
        chosen: list[Role],
        bounds: WatchBounds,
        interval_s: float,
        apart_s: float,
        message: str | None,
        pong_timeout_s: float | None,
    ) -> None:
        self.journal: Journal | None = None
        self.on_finding: OnFinding | None = None
        self.until: Callable[[tuple[Finding, ...]], bool] | None = None
        self.in_vain_s: float | None = None
        self._closed = 0
        self._recorder: Recorder = bench.recorder
        self._roles = chosen
        self._apart_s = apart_s
        fastest_s = sum(role.messages_per_min(1.0) for role in chosen) / bounds.messages_per_min
        self._pace = Pace(max(interval_s, fastest_s), fastest_s=fastest_s, back_s=apart_s)
        allowance = Allowance(**bounds._asdict())
        bench = bench.pinging(0, pong_timeout_s)  # a silent client does not even ping
        says, patience_s = _said(bench.target, message), bench.target.ping_timeout_s
        self._members = [
            Member(bench.client(client=number, notes_unasked=False), role, self._pace, allowance, says, patience_s)
            for number, role in enumerate(chosen)
        ]
        self._untold: list[tuple[int, Closure]] = []
        self._look_at_s = 0.0
        self._tick_s = min(TICK_S, apart_s)

    async def go_on(self, duration_s: float) -> None:
        """Stay connected for so long, or until it is found what was asked for; then close every connection."""
        self._recorder.listeners.append(self._note)
        staying = [
            asyncio.create_task(member.stay(after_s=number * self._apart_s))
            for number, member in enumerate(self._members)
        ]
        try:
            await self._tick(duration_s)
        finally:
            for task in staying:
                task.cancel()
            await asyncio.gather(*staying, return_exceptions=True)
            await asyncio.gather(*(member.client.part(PARTING_S) for member in self._members), return_exceptions=True)
            self._recorder.listeners.remove(self._note)
            if self.journal is not None:
                self.journal.close()

    async def _tick(self, duration_s: float) -> None:
        """Look after the clients until the time is over; one look at a time, so that a pause is seen as one."""
        clock = PauseWatcher(self._recorder)
        told_s = 0.0
        while (now_s := self._recorder.now()) < duration_s:
            await asyncio.sleep(min(self._tick_s, duration_s - now_s))
            clock.look()
            if self.journal is not None:
                self.journal.flush()
            if self._recorder.now() - told_s >= min(1.0, duration_s / 10):
                told_s = self._recorder.now()
                self._recorder.step(int(told_s), int(duration_s), self._doing())
            if self.in_vain_s is not None and self._recorder.now() > self.in_vain_s and not self._closed:
                return
            if self._tell() and self.until is not None and self.until(find(self._recorder.records)):
                return

    def _note(self, record: Record) -> None:
        if self.journal is not None and not isinstance(record, Waiting):
            self.journal.add(record)
        if isinstance(record, Closure) and record.closed_by != "client":
            self._untold.append((len(self._recorder.records) - 1, record))
            self._closed += 1

    def _tell(self) -> bool:
        """Say of each closure why it was, a moment after it, when it is seen what else was closed."""
        now_s = self._recorder.now()
        ripe = [(number, one) for number, one in self._untold if now_s - one.closed_at_s > 2 * self._apart_s]
        if not ripe or now_s < self._look_at_s:
            return False
        findings = find(self._recorder.records)
        self._look_at_s = now_s + 50 * (self._recorder.now() - now_s)  # two per cent of a core, however long it runs
        self._untold = [entry for entry in self._untold if entry not in ripe]
        for number, closure in ripe:
            why = next((finding for finding in findings if number in finding.evidence), None)
            if why is not None and self.on_finding is not None:
                self.on_finding(closure, self._roles[closure.client], why)
        return True

    def _doing(self) -> str:
        connected = sum(member.client.is_open for member in self._members)
        seen = f"{self._closed} closed so far" if self._closed else "none closed so far"
        waits = (
            f"acts each {self._pace.interval_s:.3g} s, waits for more" if self._closed else "waits for the first end"
        )
        return f"{connected} of {len(self._members)} connected, {seen}; {waits}"


def _said(target: Target, message: str | None) -> tuple[str | bytes, str | bytes]:
    """Return a short message and a long one; the same twice, where nobody knows how to make another."""
    if message is not None:
        return message, message
    template = target.messages
    if template is None:
        return "wslab watch", "wslab watch".ljust(LONG_BYTES, ".")
    return template.make(template.min_bytes), template.make(max(template.min_bytes, LONG_BYTES))


def _saved(run: Run, out: Path, broken: list[str]) -> Run:
    """Write the run whole in place of what was written as it went; where that fails, say so in the run."""
    with contextlib.suppress(OSError):
        run.save(out)
        return run
    info: RunInfo = run.info
    info.losses.extend(broken or [f"{out} could not be written whole: it holds what was written as it went"])
    return run


def _check(duration_s: float, clients: int, interval_s: float, apart_s: float, pong_timeout_s: float | None) -> None:
    check_number("duration_s", duration_s, low=0.1, high=7 * 86_400, unit="seconds")
    check_whole("clients", clients, low=MIN_CLIENTS, high=MAX_CLIENTS, unit="clients", hint="each group needs one")
    check_number("interval_s", interval_s, low=0.05, high=3600, unit="seconds")
    check_number("apart_s", apart_s, low=0.01, high=600, unit="seconds")
    check_number("pong_timeout_s", pong_timeout_s, low=0.05, high=3600, unit="seconds", optional=True)
