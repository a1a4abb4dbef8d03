"""Each group's shares of outcomes and close codes, as one bar to 100 %."""

from __future__ import annotations

from math import ceil

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from wslab.core.arguments import check_choice
from wslab.views import tables
from wslab.views.axes import (
    SMALL_PT,
    dress,
    filled,
    name_rows,
    new_axes,
    notes,
    require,
)
from wslab.views.groups import grouped, meanings
from wslab.views.several import Shown
from wslab.views.style import Meaning, in_order, look
from wslab.views.words import of_group, short


def outcome_shares(runs: Shown, *, of: str = "closures", by: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw each group's shares of outcomes and close codes, as one bar to 100 %.

    Args:
        runs: a run or runs, or their table `of`.
        of: the kind of records: "sends", "closures", "attempts" or "outages".
        by: the column to group by. None: group by run if there are several.
    """
    check_choice("of", of, ["sends", "closures", "attempts", "outages"])
    table = runs if isinstance(runs, pd.DataFrame) else getattr(tables, of)(runs)
    require(of, table, [] if "outcome" in table.columns else ["close_code"])
    groups = [(short(name, 24), meanings(group)) for name, group in grouped(table, by)]
    shown = in_order({meaning for _, met in groups for meaning in met})
    ax = ax or new_axes(1.2 + 0.42 * max(len(groups), 1) + 0.18 * ceil(len(shown) / 3))
    name_rows(ax, [f"{name}  n = {len(met):,}".strip() for name, met in groups])
    for row, (_, met) in enumerate(groups):
        left = 0.0
        for meaning in shown:
            share = float((met == meaning).mean())
            _draw_share(ax, row, left, share, meaning)
            left += share
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    compared = f" by {by or 'run'}" if len(groups) > 1 else ""
    return dress(
        ax,
        kind="Shares of each outcome",
        title=f"Outcomes and close codes{compared}" if groups else "No rows",
        xlabel="share",
        handles=[Patch(**filled(look(meaning)), label=look(meaning).label) for meaning in shown],
        details=[of_group(name, _counts(met)) for name, met in groups],
        note=notes([table]),
    )


def _counts(met: pd.Series[Meaning]) -> str:
    return ", ".join(
        f"{look(meaning).label} {(met == meaning).sum():,} of {len(met):,}" for meaning in in_order(set(met))
    )


def _draw_share(ax: Axes, row: int, left: float, share: float, meaning: Meaning) -> None:
    if share == 0:
        return
    ax.barh(row, share, left=left, height=0.64, **filled(look(meaning)))
    words = f"{share:.0%}" if share < 0.2 else f"{meaning}  {share:.0%}"
    if share >= 0.05:
        box = {"facecolor": look(meaning).color, "edgecolor": "none", "pad": 1.5}
        ax.text(
            left + share / 2,
            row,
            words,
            ha="center",
            va="center",
            color=look(meaning).ink,
            fontsize=SMALL_PT,
            bbox=box,
        )
