"""How long clients were away: the share that is back, over time."""

from __future__ import annotations

from math import ceil

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from wslab.views import tables
from wslab.views.axes import (
    dress,
    lined,
    marked,
    new_axes,
    notes,
    require,
)
from wslab.views.groups import grouped, looks_of
from wslab.views.several import drawn_from
from wslab.views.style import SHADE, Look
from wslab.views.words import of_group, seconds, short


@drawn_from(tables.outages)
def time_to_reconnect(outages: pd.DataFrame, *, by: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the share of outages that were over, against time: the empirical distribution with its raw points.

    Clients that never came back count: the curve ends below 100 %, and the legend says how many.

    Args:
        outages: a run or runs, or their `tables.outages`.
        by: the column to group by. None: group by run if there are several.

    >>> from wslab.views.axes import describe
    >>> ax = time_to_reconnect(pd.DataFrame({"time_to_reconnect_s": [0.5, 1.0, 3.0, None]}))
    >>> describe(ax).split(". ")[1:]
    ['3 of 4 outages ended', 'n = 4, half back after 1 s, the last after 3 s, 1 never back.']
    """
    require("outages", outages, ["time_to_reconnect_s"])
    groups = grouped(outages, by)
    ax = ax or new_axes(3.3 + 0.2 * len(groups))
    times_s = outages["time_to_reconnect_s"]
    end_s = 1.04 * times_s.max() if times_s.max() > 0 else 1.0
    handles = [
        _draw_curve(ax, group["time_to_reconnect_s"], group_look, group_look.label or short(name), end_s)
        for (name, group), group_look in zip(groups, looks_of(groups, by), strict=True)
    ]
    ax.set_xlim(0, end_s)
    ax.set_ylim(-0.02, 1.03)
    ax.set_yticks([0, 0.25, 0.5, 0.75, 1])
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.grid(axis="y", color=SHADE, linewidth=0.6)
    return dress(
        ax,
        kind="Clients that are back, over time",
        title=f"{times_s.count():,} of {len(outages):,} outages ended" if groups else "No outages",
        xlabel="time to reconnect (s)",
        ylabel="clients that are back",
        handles=handles,
        note=notes([outages], drawn_s=times_s.dropna().median()),
    )


def _draw_curve(ax: Axes, times_s: pd.Series[float], own: Look, name: str, end_s: float) -> Line2D:
    n, back_s = len(times_s), times_s.dropna().sort_values().to_list()
    shares = [rank / n for rank in range(1, len(back_s) + 1)]
    steps_s, levels = [0.0, *back_s], [0.0, *shares]
    if len(back_s) < n:  # the curve never reaches 100 %
        steps_s, levels = [*steps_s, end_s], [*levels, levels[-1]]
    points, line = marked(own, 5.5 if n <= 60 else 3.0), lined(own)
    ax.step(steps_s, levels, where="post", **line)
    ax.plot(back_s, shares, **points, zorder=3)
    return Line2D([], [], **(points | line), label=of_group(name, _recovery(n, back_s)))


def _recovery(n: int, back_s: list[float]) -> str:
    """Say when half of all `n` were back, including those that never came back; `back_s` is sorted."""
    told, half = [f"n = {n:,}"], ceil(n / 2)
    if len(back_s) >= half:
        told.append(f"half back after {seconds(back_s[half - 1])}")
    if back_s:
        told.append(f"the last after {seconds(back_s[-1])}")
    if len(back_s) < n:
        told.append(f"{n - len(back_s):,} never back")
    return ", ".join(told)
