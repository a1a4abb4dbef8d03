"""`check_client`: a server that runs each case against a client, several at a time, within a time budget."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Sequence
from typing import Any

from wslab.checks.backing_off import POLICY_CASES
from wslab.checks.case import Case
from wslab.checks.client_bench import ClientBench
from wslab.checks.outage import begin
from wslab.checks.reactions import MESSAGE_CASES
from wslab.checks.retry_after import RETRY_AFTER_CASES
from wslab.checks.returns import RETURN_CASES, STAYING_CASES
from wslab.checks.stage import FloodError
from wslab.checks.starting_over import STARTING_OVER_CASES
from wslab.checks.under_test import ClientProgram
from wslab.core.arguments import check_choice, check_number
from wslab.core.checks import INTERRUPTED, CaseOutcome, Check, Result
from wslab.core.errors import WslabError, in_words
from wslab.net import runtime
from wslab.net.machine import versions
from wslab.net.recording import OnProgress, Progress, loop_lag, wall_clock

CLIENT_CASES: dict[str, Case] = {
    case.name: case
    for case in (*RETURN_CASES, *STAYING_CASES, *MESSAGE_CASES, *POLICY_CASES, *RETRY_AFTER_CASES, *STARTING_OVER_CASES)
}
"""All cases by name. Those that share one outage come last."""

LAG_INTERVAL_S = 0.02

BUDGET_S = 120.0
SIDE_BY_SIDE = 5
"""How many cases run at the same time, each with its own stage and client."""


def check_client(
    command: str | None = None,
    *,
    tell: Callable[[str], None] | None = None,
    final_codes: Collection[int] = (),
    cases: Collection[str] = (),
    budget_s: float = BUDGET_S,
    first_within_s: float = 10.0,
    progress: OnProgress | None = None,
) -> Check:
    """Check how a client behaves when its connections end: whether, when and how it comes back, and with what.

    Args:
        command: starts the client; `{url}` in it is replaced by the URL to connect to. It is started for each case, and
            killed afterwards with all its child processes.
        tell: instead of a command: called with a URL for each case in turn, for a client that is started by hand.
        final_codes: close codes after which the client should stay away.
        cases: names in `CLIENT_CASES`; empty means all.
        budget_s: seconds for the whole check, 10 to 3600; cases not finished by then are "not run".
        first_within_s: how long to wait for the client's first connection, in seconds.
        progress: called when a case begins or ends.

    Returns:
        A check, even after Ctrl-C, with an estimate of the client's policy if enough was seen.

    Raises:
        TypeError, ValueError: an argument is out of bounds, or the command cannot be started.
    """
    check_number("budget_s", budget_s, low=10, high=3600, unit="seconds")
    for name in cases:
        check_choice("cases", name, CLIENT_CASES)
    program = ClientProgram(command, tell, first_within_s)
    chosen = [case for case in CLIENT_CASES.values() if case.name in cases or not cases]
    bench = ClientBench(program, max(case.attempts for case in chosen), frozenset(final_codes))
    performance = _Performance(chosen, bench, budget_s, progress)
    try:
        runtime.run(performance.run())
    except KeyboardInterrupt:
        performance.stopped = INTERRUPTED
    return performance.check(command or "a client that was started by hand")


class _Performance:
    """The running cases. Finished ones are kept, whatever ends the others."""

    def __init__(self, cases: Sequence[Case], bench: ClientBench, budget_s: float, progress: OnProgress | None) -> None:
        self.stopped: str | None = None
        self._cases, self._bench, self._budget_s, self._progress = cases, bench, budget_s, progress
        self._results: dict[str, Result] = {}
        self._began_s = time.monotonic()
        self._started_at = wall_clock()

    async def run(self) -> None:
        """Run the cases side by side until all are finished or the budget is used up."""
        side_by_side = self._bench.program.command is not None
        places = asyncio.Semaphore(SIDE_BY_SIDE if side_by_side else 1)
        tasks: list[asyncio.Task[Any]] = []
        try:
            async with asyncio.timeout(self._budget_s), loop_lag(LAG_INTERVAL_S) as self._bench.lags_s:
                if side_by_side and self._bench.attempts:
                    begin(self._bench)  # at once, since many cases wait for it
                order = sorted(self._cases, key=lambda case: -case.lasts_s) if side_by_side else self._cases
                tasks += [asyncio.create_task(self._play(case, places)) for case in order]
                await asyncio.gather(*tasks)
        except TimeoutError:
            self.stopped = f"the budget of {self._budget_s:g} s was used up; give more, or name cases"
        finally:
            tasks += [self._bench.outage] if self._bench.outage is not None else []
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def check(self, subject: str) -> Check:
        """Return the finished cases, and the others as "not run"."""
        none = CaseOutcome(judgement="not run", seen="It was not over when the check ended.")
        return Check(
            subject=subject,
            started_at=self._started_at,
            elapsed_s=round(time.monotonic() - self._began_s, 3),
            results=tuple(self._results.get(case.name) or _result(case, none, 0.0) for case in self._cases),
            stopped=self.stopped,
            versions=versions(),
            policy=self._bench.estimate(),
        )

    async def _play(self, case: Case, places: asyncio.Semaphore) -> None:
        async with places:
            began_s = time.monotonic()
            self._tell(f"{case.name.replace('_', ' ')}")
            try:
                seen = await case.run(self._bench)
            except FloodError as flood:
                advice = "Open one connection, and the next only after a delay."
                seen = CaseOutcome(judgement="fails", seen=str(flood), advice=advice)
            except WslabError:
                raise  # the command cannot be started for any case
            except Exception as error:  # a client can do anything; one case must not take down the others
                seen = CaseOutcome(judgement="not run", seen=f"The case could not be tried: {in_words(error)}")
            self._results[case.name] = _result(case, seen, time.monotonic() - began_s)
            self._tell(f"{case.name.replace('_', ' ')}: {seen.judgement}")

    def _tell(self, doing: str) -> None:
        if self._progress is not None:
            self._progress(Progress(len(self._results), len(self._cases), doing))


def _result(case: Case, seen: CaseOutcome, elapsed_s: float) -> Result:
    return Result(
        case=case.name, does=case.does, expects=case.expects, why=case.why, seen=seen, elapsed_s=round(elapsed_s, 3)
    )
