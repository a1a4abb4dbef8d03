from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from msgspec.structs import replace

from wslab.core.runs import Run
from wslab.views import plots

from .conftest import Eye, MakeRun, segments_of


def timeline(run: Run) -> Axes:
    return plots.reconnect_timeline(run)


def test_timeline_puts_who_was_back_first_on_top(restart_run: MakeRun, see: type[Eye]) -> None:
    run = restart_run(max_attempts=4)
    back = sorted(
        run.outages, key=lambda outage: (outage.reopened_at_s is None, outage.reopened_at_s or 0, outage.client)
    )
    ax = timeline(run)
    assert see(ax).rows == [str(outage.client) for outage in back]
    low, high = ax.get_ylim()
    assert low > high  # the first row is on top


def test_timeline_marks_each_closure_and_attempt_when_it_happened(restart_run: MakeRun, see: type[Eye]) -> None:
    run = restart_run()
    ax = timeline(run)
    row_of = {int(name): row for row, name in enumerate(see(ax).rows)}
    refusals = [one for one in run.attempts if one.outcome == "refused"]
    closed = sorted((one.close_started_at_s, row_of[one.client]) for one in run.closures)
    refused = sorted((one.ended_at_s, row_of[one.client]) for one in refusals)
    np.testing.assert_allclose(sorted(map(tuple, see(ax).marks(1012))), closed)
    np.testing.assert_allclose(sorted(map(tuple, see(ax).marks("refused"))), refused)


def test_timeline_draws_connections_up_to_the_closure_and_from_the_reopening(restart_run: MakeRun) -> None:
    run = restart_run(1)
    [closure], [outage] = run.closures, run.outages
    ax = timeline(run)
    before, after, waiting = [segments_of(collection)[0][:, 0] for collection in ax.collections]
    assert tuple(before) == (closure.opened_at_s, closure.close_started_at_s)
    assert tuple(after) == (outage.reopened_at_s, ax.get_xlim()[1])
    assert tuple(waiting) == (outage.closed_at_s, outage.reopened_at_s)


def test_timeline_shades_the_downtime_and_names_the_restart(restart_run: MakeRun, see: type[Eye]) -> None:
    run = restart_run(kind="crash", code=1006)
    ax = timeline(run)
    assert see(ax).shaded == [pytest.approx((run.restarts[0].down_at_s, run.restarts[0].up_at_s))]
    assert see(ax).legend[:2] == ["crash", "server down for 1 s"]


def test_timeline_shades_to_the_end_where_the_server_never_came_up(restart_run: MakeRun, see: type[Eye]) -> None:
    run = restart_run()
    [restart] = run.restarts
    others = [record for record in run.records if record is not restart]
    ax = timeline(Run(run.info, (*others, replace(restart, up_at_s=None))))
    [(_, end_s)] = see(ax).shaded
    assert end_s == pytest.approx(ax.get_xlim()[1])
    assert "server down to the end" in see(ax).legend


def test_timeline_tells_who_gave_up(restart_run: MakeRun, see: type[Eye]) -> None:
    run = restart_run(max_attempts=1, downtime_s=30.0)
    ax = timeline(run)
    assert [text.get_text() for text in ax.texts] == ["gave up"] * 12
    assert see(ax).title == "0 of 12 outages ended; 12 gave up"


def test_timeline_legend_counts_what_it_draws(restart_run: MakeRun, see: type[Eye]) -> None:
    run = restart_run()
    refused = sum(attempt.outcome == "refused" for attempt in run.attempts)
    expected = {"1012 Service Restart (12)", "opened (12)", f"refused: nobody listens ({refused})"}
    assert expected < set(see(timeline(run)).legend)


def test_timeline_leaves_out_clients_without_an_outage(restart_run: MakeRun, see: type[Eye]) -> None:
    run = restart_run(3)
    spared = [outage for outage in run.outages if outage.client == 1]
    ax = timeline(Run(run.info, tuple(record for record in run.records if record not in spared)))
    assert set(see(ax).rows) == {"0", "2"}


def test_timeline_of_many_clients_names_none(restart_run: MakeRun, see: type[Eye]) -> None:
    ax = timeline(restart_run(200))
    assert set(see(ax).rows) == {""}
    assert ax.get_ylabel() == "200 clients"


def test_timeline_refuses_several_runs(restart_run: MakeRun) -> None:
    with pytest.raises(TypeError, match="must be one run, because a timeline has a row per client"):
        plots.reconnect_timeline([restart_run(), restart_run()])  # type: ignore[arg-type]
