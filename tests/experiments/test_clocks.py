"""find_idle_timeout and find_max_age, in fractions of a second."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from steady import STARVED, measured_steadily

from wslab.core.errors import BadValueError
from wslab.core.knobs import Knobs
from wslab.core.watch.clock_verdict import ClockVerdict
from wslab.experiments import Cancel, Progress, find_idle_timeout, find_max_age
from wslab.experiments.clocks import longest_wait_s
from wslab.net.server.lab_server import LabServer


def found_steadily(search: Callable[[], ClockVerdict]) -> ClockVerdict:
    """Return what a machine that keeps up finds; skip where this one never did, and the verdict leaves it open."""

    def good(verdict: ClockVerdict) -> bool:
        return (verdict.status, verdict.sure) == ("found", "shown")

    verdict, steady = measured_steadily(search, late_s=0.03, good=good)
    if not steady and not good(verdict):
        pytest.skip(STARVED)
    return verdict


def test_idle_timeout_is_found_in_its_bracket_with_what_counts() -> None:
    verdict = found_steadily(lambda: find_idle_timeout(Knobs(idle_timeout_s=0.8, ping_interval_s=None), up_to_s=2))
    assert verdict.status == "found"
    assert verdict.sure == "shown"
    assert verdict.low_s is not None
    assert verdict.high_s is not None
    assert verdict.low_s - 0.1 <= 0.8 <= verdict.high_s + 0.1
    assert verdict.counts is not None
    assert verdict.counts["the client's pings"] is True
    assert verdict.elapsed_s <= verdict.longest_wait_s + 1


def test_maximum_age_is_found_behind_a_shorter_idle_timeout() -> None:
    verdict = found_steadily(
        lambda: find_max_age(Knobs(idle_timeout_s=0.6, max_age_s=1.5, ping_interval_s=None), up_to_s=2)
    )
    assert verdict.status == "found"
    assert verdict.high_s == pytest.approx(1.5, abs=0.3)


@pytest.mark.parametrize("ask", [find_idle_timeout, find_max_age])
def test_server_without_a_clock_has_none_within_the_longest_wait(ask: Callable[..., ClockVerdict]) -> None:
    verdict = ask(Knobs(ping_interval_s=None), up_to_s=0.5)
    assert (verdict.status, verdict.low_s, verdict.rules) == ("none_within", None, ())
    assert "within 0.50 s" in verdict.explanation
    assert verdict.elapsed_s < longest_wait_s(0.5)


def test_longest_wait_is_said_before_it_begins() -> None:
    steps: list[Progress] = []
    cancel = Cancel()
    cancel.cancel()
    verdict = find_idle_timeout(Knobs(), up_to_s=60, progress=steps.append, cancel=cancel)
    assert steps[0].doing == "waits 3 min 9 s at most"
    assert verdict.status == "cancelled"


def test_server_that_is_not_there_is_unreachable() -> None:
    with LabServer() as server:
        url = server.url
    assert find_max_age(url, up_to_s=0.3).status == "unreachable"


def test_silence_out_of_bounds_is_refused() -> None:
    with pytest.raises(BadValueError, match="up_to_s is 0"):
        find_idle_timeout(Knobs(), up_to_s=0)
