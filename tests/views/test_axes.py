from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text

from wslab.core.runs import Run
from wslab.views import plots, tables

from .conftest import Eye, MakeRun, figure_of

FIGURES = ["close_codes", "outcome_shares", "reconnect_timeline", "time_to_reconnect", "attempts_against_downtime"]
of_every_figure = pytest.mark.parametrize("name", FIGURES)


def draw(name: str, run: Run, ax: Axes | None = None) -> Axes:
    return getattr(plots, name)(run, ax=ax)  # type: ignore[no-any-return]


@of_every_figure
def test_figure_draws_on_the_axes_that_it_is_given(name: str, restart_run: MakeRun) -> None:
    figure = Figure(figsize=(10, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    assert draw(name, restart_run(), ax=left) is left
    assert not right.has_data()


@of_every_figure
def test_figure_without_axes_is_as_wide_as_a_notebook(name: str, restart_run: MakeRun) -> None:
    assert figure_of(draw(name, restart_run())).get_figwidth() == 8


@of_every_figure
def test_figure_of_an_empty_run_says_so(name: str, empty_run: Run, tmp_path: Path, see: type[Eye]) -> None:
    ax = draw(name, empty_run)
    assert see(ax).title.startswith(("No ", "Nothing"))
    plots.save(ax, tmp_path / "empty.png")


@of_every_figure
def test_figure_tells_of_an_interrupted_run(name: str, restart_run: MakeRun) -> None:
    assert "partial run" in draw(name, restart_run(partial=True)).get_xlabel()
    assert "partial run" in plots.describe(draw(name, restart_run(partial=True)))
    assert "partial run" not in draw(name, restart_run()).get_xlabel()


@pytest.mark.parametrize("name", ["reconnect_timeline", "time_to_reconnect", "attempts_against_downtime"])
def test_figure_about_time_tells_a_lag_that_is_not_small(name: str, restart_run: MakeRun) -> None:
    assert "woke up to 0.4 s late" in draw(name, restart_run(loop_lag_p99_s=0.4)).get_xlabel()
    assert "late" not in draw(name, restart_run(loop_lag_p99_s=0.001)).get_xlabel()
    assert "late" not in draw(name, restart_run(loop_lag_p99_s=None)).get_xlabel()


@of_every_figure
def test_figure_refuses_what_is_no_run(name: str) -> None:
    with pytest.raises(TypeError, match=r"is 5, but must be (a Run|one run)"):
        getattr(plots, name)(5)


@pytest.mark.parametrize(("name", "table"), [("close_codes", "sends"), ("time_to_reconnect", "outages")])
def test_figure_takes_the_table_of_its_records_and_no_other(
    name: str, table: str, restart_run: MakeRun, sweep_run: MakeRun
) -> None:
    run = Run(restart_run().info, (*restart_run().records, *sweep_run().records))
    of_run, of_table = (getattr(plots, name)(given) for given in (run, getattr(tables, table)(run)))
    assert plots.describe(of_run) == plots.describe(of_table)
    with pytest.raises(ValueError, match=rf"has no column .*; make it with wslab\.views\.tables\.{table}\(run\)"):
        getattr(plots, name)(pd.DataFrame({"x": [1]}))


@of_every_figure
@pytest.mark.parametrize("clients", [1, 12, 200])
def test_text_is_inside_the_figure_and_no_title_in_the_legend(
    name: str, clients: int, restart_run: MakeRun, sweep_run: MakeRun, see: type[Eye]
) -> None:
    run = Run(restart_run().info, (*restart_run(clients, max_attempts=4).records, *sweep_run().records))
    ax = draw(name, run)
    figure_of(ax).draw_without_rendering()
    [title] = [part for part in ax.get_children() if isinstance(part, Text) and part.get_text() == see(ax).title]
    for text in [title, ax.xaxis.label, ax.yaxis.label, *ax.get_yticklabels(), *ax.get_xticklabels(), *ax.texts]:
        if text.get_text() and text.get_visible() and not text.get_clip_on():
            box, page = text.get_window_extent(), ax.figure.bbox
            assert page.x0 - 1 <= box.x0, text
            assert box.x1 <= page.x1 + 1, text
            assert page.y0 - 1 <= box.y0, text
            assert box.y1 <= page.y1 + 1, text
    if legend := ax.get_legend():
        assert not title.get_window_extent().overlaps(legend.get_window_extent())


def test_drawing_leaves_pyplot_alone() -> None:
    program = (
        "import sys, pandas as pd\n"
        "from wslab.views import plots\n"
        "plots.time_to_reconnect(pd.DataFrame({'time_to_reconnect_s': [1.0, 2.0]})).figure.draw_without_rendering()\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_describe_joins_what_a_figure_shows(sweep_run: MakeRun, restart_run: MakeRun) -> None:
    figure = Figure(figsize=(12, 4), layout="constrained")
    left, right = figure.subplots(1, 2)
    plots.close_codes(sweep_run(), limit_bytes=65_536, ax=left)
    plots.time_to_reconnect(restart_run(), ax=right)
    assert plots.describe(figure) == f"{plots.describe(left)} {plots.describe(right)}"
    assert "1009 Message Too Big: n = 7, 65,537 to 4,194,304 bytes" in plots.describe(figure)


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_saved_figure_is_the_same_every_time_and_carries_its_description(
    suffix: str, restart_run: MakeRun, tmp_path: Path
) -> None:
    paths = [plots.save(draw("reconnect_timeline", restart_run()), tmp_path / f"{n}{suffix}") for n in range(2)]
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert b"12 of 12 outages ended" in paths[0].read_bytes()


def test_figure_is_not_saved_as_another_kind_of_file(restart_run: MakeRun, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"must end in \.png or \.svg"):
        plots.save(draw("reconnect_timeline", restart_run()), tmp_path / "figure.docx")
