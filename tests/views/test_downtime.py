from __future__ import annotations

import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.patches import Rectangle, StepPatch

from wslab.core.records import since
from wslab.core.runs import Run
from wslab.views import plots, tables
from wslab.views.style import look

from .conftest import Eye, MakeRun


def test_attempts_are_those_of_a_histogram(restart_run: MakeRun) -> None:
    run = restart_run(40)
    attempts = tables.attempts(run)
    ax = plots.attempts_against_downtime(run, bin_s=0.25)
    down_at_s = run.restarts[0].down_at_s
    assert down_at_s is not None
    since_s = attempts["started_at_s"] - down_at_s
    tried = attempts["outage"] > 0
    for outcome in ("opened", "refused"):
        color = look(outcome).color.lower()
        drawn = {
            round(bar.get_x(), 6): bar.get_height()
            for bar in ax.patches
            if isinstance(bar, Rectangle) and to_hex(bar.get_facecolor()) == color
        }
        bins = np.floor(since_s[tried & (attempts["outcome"] == outcome)] / 0.25) * 0.25
        assert drawn == {round(left, 6): count for left, count in bins.value_counts().items()}
    assert ax.get_ylabel() == "attempts per 0.25 s"


def test_attempts_stack_to_all_that_were_made(restart_run: MakeRun) -> None:
    run = restart_run(40)
    ax = plots.attempts_against_downtime(run, bin_s=0.3)
    bars = [bar for container in ax.containers for bar in container]
    assert sum(bar.get_height() for bar in bars) == sum(outage.attempts for outage in run.outages)
    tops: dict[float, list[tuple[float, float]]] = {}
    for bar in bars:
        tops.setdefault(round(bar.get_x(), 6), []).append((bar.get_y(), bar.get_y() + bar.get_height()))
    assert max(map(len, tops.values())) == 2
    for column in tops.values():
        edges = sorted(column)
        assert [low for low, _ in edges] == [0, *(high for _, high in edges[:-1])]


def test_attempts_of_several_runs_count_from_their_own_downtime(restart_run: MakeRun, see: type[Eye]) -> None:
    late = restart_run(policy="constant")
    later = Run(late.info, tuple(since(-100.0, record) for record in late.records))
    ax = plots.attempts_against_downtime({"a": restart_run(policy="constant"), "b": later})
    one, other = [patch for patch in ax.patches if isinstance(patch, StepPatch)]
    np.testing.assert_array_equal(one.get_data()[0], other.get_data()[0])
    assert see(ax).shaded == [pytest.approx((0, 1))] * 2
    assert ax.get_xlabel() == "time since the server went down (s)"
    assert [label.partition(" (")[0] for label in see(ax).legend[-2:]] == ["a", "b"]


def test_attempts_without_a_downtime_count_from_the_start_of_the_run(restart_run: MakeRun, see: type[Eye]) -> None:
    run = restart_run()
    ax = plots.attempts_against_downtime(Run(run.info, run.attempts))
    assert ax.get_xlabel() == "time since the run began (s)"
    assert not see(ax).shaded


@pytest.mark.parametrize("lag_s", [0.001, 0.15, 0.4])
def test_attempts_are_not_binned_finer_than_the_lag(lag_s: float, restart_run: MakeRun) -> None:
    run = restart_run(loop_lag_p99_s=lag_s)
    ax = plots.attempts_against_downtime(run)
    width_s = ax.containers[0][0].get_width()
    assert width_s >= lag_s
    assert f"{width_s:.0e}"[0] in "125"


@pytest.mark.parametrize("bin_s", [0, -1, 1e9])
def test_attempts_refuse_an_absurd_bin(bin_s: float, restart_run: MakeRun) -> None:
    run = restart_run()
    with pytest.raises(ValueError, match=r"bin_s is .*, but must be between 0.001 and 3,600 seconds"):
        plots.attempts_against_downtime(run, bin_s=bin_s)


def test_attempts_title_names_the_worst_moment(restart_run: MakeRun, see: type[Eye]) -> None:
    runs = {"constant": restart_run(policy="constant"), "full_jitter": restart_run()}
    ax = plots.attempts_against_downtime(runs, bin_s=0.1)
    assert see(ax).title == "At most 12 attempts in 0.1 s (constant)"
