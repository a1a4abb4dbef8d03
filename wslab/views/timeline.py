"""The reconnect timeline: one row per client, from its closure through waiting and attempts to its return."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from wslab.core.arguments import check_type
from wslab.core.records import RUN_ENDED
from wslab.core.runs import Run
from wslab.views import tables
from wslab.views.axes import SMALL_PT, dress, marked, name_rows, new_axes, notes, size_in
from wslab.views.downtime import shade_downtime
from wslab.views.groups import meanings
from wslab.views.style import QUIET, in_order, look
from wslab.views.words import counted, span


def reconnect_timeline(run: Run, *, ax: Axes | None = None) -> Axes:
    """Draw one row per client with its outages; the first clients to be back are on top.

    A row shows the connection (a bar), its closure (the close code's marker), the wait (a thin line), each attempt
    (its outcome's marker) and the connection after it. The server's downtime is shaded. Clients without an outage are
    left out, unless no client had one.

    Raises:
        TypeError: `run` is not one run.
    """
    check_type("run", run, Run, "one run, because a timeline has a row per client; draw one timeline per run")
    attempts, closures = tables.attempts(run), tables.closures(run)
    outages, restarts = tables.outages(run), tables.restarts(run)
    row_of = _rows(attempts, closures, outages)
    attempts, closures, outages = (_on_rows(table, row_of) for table in (attempts, closures, outages))
    ax = ax or new_axes(float(np.clip(1.7 + 0.25 * len(row_of), 2.4, 6.0)))
    row_pt = size_in(ax)[1] * 72 / max(len(row_of), 1)
    named, marker_pt = row_pt > SMALL_PT, float(np.clip(0.65 * row_pt, 1.8, 7.5))  # otherwise names overlap
    start_s, end_s = _view(attempts, closures, outages, restarts)
    handles = [
        *shade_downtime(ax, restarts, until_s=end_s),
        *_draw_connections(ax, attempts, closures, end_s, marker_pt),
        *_draw_waits(ax, attempts, outages, end_s, named),
        *_draw_marks(ax, closures, "close_started_at_s", marker_pt),
        *_draw_marks(ax, attempts[attempts["outage"] > 0], "ended_at_s", marker_pt),
    ]
    ax.set_xlim(start_s, end_s)
    name_rows(ax, [str(client) if named else "" for client in row_of.index])
    return dress(
        ax,
        kind=f"Reconnect timeline of {counted(len(row_of), 'client')}, one row per client, the first to be back on top",
        title=_finding(outages, closures),
        xlabel="time since the run began (s)",
        ylabel="client" if named else counted(len(row_of), "client"),
        handles=handles,
        note=notes([attempts, closures, outages, restarts], drawn_s=outages["time_to_reconnect_s"].dropna().median()),
    )


def _rows(attempts: pd.DataFrame, closures: pd.DataFrame, outages: pd.DataFrame) -> pd.Series[float]:
    """Return the row of each client, in the order of their last reopening; those that never came back are last."""
    shown = outages["client"] if len(outages) else pd.concat([attempts["client"], closures["client"]])
    back_s = outages.groupby("client")["reopened_at_s"].agg(lambda times: times.max(skipna=False))
    order = back_s.reindex(sorted(shown.unique())).sort_values(kind="stable", na_position="last").index
    return pd.Series(range(len(order)), index=order, dtype=float)


def _view(
    attempts: pd.DataFrame, closures: pd.DataFrame, outages: pd.DataFrame, restarts: pd.DataFrame
) -> tuple[float, float]:
    """Return the time range to draw: the outages with a margin, or everything if there are none."""
    if len(outages):
        firsts = [outages["closed_at_s"].min(), restarts["requested_at_s"].min()]
        lasts = [outages["reopened_at_s"].max(), restarts["up_at_s"].max()]
        lasts += [outages["closed_at_s"].max(), attempts.loc[attempts["outage"] > 0, "ended_at_s"].max()]
    else:
        firsts = [closures["opened_at_s"].min(), attempts["ended_at_s"].min(), restarts["requested_at_s"].min()]
        lasts = [closures["closed_at_s"].max(), attempts["ended_at_s"].max(), restarts["up_at_s"].max()]
    seen = [time for time in (*firsts, *lasts) if pd.notna(time)] or [0.0, 1.0]
    margin_s = 0.06 * (max(seen) - min(seen)) or 0.5
    return min(seen) - margin_s, max(seen) + margin_s


def _on_rows(table: pd.DataFrame, row_of: pd.Series[float]) -> pd.DataFrame:
    """Add the column `row`, and drop clients without one."""
    return table.assign(row=table["client"].map(row_of)).dropna(subset="row")


def _draw_connections(
    ax: Axes, attempts: pd.DataFrame, closures: pd.DataFrame, end_s: float, marker_pt: float
) -> list[Artist]:
    opened = attempts[attempts["outcome"] == "opened"]
    last_closed_s = opened["client"].map(closures.groupby("client")["closed_at_s"].max()).fillna(-np.inf)
    still_open = opened[opened["ended_at_s"] > last_closed_s]
    bar: dict[str, Any] = {"color": look("opened").color, "alpha": 0.4, "linewidth": 0.7 * marker_pt}
    ax.hlines(closures["row"], closures["opened_at_s"], closures["close_started_at_s"], **bar)
    ax.hlines(still_open["row"], still_open["ended_at_s"], end_s, **bar)
    return [Line2D([], [], **bar, label="connected")] if len(closures) or len(still_open) else []


def _draw_waits(ax: Axes, attempts: pd.DataFrame, outages: pd.DataFrame, end_s: float, named: bool) -> list[Artist]:
    if outages.empty:
        return []
    tried_s = attempts.groupby(["client", "outage"])["ended_at_s"].max().rename("tried_s")
    waits = outages.join(tried_s, on=["client", "number"]).fillna({"tried_s": outages["closed_at_s"]})
    gave_up = waits["gave_up"].notna() & (waits["gave_up"] != RUN_ENDED)
    until_s = waits["reopened_at_s"].where(~gave_up, waits["tried_s"]).fillna(end_s)
    line: dict[str, Any] = {"color": QUIET, "linewidth": 0.8}
    ax.hlines(waits["row"], waits["closed_at_s"], until_s, **line, zorder=1)
    for at_s, row in zip(until_s[gave_up & named], waits["row"][gave_up & named], strict=True):
        ax.annotate("gave up", (at_s, row), (8, 0), textcoords="offset points", va="center", fontsize=SMALL_PT)
    return [Line2D([], [], **line, label="waiting")]


def _draw_marks(ax: Axes, table: pd.DataFrame, at_s: str, marker_pt: float) -> list[Artist]:
    handles: list[Artist] = []
    met = meanings(table)
    for meaning in in_order(set(met)):
        group = table[met == meaning]
        ax.plot(group[at_s], group["row"], **marked(look(meaning), marker_pt), zorder=3)
        handles.append(Line2D([], [], **marked(look(meaning), 7.0), label=f"{look(meaning).label} ({len(group):,})"))
    return handles


def _finding(outages: pd.DataFrame, closures: pd.DataFrame) -> str:
    if outages.empty:
        lost = int((closures["closed_by"] != "client").sum())  # as in a capture
        return (
            f"{counted(lost, 'connection')} ended by the other side; no return is on record" if lost else "No outages"
        )
    back_s, cut_short = outages["time_to_reconnect_s"].dropna(), (outages["gave_up"] == RUN_ENDED).sum()
    gave_up = outages["gave_up"].notna().sum() - cut_short
    told = f"{len(back_s):,} of {len(outages):,} outages ended"
    told += f" after {span(back_s.min(), back_s.max())}" if len(back_s) else ""
    told += f"; {gave_up:,} gave up" if gave_up else ""
    return told + (f"; {cut_short:,} still away at the end of the run" if cut_short else "")
