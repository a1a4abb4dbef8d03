"""Figures of herds draw what was counted, of a run and of a simulation alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from wslab.core.herds.contention import band, contend
from wslab.core.herds.returning import AnyHerd, returning
from wslab.core.herds.simulate import simulate_herd
from wslab.core.herds.simulated import SimulatedHerd
from wslab.core.policies import textbook as policies
from wslab.core.records import Attempt
from wslab.core.runs import Run
from wslab.views import plots

from .conftest import Eye, MakeRun, figure_of, x_of, y_of


def herd(clients: int = 200, policy: str = "full_jitter", **changes: Any) -> SimulatedHerd:
    return simulate_herd(clients, policy, **{"downtime_s": 2, "max_admissions_per_s": 50, "seed": 1, **changes})


@pytest.mark.parametrize("drain_s", [0, 1])
def test_simulation_and_its_run_are_drawn_alike(drain_s: float) -> None:
    simulated = herd(drain_s=drain_s)
    ours, theirs = returning(simulated), returning(simulated.to_run())
    np.testing.assert_array_equal(ours.attempts, theirs.attempts)
    np.testing.assert_array_equal(ours.back, theirs.back)
    np.testing.assert_allclose(ours.times_s, theirs.times_s)
    assert ours.half_back_s == theirs.half_back_s
    assert plots.describe(plots.arrivals(simulated)) == plots.describe(plots.arrivals(simulated.to_run()))


def test_nothing_is_lost_between_attempts_and_bins(restart_run: MakeRun) -> None:
    run = restart_run(30, max_attempts=4)
    seen = returning(run)
    assert seen.attempts.sum() == sum(attempt.outage > 0 for attempt in run.attempts)
    assert seen.back.sum() == seen.opened.sum() == len(seen.times_s)
    assert len(seen.times_s) + sum(seen.away.values()) == seen.outages == 30
    assert 0.0 in seen.edges_s.round(9)


def test_half_is_back_only_if_half_came_back() -> None:
    assert returning(herd(policy="constant", close_code=1008)).half_back_s is None
    assert returning(herd()).half_back_s == pytest.approx(herd().quantiles((0.5,))[0.5], abs=0.05)


def test_what_is_no_herd_is_named() -> None:
    with pytest.raises(TypeError, match="herd is 'x', but must be a Run"):
        plots.arrivals("x")  # type: ignore[arg-type]


def test_arrivals_mark_the_capacity_and_the_downtime(see: type[Eye]) -> None:
    ax = plots.arrivals(herd())
    [capacity] = [line for line in ax.lines if len(set(y_of(line))) == 1]
    assert set(y_of(capacity)) == {5}  # a tenth of a second's share of 50 per second
    assert see(ax).shaded == [(0, 2)]
    assert {"capacity: 50 per second", "server down for 2 s"} <= set(see(ax).legend)


def test_arrivals_without_a_limit_have_no_capacity_line() -> None:
    assert not plots.arrivals(herd(max_admissions_per_s=None)).lines


def test_arrivals_title_is_the_peak() -> None:
    title = plots.arrivals(herd(policy="constant")).get_title(loc="left")
    assert title == "200 clients: at most 200 attempts in 0.1 s, 40 times the capacity"
    assert plots.arrivals(herd(close_code=1008)).get_title(loc="left") == "No attempts to come back"


def late(run: Run, late_s: float) -> Run:
    records = [
        Attempt(**{name: getattr(r, name) for name in r.__struct_fields__} | {"due_at_s": r.started_at_s - late_s})
        if isinstance(r, Attempt)
        else r
        for r in run.records
    ]
    return Run(run.info, tuple(records))


@pytest.mark.parametrize(("late_s", "told"), [(0.04, False), (0.06, True)])
def test_delay_of_the_instrument_is_told_from_a_twentieth_of_the_smallest_delay_on(late_s: float, told: bool) -> None:
    run = late(herd(policy="constant").to_run(), late_s)  # which waits one second
    assert ("the instrument began attempts" in plots.arrivals(run).get_xlabel()) == told


def test_run_without_an_outage_is_drawn_as_such(empty_run: Run) -> None:
    assert plots.arrivals(empty_run).get_title(loc="left") == "No attempts to come back"
    assert plots.attempts_wasted({"x": empty_run}).get_title(loc="left") == "No attempt was in vain"
    figure_of(plots.who_gave_up({"x": empty_run})).draw_without_rendering()


def test_attempts_in_vain_are_counted_an_outage() -> None:
    ax = plots.attempts_wasted({"constant": herd(policy="constant"), "registry": herd(policy="registry")})
    in_vain = herd(policy="constant").attempts.mean() - 1
    assert [text.get_text() for text in ax.texts] == [f"{in_vain:.3g}", "0"]
    assert ax.get_title(loc="left").startswith("Most in vain: constant")


def test_who_gave_up_says_how_many_and_why() -> None:
    some = simulate_herd(100, policies.named("full_jitter", max_attempts=2), downtime_s=2, seed=1)
    ax = plots.who_gave_up({"two attempts": some, "patient": herd()})
    assert ax.texts[0].get_text() == f"{some.gave_up} of 100 away; policy 'full_jitter' makes no further attempt"
    assert ax.texts[1].get_text() == "all 200 back"
    assert plots.who_gave_up({"patient": herd()}).get_title(loc="left") == "Every client came back"


def test_peak_is_drawn_against_clients() -> None:
    herds = [herd(n, "constant") for n in (400, 100)]
    ax = plots.peak_against_clients({"constant": herds})
    np.testing.assert_array_equal(ax.lines[0].get_xydata(), [(100, 1000), (400, 4000)])
    assert ax.get_title(loc="left") == "At most 4,000 attempts per second of 400 clients"
    with pytest.raises(ValueError, match="constant has no herd"):
        plots.peak_against_clients({"constant": []})
    seven: dict[str, list[AnyHerd]] = {str(n): [herds[0]] for n in range(7)}
    with pytest.raises(ValueError, match="7 policies, but at most 6"):
        plots.peak_against_clients(seven)


def test_side_by_side_has_a_panel_a_policy_on_the_same_axes() -> None:
    names = ["constant", "full_jitter", "registry", "seed_page"]
    figure = plots.side_by_side({name: herd(policy=name) for name in names})
    panels = [ax for ax in figure.axes if ax.get_visible()]
    assert [ax.get_title(loc="left") for ax in panels] == names
    assert len({ax.get_xlim() for ax in panels}) == len({ax.get_ylim() for ax in panels}) == 1
    assert "at most 2,000 per second" in panels[0].texts[0].get_text()
    assert all(name in plots.describe(figure) for name in names)
    with pytest.raises(ValueError, match="herds is empty"):
        plots.side_by_side({})


def test_contention_draws_means_within_their_bands() -> None:
    results = [contend(n, policy, trials=20, seed=1) for policy in ("none", "full_jitter") for n in (20, 5)]
    figure = plots.contention(results)
    for ax, measure in zip(figure.axes, ("time", "calls"), strict=True):
        np.testing.assert_array_equal(x_of(ax.lines[0]), [5, 20])
        np.testing.assert_allclose(y_of(ax.lines[0])[1], band(getattr(results[0], measure)).mean)
    with pytest.raises(ValueError, match="0 policies"):
        plots.contention([])
