"""A pass over the field guide's subjects: the same questions to each, and an entry as soon as they are answered."""

from __future__ import annotations

import contextlib
import datetime
import os
import shlex
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import msgspec

from wslab.checks import Check, check_client, check_server
from wslab.core.arguments import check_choice
from wslab.core.errors import WslabError
from wslab.core.fieldguide import Cell, Group, GuideEntry
from wslab.core.limits.verdicts import Verdict
from wslab.core.watch.clock_verdict import ClockVerdict
from wslab.experiments.clocks import find_idle_timeout
from wslab.experiments.stopping import Cancel
from wslab.fieldguide.catalogue import GuideSubject, subjects
from wslab.fieldguide.installing import GuideFolder
from wslab.fieldguide.running import served
from wslab.fieldguide.telling import PlainClient, ask_about_refusals, ask_how_it_ends
from wslab.net import runtime
from wslab.net.limits.probe import find_limit
from wslab.net.machine import versions
from wslab.net.recording import OnProgress, Progress

LIMIT_BYTES = 65_536
"""The limit of servers under check, if they have an option for one."""

CAP_BYTES = 2**27
"""The largest default limit to look for, 128 MiB."""

SERVER_BUDGET_S, CLIENT_BUDGET_S = 90.0, 120.0
MOST_EVIDENCE = 8
PLAIN_CASES = ("limits_what_it_takes", "answers_the_closing_handshake_of_a_server")
"""The cases of `check_client` for a client that does not come back."""


def ask(name: str, folder: Path | None = None) -> GuideEntry:
    """Ask one subject everything except its idle timeout, now.

    Args:
        name: of a subject. folder: where it is installed; None: in this environment.

    Raises:
        ValueError: there is no such subject.
    """
    every = subjects()
    check_choice("name", name, every)
    (entry,) = Survey([every[name]], every, GuideFolder(folder), clock_s=0)
    return entry


class Survey:
    """A pass over subjects; iterate over it for their entries. A missing subject gets an entry that says so.

    Args:
        chosen: the subjects to ask. every: all subjects, among them the servers behind proxies.
        clock_s: the longest idle timeout to look for, which takes up to three times as long, for all at once; 0: skip.
    """

    def __init__(
        self,
        chosen: Iterable[GuideSubject],
        every: dict[str, GuideSubject],
        folder: GuideFolder,
        *,
        clock_s: float = 65.0,
        progress: OnProgress = lambda _: None,
    ) -> None:
        self._chosen, self._every, self._folder = list(chosen), every, folder
        self._clock_s, self._progress = clock_s, progress
        self._asking: dict[Group, Callable[[GuideSubject], tuple[list[Cell], list[str]]]] = {
            "server": self._server,
            "proxy": self._server,
            "plain": self._plain,
            "client": self._client,
        }

    def __iter__(self) -> Iterator[GuideEntry]:
        there = [subject for subject in self._chosen if self._why_missing(subject) is None]
        serving = [subject for subject in there if subject.group in ("server", "proxy")]
        clocks = self._clocks(serving) if self._clock_s else {}
        for number, subject in enumerate(self._chosen):
            self._progress(Progress(number, len(self._chosen), subject.name))
            yield self._entry(subject, clocks.get(subject.name))

    def _why_missing(self, subject: GuideSubject) -> str | None:
        behind = self._behind(subject)
        return self._folder.missing(subject) or (self._folder.missing(behind) if behind else None)

    def _behind(self, subject: GuideSubject) -> GuideSubject | None:
        return self._every[subject.variant or ""] if subject.group == "proxy" else None

    def _entry(self, subject: GuideSubject, clock: Cell | None) -> GuideEntry:
        began_s = time.monotonic()
        behind = self._behind(subject)
        entry = GuideEntry(
            subject=subject.name,
            group=subject.group,
            asked_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            about=subject.about,
            product=subject.product,
            configured_by=(behind or subject).needs.limit,
            versions=self._folder.versions(subject) | (self._folder.versions(behind) if behind else {}),
            machine=machine(),
            missing=self._why_missing(subject),
        )
        if entry.missing is not None:
            return entry
        try:
            cells, trouble = self._asking[subject.group](subject)
        except WslabError as error:  # it does not start, and says why
            cells, trouble = [], [str(error)]
        return msgspec.structs.replace(
            entry,
            cells=(*cells, *([clock] if clock else ())),
            trouble=tuple(trouble),
            elapsed_s=round(time.monotonic() - began_s, 1),
        )

    def _server(self, subject: GuideSubject) -> tuple[list[Cell], list[str]]:
        behind = self._behind(subject)
        can_be_limited = (behind or subject).needs.limit is not None
        with served(subject, self._folder, limit_bytes=LIMIT_BYTES if can_be_limited else 0, behind=behind) as (to, it):
            check = check_server(
                to.target,
                restart=it.restart,
                configured_bytes=LIMIT_BYTES if can_be_limited else None,
                budget_s=SERVER_BUDGET_S,
            )
        _pass_interrupt_on(check)
        cells = of_check(check)
        if subject.group == "server":
            with served(subject, self._folder) as (to, _):
                verdict = runtime.run(find_limit(to.target, cap_bytes=CAP_BYTES, max_elapsed_s=SERVER_BUDGET_S))
            cells.insert(0, of_verdict(verdict))
        return cells, [*it.trouble, *([check.stopped] if check.stopped else [])]

    def _client(self, subject: GuideSubject) -> tuple[list[Cell], list[str]]:
        with self._command(subject) as command:
            check = check_client(shlex.join([*command, "{url}"]), budget_s=CLIENT_BUDGET_S)
        _pass_interrupt_on(check)
        cells = of_check(check)
        if check.policy is not None:
            cells.append(Cell(question="policy", answer=check.policy.told(), seen=check.policy.told()))
        return cells, [check.stopped] if check.stopped else []

    def _plain(self, subject: GuideSubject) -> tuple[list[Cell], list[str]]:
        with self._command(subject) as command:
            client = PlainClient(subject.name, command)
            told = runtime.run(ask_how_it_ends(client))
            refused = ask_about_refusals(client)
            check = check_client(shlex.join([*command, "{url}", "0"]), cases=PLAIN_CASES, budget_s=CLIENT_BUDGET_S)
        _pass_interrupt_on(check)
        return [*of_check(check), *told, *refused], [check.stopped] if check.stopped else []

    @contextlib.contextmanager
    def _command(self, subject: GuideSubject) -> Iterator[list[str]]:
        """Yield the command that runs a client, with a temporary folder for its files."""
        with tempfile.TemporaryDirectory(prefix="wslab-", ignore_cleanup_errors=True) as scratch:
            environment = [f"NODE_PATH={self._folder.modules}", f"TMPDIR={scratch}"]
            yield ["env", *environment, *self._folder.command(subject)]

    def _clocks(self, subjects: list[GuideSubject]) -> dict[str, Cell]:
        """Look for all idle timeouts at once, because that is only waiting."""
        if not subjects:
            return {}
        self._progress(Progress(0, len(self._chosen), f"idle timeouts up to {self._clock_s:g} s, all at once"))

        cancel = Cancel()

        def look(subject: GuideSubject) -> Cell | None:
            try:
                with served(subject, self._folder, behind=self._behind(subject)) as (to, _):
                    return of_clock(find_idle_timeout(to.target, up_to_s=self._clock_s, cancel=cancel))
            except WslabError:  # reported where it is checked
                return None

        with ThreadPoolExecutor(len(subjects)) as pool:
            try:
                found = dict(zip((subject.name for subject in subjects), pool.map(look, subjects), strict=True))
            except KeyboardInterrupt:
                cancel.cancel()
                raise
        return {name: cell for name, cell in found.items() if cell is not None}


def _pass_interrupt_on(check: Check) -> None:
    """End the whole survey if Ctrl-C interrupted this check, which returned what it had."""
    if check.interrupted:
        raise KeyboardInterrupt


def machine() -> dict[str, str]:
    """Return versions, platform and cores of this machine, but not its name."""
    return {**versions(), "cores": str(os.cpu_count())}


def of_check(check: Check) -> list[Cell]:
    """Return one cell per case."""
    return [
        Cell(
            question=result.case,
            answer=result.judgement,
            judgement=result.judgement,
            seen=result.seen.seen,
            evidence=result.seen.evidence[:MOST_EVIDENCE],
        )
        for result in check.results
    ]


def of_verdict(verdict: Verdict) -> Cell:
    """Return the cell for a server's default limit."""
    limit = verdict.max_single_frame_bytes
    answer = verdict.status.replace("_", " ") if limit is None else f"{limit:,}"
    if verdict.status == "no_limit_below_cap":
        answer = f"none below {verdict.cap_bytes:,}"
    return Cell(question="default_limit", answer=answer, seen=verdict.explanation)


def of_clock(verdict: ClockVerdict) -> Cell:
    """Return the cell for an idle timeout."""
    if verdict.status == "found" and verdict.low_s is not None:
        answer = f"{verdict.high_s or verdict.low_s:.0f} s"
    elif verdict.status == "none_within":
        answer = f"none within {verdict.up_to_s:g} s"
    else:
        answer = (verdict.rules[0] if verdict.rules else verdict.status).replace("_", " ")
    return Cell(question="idle_timeout", answer=answer, seen=verdict.explanation)
