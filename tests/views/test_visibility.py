"""The cliff figure shows each client's share with its interval, and its title counts who is always told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes

from wslab.core.intervals import wilson
from wslab.core.knobs import AfterRefusal
from wslab.core.records import Sighting
from wslab.core.runs import Run
from wslab.fieldguide.clients import CLIENTS
from wslab.views import groups, plots, tables
from wslab.views.axes import describe

from .conftest import Eye, legend_of, segments_of, x_of, y_of

OVERSHOOTS = [1, 589_824, 4 * 2**20]
TRIES = 20
SEEN: dict[tuple[str, AfterRefusal], list[int]] = {  # of 20 tries, at each overshoot
    ("reads on", "drain"): [20, 20, 20],
    ("stops", "drain"): [20, 20, 20],
    ("reads on", "reset"): [20, 20, 20],
    ("stops", "reset"): [20, 7, 0],
}


def sighting(
    subject: str, after_refusal: AfterRefusal | None, overshoot: int, number: int, close_code: int | None
) -> Sighting:
    return Sighting(
        subject=subject,
        after_refusal=after_refusal,
        number=number,
        connection_id=f"1-{number}",
        started_at_s=0.0,
        ended_at_s=0.1,
        payload_bytes=65_536 + overshoot,
        overshoot_bytes=overshoot,
        close_code=close_code,
        close_reason=None,
        error=None,
    )


@pytest.fixture
def seen(empty_run: Run) -> pd.DataFrame:
    records = [
        sighting(subject, after_refusal, overshoot, number, 1009 if number <= count else 1006)
        for (subject, after_refusal), counts in SEEN.items()
        for overshoot, count in zip(OVERSHOOTS, counts, strict=True)
        for number in range(1, TRIES + 1)
    ]
    return tables.sightings(Run(empty_run.info, tuple(records)))


def shares(ax: Axes, client: int) -> list[float]:
    """Return the heights of one client's markers, from left to right."""
    marked = [line for line in ax.lines if line.get_marker() not in ("None", "none", "")]
    return list(y_of(marked[client]))


def bars(ax: Axes, client: int) -> np.ndarray:
    """Return the ends of one client's interval bars."""
    return np.array([segment[:, 1] for segment in segments_of(ax.collections[client])])


def test_shares_and_their_intervals_are_drawn_for_each_client(seen: pd.DataFrame, see: type[Eye]) -> None:
    ax = plots.code_seen(seen[seen.after_refusal == "reset"])
    assert see(ax).legend == ["reads on", "stops"]
    assert shares(ax, 0) == [1, 1, 1]
    assert shares(ax, 1) == [1, 0.35, 0]
    np.testing.assert_allclose(bars(ax, 1), [wilson(count, TRIES) for count in (20, 7, 0)])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["+1 B", "+576 KiB", "+4 MiB"]


def test_clients_stand_beside_each_other(seen: pd.DataFrame) -> None:
    ax = plots.code_seen(seen[seen.after_refusal == "drain"])
    marked = [x_of(line) for line in ax.lines if line.get_marker() not in ("None", "none", "")]
    assert (marked[0] < marked[1]).all()
    assert (np.abs(np.concatenate(marked) - np.tile([0, 1, 2], 2)) < 0.5).all()


def test_every_server_behaviour_has_its_panel_and_finding(seen: pd.DataFrame, see: type[Eye]) -> None:
    figure = plots.code_seen_by_server(seen)
    assert [see(ax).title.replace("\n", " ") for ax in figure.axes] == [
        "Server drains: every client is told 1009 every time",
        "Server resets TCP: 1 of 2 clients are told 1009 every time",
    ]
    assert figure.axes[0].get_ylim() == figure.axes[1].get_ylim()
    told = describe(figure)
    assert "stops: +1 B 100%, +576 KiB 35%, +4 MiB 0%" in told
    assert "20 tries each, 95 % intervals" in told


def test_client_keeps_its_look_where_another_is_missing(seen: pd.DataFrame) -> None:
    without = seen[(seen.after_refusal == "drain") | (seen.subject == "stops")]
    drain, reset = plots.code_seen_by_server(without).axes
    last = [line.get_color() for line in (drain.lines[-1], reset.lines[-1])]
    assert last[0] == last[1]


def colors(ax: Axes) -> dict[str, str]:
    legend = legend_of(ax)
    lines = zip(legend.get_texts(), legend.get_lines(), strict=True)
    return {text.get_text(): str(line.get_color()) for text, line in lines}


def test_client_has_one_colour_in_tables_with_different_clients(empty_run: Run) -> None:
    def drawn(*clients: str) -> dict[str, str]:
        told = [sighting(client, "reset", 1, number, 1009) for client in clients for number in (1, 2)]
        return colors(plots.code_seen(tables.sightings(Run(empty_run.info, tuple(told)))))

    lesson, beside = drawn("wslab", "websocket-client", "a page"), drawn("websocket-client", "node-ws", "a page")
    assert beside["websocket-client"] == lesson["websocket-client"]
    assert drawn("websocket-client") == {"websocket-client": lesson["websocket-client"]}
    assert len({*drawn(*CLIENTS).values()}) == len(CLIENTS)
    assert len({*drawn("a", "b", "c", "d", "e", "f").values()}) == 6


def test_every_known_client_has_its_place() -> None:
    assert set(groups.CLIENTS) == set(CLIENTS)


def test_other_close_code_can_be_asked_for(seen: pd.DataFrame) -> None:
    ax = plots.code_seen(seen[seen.after_refusal == "reset"], close_code=1006)
    assert shares(ax, 1) == [0, 0.65, 1]


def test_foreign_server_is_drawn_as_it_is(empty_run: Run, see: type[Eye]) -> None:
    told = [sighting("a", None, 5, number, [1009, None][number % 2]) for number in range(4)]
    table = tables.sightings(Run(empty_run.info, tuple(told)))
    figure = plots.code_seen_by_server(table)
    assert [see(ax).title for ax in figure.axes] == ["Server as it is: 0 of 1 clients are told 1009 every time"]
    assert shares(figure.axes[0], 0) == [0.5]


def test_empty_table_makes_a_figure_that_says_so(empty_run: Run, see: type[Eye]) -> None:
    (ax,) = plots.code_seen_by_server(tables.sightings(empty_run)).axes
    assert see(ax).title == "No tries"


def test_table_without_its_columns_is_refused(seen: pd.DataFrame) -> None:
    with pytest.raises(ValueError, match=r"sightings has no column 'subject'; make it with wslab.views.tables"):
        plots.code_seen(seen.drop(columns="subject"))
