from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.container import BarContainer
from matplotlib.figure import Figure

from wslab.core.runs import Run
from wslab.views import plots, tables
from wslab.views.style import GROUPS, Meaning, look

from .conftest import Eye, MakeRun, figure_of, legend_of, x_of


def test_close_codes_draws_each_message_in_the_lane_of_what_it_met(sweep_run: MakeRun, see: type[Eye]) -> None:
    run = sweep_run(codes=(1009, 1006))
    sends = tables.sends(run)
    ax = plots.close_codes(sends)
    lanes: dict[Meaning, pd.DataFrame] = {
        "accepted": sends[sends.outcome == "accepted"],
        1006: sends[sends.close_code == 1006],
        1009: sends[sends.close_code == 1009],
    }
    for lane, (meaning, own) in enumerate(lanes.items()):
        places = see(ax).marks(meaning)
        assert sorted(places[:, 0]) == sorted(own.payload_bytes)
        assert (np.abs(places[:, 1] - lane) < 0.5).all()
        low, high = own.payload_bytes.min(), own.payload_bytes.max()
        assert see(ax).rows[lane] == f"{look(meaning).label}\nn = {len(own)}, {low:,} to {high:,} bytes"


@pytest.mark.parametrize("repeats", [1, 5, 40])
def test_close_codes_stacks_messages_of_one_size_within_their_lane(
    repeats: int, sweep_run: MakeRun, see: type[Eye]
) -> None:
    ax = plots.close_codes(sweep_run([100, 1000, 10_000], limit_bytes=1000, repeats=repeats))
    meanings: list[Meaning] = ["accepted", 1009]
    for lane, meaning in enumerate(meanings):
        places = see(ax).marks(meaning)
        assert len(np.unique(places, axis=0)) == len(places)
        assert (np.abs(places[:, 1] - lane) <= 0.35).all()


def test_close_codes_marks_and_names_the_limit(sweep_run: MakeRun) -> None:
    ax = plots.close_codes(sweep_run(), limit_bytes=65_536)
    [line] = [line for line in ax.lines if line.get_linestyle() == "--"]
    assert set(x_of(line)) == {65_536}
    assert [text.get_text() for text in ax.texts] == ["limit 65,536 bytes (64 KiB)"]
    assert "limit 65,536 bytes (64 KiB)" in plots.describe(ax)


@pytest.mark.parametrize("limit_bytes", [1, 65_536, 2**22])
def test_close_codes_name_of_the_limit_covers_no_message(limit_bytes: int, sweep_run: MakeRun, see: type[Eye]) -> None:
    crowded = sweep_run([2**power for power in range(23)], codes=(1009, 1006, 1001, 1011, 1012), repeats=9)
    figure = Figure(figsize=(8, 3.6), layout="constrained")
    ax = plots.close_codes(crowded, limit_bytes=limit_bytes, ax=figure.subplots())
    figure.draw_without_rendering()
    places = np.concatenate([see(ax).marks(meaning) for meaning in ("accepted", 1009)])
    name = ax.texts[0].get_window_extent()
    for x, y in ax.transData.transform(places):
        assert ax.bbox.contains(x, y)
        assert not name.padded(3).contains(x, y)  # points: half a marker


def test_close_codes_title_names_the_boundary(sweep_run: MakeRun) -> None:
    def title(run: Run) -> str:
        return plots.close_codes(run).get_title(loc="left")

    assert title(sweep_run()) == "Largest accepted 65,536 bytes, smallest not accepted 65,537 bytes"
    assert title(sweep_run(codes=(1009,), limit_bytes=9)).startswith("Largest accepted 8 bytes")
    assert title(sweep_run([1, 9])) == "Everything accepted, up to 9 bytes"
    assert title(sweep_run([8, 9], limit_bytes=1)) == "Nothing accepted, from 8 bytes on"


def test_close_codes_title_admits_that_there_is_no_one_boundary(sweep_run: MakeRun) -> None:
    low, high = sweep_run([8, 9], limit_bytes=8), sweep_run([9, 12, 13], limit_bytes=12)
    mixed = tables.sends([low, high])
    assert plots.close_codes(mixed).get_title(loc="left") == "Accepted and not accepted, both at 9 to 12 bytes"
    assert plots.close_codes(mixed.query("payload_bytes == 9")).get_title(loc="left").endswith("both at 9 bytes")


@pytest.mark.parametrize(
    ("sizes", "scale", "labels"),
    [
        ([1, 2**20], "log", ["1 B", "16 B", "256 B", "4 KiB", "64 KiB", "1 MiB"]),
        ([0, 2**20], "symlog", ["0 B", "1 B", "16 B", "256 B", "4 KiB", "64 KiB", "1 MiB"]),
        ([2**10, 2**13], "log", ["1 KiB", "2 KiB", "4 KiB", "8 KiB"]),
        ([65_535, 65_537], "linear", ["65,535", "65,536", "65,537"]),
        ([1], "linear", ["0", "1", "2"]),
    ],
    ids=["wide", "with the empty message", "narrow", "exact", "one byte"],
)
def test_close_codes_scales_bytes(sizes: list[int], scale: str, labels: list[str], sweep_run: MakeRun) -> None:
    ax = plots.close_codes(sweep_run(sizes))
    figure_of(ax).draw_without_rendering()
    low, high = ax.get_xlim()
    shown = [label.get_text() for label in ax.get_xticklabels() if low <= label.get_position()[0] <= high]
    assert ax.get_xscale() == scale
    assert shown == labels
    assert "bytes" in ax.get_xlabel()


@pytest.mark.parametrize("limit_bytes", [0, -1, 1.5])
def test_close_codes_refuses_a_limit_that_is_none(limit_bytes: Any, sweep_run: MakeRun) -> None:
    with pytest.raises((TypeError, ValueError), match=f"limit_bytes is {limit_bytes}, but must be"):
        plots.close_codes(sweep_run(), limit_bytes=limit_bytes)


def test_outcome_shares_are_those_of_crosstab(restart_run: MakeRun, connection_run: MakeRun, see: type[Eye]) -> None:
    runs = {"graceful": restart_run(8), "mixed": connection_run((1006, None), (1012, 1012), (1012, 1012), (1001, 1001))}
    closures = tables.closures(runs)
    ax = plots.outcome_shares(closures)
    expected = pd.crosstab(closures["run"], closures["close_code"], normalize="index")
    drawn = {
        (round(bar.get_y() + bar.get_height() / 2), to_hex(bar.get_facecolor())): bar.get_width()
        for container in ax.containers
        if isinstance(container, BarContainer)
        for bar in container
    }
    for row, run in enumerate(runs):
        for code in expected.columns:
            share = drawn.pop((row, look(code).color.lower()), 0.0)
            assert share == pytest.approx(expected.loc[run, code])
    assert not drawn
    assert see(ax).rows == ["graceful  n = 8", "mixed  n = 4"]
    assert see(ax).legend == ["1001 Going Away", "1006 no close frame", "1012 Service Restart"]


def test_outcome_shares_take_the_code_where_a_connection_closed_and_the_outcome_elsewhere(
    sweep_run: MakeRun, see: type[Eye]
) -> None:
    ax = plots.outcome_shares(tables.sends(sweep_run(codes=(1009, 1006))))
    assert see(ax).legend == ["accepted", "1006 no close frame", "1009 Message Too Big"]
    assert "accepted 19 of 26" in plots.describe(ax)


def test_outcome_shares_group_by_any_column_numbers_in_their_order(sweep_run: MakeRun, see: type[Eye]) -> None:
    sends = tables.sends(sweep_run([900, 80, 7], repeats=2)).iloc[::-1]
    assert see(plots.outcome_shares(sends, by="payload_bytes")).rows == ["7  n = 2", "80  n = 2", "900  n = 2"]


def test_outcome_shares_group_by_any_column_names_as_they_come(sweep_run: MakeRun, see: type[Eye]) -> None:
    ax = plots.outcome_shares(tables.sends({"second": sweep_run([1]), "first": sweep_run([1])}))
    assert see(ax).rows == ["second  n = 1", "first  n = 1"]


def test_outcome_shares_know_a_closure_without_a_code(sweep_run: MakeRun, see: type[Eye]) -> None:
    sends = tables.sends(sweep_run([1, 2], limit_bytes=1))
    sends["close_code"] = pd.NA
    assert see(plots.outcome_shares(sends)).legend == ["accepted", "closed, code unknown"]


def test_outcome_shares_read_codes_from_any_kind_of_number(see: type[Eye]) -> None:
    closures = pd.DataFrame({"close_code": [1009.0, np.nan, 4000.0]})  # as pandas.read_json makes them
    assert see(plots.outcome_shares(closures)).legend == [
        "1009 Message Too Big",
        "closed, code unknown",
        "4000 Private use",
    ]


def test_outcome_shares_shorten_long_names(restart_run: MakeRun, see: type[Eye]) -> None:
    ax = plots.outcome_shares(tables.outages({"r" * 123: restart_run(1), "s" * 123: restart_run(1)}))
    assert see(ax).rows == [f"{'r' * 23}…  n = 1", f"{'s' * 23}…  n = 1"]


def test_unknown_group_column_is_refused_with_the_nearest(restart_run: MakeRun) -> None:
    with pytest.raises(ValueError, match="by is 'close_kode'; did you mean 'close_code'"):
        plots.time_to_reconnect(restart_run(), by="close_kode")


@pytest.mark.parametrize("max_attempts", [50, 4])
def test_time_to_reconnect_is_the_empirical_distribution_of_all_outages(
    max_attempts: int, restart_run: MakeRun, see: type[Eye]
) -> None:
    outages = tables.outages(restart_run(30, max_attempts=max_attempts))
    places = see(plots.time_to_reconnect(outages)).marks("opened")
    times_s = outages["time_to_reconnect_s"].dropna().sort_values()
    np.testing.assert_allclose(places[:, 0], times_s)
    np.testing.assert_allclose(places[:, 1], [(outages["time_to_reconnect_s"] <= t).mean() for t in times_s])


def test_time_to_reconnect_tells_who_never_came_back(restart_run: MakeRun, see: type[Eye]) -> None:
    outages = tables.outages(restart_run(30, max_attempts=4))
    never = outages["time_to_reconnect_s"].isna().sum()
    ax = plots.time_to_reconnect(outages)
    assert 0 < never < 30
    assert see(ax).title == f"{30 - never} of 30 outages ended"
    assert see(ax).legend[0].endswith(f"{never} never back")
    [curve] = [line for line in ax.lines if line.get_drawstyle() == "steps-post"]
    assert np.asarray(curve.get_xydata())[-1] == pytest.approx((ax.get_xlim()[1], 1 - never / 30))


@pytest.mark.parametrize("clients", [1, 2, 11, 12])
def test_time_to_reconnect_says_when_half_were_back(clients: int, restart_run: MakeRun, see: type[Eye]) -> None:
    outages = tables.outages(restart_run(clients))
    [label] = see(plots.time_to_reconnect(outages)).legend
    half_s = outages["time_to_reconnect_s"].quantile(0.5, interpolation="lower")
    assert label.startswith(f"n = {clients}, half back after {half_s:.3g} s")


def test_time_to_reconnect_says_nothing_of_a_half_that_never_came_back(restart_run: MakeRun, see: type[Eye]) -> None:
    [label] = see(plots.time_to_reconnect(restart_run(max_attempts=1, downtime_s=30.0))).legend
    assert label == "n = 12, 12 never back"


def test_time_to_reconnect_compares_runs_by_color_marker_and_line(restart_run: MakeRun, see: type[Eye]) -> None:
    runs = {"constant": restart_run(policy="constant"), "full_jitter": restart_run()}
    ax = plots.time_to_reconnect(runs)
    assert [label.partition(":")[0] for label in see(ax).legend] == ["constant", "full_jitter"]
    handles = legend_of(ax).get_lines()
    for attribute in ("color", "marker", "linestyle"):
        assert len({getattr(handle, f"get_{attribute}")() for handle in handles}) == 2


def test_time_to_reconnect_by_close_code_looks_like_the_codes(restart_run: MakeRun, see: type[Eye]) -> None:
    runs = [restart_run(code=1006), restart_run(code=1012)]
    ax = plots.time_to_reconnect(runs, by="close_code")
    assert [label.partition(":")[0] for label in see(ax).legend] == ["1006 no close frame", "1012 Service Restart"]
    assert [handle.get_color() for handle in legend_of(ax).get_lines()] == [look(1006).color, look(1012).color]


def test_time_to_reconnect_refuses_more_groups_than_can_be_told_apart(restart_run: MakeRun) -> None:
    outages = tables.outages(restart_run(len(GROUPS) + 1))
    with pytest.raises(ValueError, match="client makes 7 groups, but at most 6 lines can be told apart"):
        plots.time_to_reconnect(outages, by="client")
