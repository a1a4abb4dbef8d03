"""check_server: every case against one server, one after the other, within a budget; what is done is kept."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence

from wslab.checks.bench import BudgetSpentError, ServerBench
from wslab.checks.case import Case
from wslab.checks.clocks import CLOCK_CASES
from wslab.checks.limits import LIMIT_CASES
from wslab.checks.manners import MANNERS_CASES
from wslab.checks.refusing import REFUSAL_CASES
from wslab.checks.restarting import Restarter
from wslab.checks.restarts import RESTART_CASES
from wslab.core.arguments import check_choice, check_number, check_whole
from wslab.core.checks import INTERRUPTED, CaseOutcome, Check, Result
from wslab.core.errors import in_words
from wslab.core.target import Target, as_target
from wslab.net.machine import versions
from wslab.net.recording import OnProgress, Progress, wall_clock

SERVER_CASES: dict[str, Case] = {
    case.name: case for case in (*MANNERS_CASES, *LIMIT_CASES, *REFUSAL_CASES, *CLOCK_CASES, *RESTART_CASES)
}
"""Every case, by its name, in the order in which they run: the restart comes last."""

BUDGET_S = 120.0


def check_server(
    target: Target | str,
    *,
    restart: Restarter | str | Callable[[], object] | None = None,
    configured_bytes: int | None = None,
    cases: Collection[str] = (),
    clock_s: float | None = None,
    budget_s: float = BUDGET_S,
    progress: OnProgress | None = None,
) -> Check:
    """Check a server's limits, its manners, and, where it may be restarted, its restarts.

    Args:
        target: a URL or a `Target`, on this machine or as `allow_hosts` says.
        restart: a command for a shell, a function, or a `Restarter`. None: cases about restarts do not run.
        configured_bytes: the limit that the server is said to have.
        clock_s: how long a silence or an age to wait for, 0.5 to 3600 s; it takes up to three times as long, which the
            budget must hold. None: cases about clocks do not run.
        cases: names of `SERVER_CASES`. Empty: all that apply.
        budget_s: seconds for all of it, 5 to 3600. Cases that are not over by then are missing, and the check says so.
        progress: called before each case, and with each trial of the limit search.

    Returns:
        A check, also after Ctrl-C: with the results so far, and `stopped` saying why there are no more.

    Raises:
        TypeError, ValueError: an argument is out of its bounds, or the host may not be probed.
    """
    target = as_target(target)
    target.check_permission()
    check_number("budget_s", budget_s, low=5, high=3600, unit="seconds")
    check_number("clock_s", clock_s, low=0.5, high=3600, unit="seconds", optional=True)
    check_whole("configured_bytes", configured_bytes, low=1, unit="bytes", optional=True)
    for name in cases:
        check_choice("cases", name, SERVER_CASES)
    bench = ServerBench(
        target, configured_bytes, _restarter(restart), budget_s=budget_s, clock_s=clock_s, progress=progress
    )
    chosen = [case for case in SERVER_CASES.values() if case.name in cases or not cases]
    if not cases:
        chosen = [case for case in chosen if _can_run(case, bench)]
    return _run(chosen, bench)


def _restarter(restart: Restarter | str | Callable[[], object] | None) -> Restarter | None:
    if restart is None or isinstance(restart, Restarter):
        return restart
    return Restarter(command=restart) if isinstance(restart, str) else Restarter(do=restart)


def _run(cases: Sequence[Case], bench: ServerBench) -> Check:
    started_at = wall_clock()
    began_s, results, stopped = time.monotonic(), [], None
    try:
        if (why := bench.why_unreachable()) is not None:
            cases, stopped = (), f"no connection opens: {why}"
        for number, case in enumerate(cases):
            if bench.progress is not None:
                bench.progress(Progress(number, len(cases), case.name.replace("_", " ")))
            results.append(_result(case, bench))
    except BudgetSpentError:
        stopped = f"the budget of {bench.budget_s:g} s was used up; give more, or name cases"
    except KeyboardInterrupt:
        stopped = INTERRUPTED
    return Check(
        subject=bench.target.shown_url,
        started_at=started_at,
        elapsed_s=round(time.monotonic() - began_s, 3),
        results=tuple(results),
        stopped=stopped,
        versions=versions(),
    )


def _can_run(case: Case, bench: ServerBench) -> bool:
    return not (case.restarts and bench.restarter is None) and not (case.waits and bench.clock_s is None)


def _result(case: Case, bench: ServerBench) -> Result:
    began_s = time.monotonic()
    if not _can_run(case, bench):
        missing = (
            "There is no way to restart it: give --restart or --pid." if case.restarts else "It waits: give --clock."
        )
        seen = CaseOutcome(judgement="not run", seen=missing)
    else:
        try:
            seen = case.run(bench)
        except BudgetSpentError:
            raise
        except Exception as error:  # a peer can do anything; one case is not to take the others with it
            seen = CaseOutcome(judgement="not run", seen=f"The case could not be tried: {in_words(error)}")
    return Result(
        case=case.name,
        does=case.does,
        expects=case.expects,
        why=case.why,
        seen=seen,
        elapsed_s=round(time.monotonic() - began_s, 3),
    )
