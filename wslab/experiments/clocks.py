"""find_idle_timeout and find_max_age: a watch that ends when its one question is answered."""

from __future__ import annotations

from wslab.core.arguments import check_number
from wslab.core.findings import Finding
from wslab.core.findings.wording import seconds
from wslab.core.watch.clock_verdict import ClockVerdict, Question, conclude
from wslab.experiments.conduct import Aim, Cancel, OnProgress, Progress
from wslab.experiments.watch import watch

CLIENTS = 9
"""How many roles tell clocks apart; the others are about rates and keepalives."""


def find_idle_timeout(
    target: Aim,
    *,
    up_to_s: float = 120.0,
    progress: OnProgress | None = None,
    cancel: Cancel | None = None,
) -> ClockVerdict:
    """Find after how many seconds without traffic a server closes a connection, and which traffic counts.

    All in one pass: some clients are silent, others break ever longer silences, each in its own way. It ends when the
    timeout is shown, or when connections were silent for `up_to_s`.

    Args:
        up_to_s: the longest silence to try, 0.2 s to a day. The search takes at most three times as long, as `progress`
            learns first.
        target, progress, cancel: as in `watch`.

    Raises:
        TypeError, ValueError: an argument is out of its bounds. A failure of the network never raises.
    """
    return _search("idle_timeout", target, up_to_s, progress, cancel)


def find_max_age(
    target: Aim,
    *,
    up_to_s: float = 120.0,
    progress: OnProgress | None = None,
    cancel: Cancel | None = None,
) -> ClockVerdict:
    """Find the age at which a server closes connections, whatever they do; see `find_idle_timeout`.

    Steady clients prevent an idle timeout from coming first.
    """
    return _search("max_age", target, up_to_s, progress, cancel)


def longest_wait_s(up_to_s: float) -> float:
    """Return the longest time that a search takes: the doubling silences end at three times the timeout."""
    return 3 * up_to_s + CLIENTS * _apart_s(up_to_s)


def _apart_s(up_to_s: float) -> float:
    return min(1.0, up_to_s / 20)


def _search(
    question: Question,
    target: Aim,
    up_to_s: float,
    progress: OnProgress | None,
    cancel: Cancel | None,
) -> ClockVerdict:
    check_number("up_to_s", up_to_s, low=0.2, high=86_400, unit="seconds")
    longest_s, apart_s = longest_wait_s(up_to_s), _apart_s(up_to_s)
    if progress is not None:
        progress(Progress(0, int(longest_s), f"waits {seconds(longest_s)} at most"))

    def answered(findings: tuple[Finding, ...]) -> bool:
        mine = [finding for finding in findings if finding.rule == question]
        return any(one.sure == "shown" or (one.sure == "likely" and one.facts["connections"] > 4) for one in mine)

    run = watch(
        target,
        duration_s=longest_s,
        clients=CLIENTS,
        interval_s=max(0.05, up_to_s / 10),
        apart_s=apart_s,
        until=answered,
        in_vain_s=up_to_s + (CLIENTS + 2) * apart_s,
        progress=progress,
        cancel=cancel,
    )
    return conclude(question, run, up_to_s=up_to_s, longest_wait_s=longest_s)
