"""The shade of downtimes, and attempts counted over time beside them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from wslab.core.arguments import check_number
from wslab.views import tables
from wslab.views.axes import dress, filled, lined, new_axes, notes
from wslab.views.groups import Groups, grouped, looks_of
from wslab.views.several import Runs
from wslab.views.style import RESTARTS, SHADE, in_order, look
from wslab.views.words import counted, seconds, short, span

MAX_BINS = 100_000
"""No figure shows more, and a hostile file may claim any time."""


def attempts_against_downtime(runs: Runs, *, bin_s: float | None = None, ax: Axes | None = None) -> Axes:
    """Draw the number of attempts over time, with the server's downtimes shaded.

    One run is drawn as bars, stacked by outcome; several runs as outlines. Time counts from each run's first downtime,
    so that runs overlap. First connections are not counted.

    Args:
        runs: a run with restarts, or several.
        bin_s: width of a bin, in seconds. None: a round number, not below the loop lag.
    """
    attempts, restarts = tables.attempts(runs), tables.restarts(runs)
    tried, restarts = _from_first_downtime(attempts[attempts["outage"] > 0], restarts)
    edges = _edges(tried, restarts, bin_s)
    groups = grouped(tried, None)
    ax = ax or new_axes(3.4)
    handles = [
        *shade_downtime(ax, restarts, until_s=edges[-1]),
        *(_draw_bars(ax, groups[0][1], edges) if len(groups) == 1 else _draw_outlines(ax, groups, edges)),
    ]
    ax.set_xlim(edges[0], edges[-1])
    ax.set_ylim(0, None if groups else 1)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, steps=[1, 2, 5, 10]))
    ax.grid(axis="y", color=SHADE, linewidth=0.6)
    return dress(
        ax,
        kind="Attempts to reconnect over time",
        title=_peak(groups, edges),
        xlabel=f"time since {_zero(restarts)} (s)",
        ylabel=f"attempts per {seconds(edges[1] - edges[0])}",
        handles=handles,
        note=notes([attempts, restarts], drawn_s=edges[1] - edges[0]),
    )


def shade_downtime(ax: Axes, restarts: pd.DataFrame, *, until_s: float) -> list[Artist]:
    """Shade each downtime, up to `until_s` if the server never came up; return the legend's entries."""
    handles: list[Artist] = []
    for kind, group in restarts.groupby("kind", sort=False):
        line = lined(RESTARTS[str(kind)], 0.9)
        for at_s in group["requested_at_s"]:
            ax.axvline(at_s, **line, zorder=1)
        handles.append(Line2D([], [], **line, label=RESTARTS[str(kind)].label))
    down = restarts[restarts["down_at_s"].notna()]
    for start_s, end_s in zip(down["down_at_s"], down["up_at_s"].fillna(until_s), strict=True):
        ax.axvspan(start_s, end_s, facecolor=SHADE, edgecolor="none", zorder=0)
    if len(down):
        lasted_s = down["downtime_s"]
        how_long = "to the end" if lasted_s.isna().any() else f"for {span(lasted_s.min(), lasted_s.max())}"
        who = "one server of several" if (restarts["kind"] == "rolling").any() else "server"
        handles.append(Patch(facecolor=SHADE, label=f"{who} down {how_long}"))
    return handles


def _from_first_downtime(attempts: pd.DataFrame, restarts: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Count the times of both tables from each run's first downtime, or from its start if it had none."""
    zero_s = restarts.groupby(_run_of(restarts))["down_at_s"].min().dropna()
    moved = {
        name: restarts[name] - _run_of(restarts).map(zero_s).fillna(0.0).astype(float)
        for name in ("requested_at_s", "down_at_s", "up_at_s")
    }
    started_at_s = attempts["started_at_s"] - _run_of(attempts).map(zero_s).fillna(0.0).astype(float)
    return attempts.assign(started_at_s=started_at_s), restarts.assign(**moved)


def _run_of(table: pd.DataFrame) -> pd.Series[str]:
    return table["run"] if "run" in table else pd.Series("", index=table.index, dtype="string")


def _zero(restarts: pd.DataFrame) -> str:
    most = restarts.groupby(_run_of(restarts))["down_at_s"].count().max()
    return "the server went down" if most == 1 else "the first downtime began" if most > 1 else "the run began"


def _edges(tried: pd.DataFrame, restarts: pd.DataFrame, bin_s: float | None) -> np.ndarray:
    """Return the edges of bins that cover all attempts and downtimes; one edge is 0."""
    started_s = tried["started_at_s"]
    seen_s = pd.concat([started_s, restarts["down_at_s"], restarts["up_at_s"]]).dropna()
    low_s, high_s = (seen_s.min(), seen_s.max()) if len(seen_s) else (0.0, 1.0)
    if bin_s is None:
        span_s = started_s.max() - started_s.min() if len(started_s) else 0.0
        bin_s = _round_up(max(span_s / 50, tried.attrs.get("loop_lag_p99_s") or 0.0, 0.01, (high_s - low_s) / MAX_BINS))
    else:
        check_number("bin_s", bin_s, low=max(0.001, (high_s - low_s) / MAX_BINS), high=3600, unit="seconds")
    return np.arange(np.floor(low_s / bin_s) - 1, np.ceil(high_s / bin_s) + 2) * bin_s


def _round_up(value: float) -> float:
    """Return the next 1, 2 or 5 times a power of ten.

    >>> _round_up(0.03), _round_up(7)
    (0.05, 10.0)
    """
    power = 10.0 ** np.floor(np.log10(value))
    return float(next(factor * power for factor in (1, 2, 5, 10) if factor * power >= value))


def _draw_bars(ax: Axes, tried: pd.DataFrame, edges: np.ndarray) -> list[Artist]:
    handles: list[Artist] = []
    below = np.zeros(len(edges) - 1)
    for outcome in in_order(set(tried["outcome"])):
        own = tried.loc[tried["outcome"] == outcome, "started_at_s"]
        counts, _ = np.histogram(own, edges)
        some = counts > 0
        ax.bar(edges[:-1][some], counts[some], np.diff(edges)[some], below[some], align="edge", **filled(look(outcome)))
        handles.append(Patch(**filled(look(outcome)), label=f"{look(outcome).label} ({len(own):,})"))
        below += counts
    return handles


def _draw_outlines(ax: Axes, runs: Groups, edges: np.ndarray) -> list[Artist]:
    handles: list[Artist] = []
    for (name, tried), run_look in zip(runs, looks_of(runs, None), strict=True):
        counts, _ = np.histogram(tried["started_at_s"], edges)
        ax.stairs(counts, edges, **lined(run_look))
        label = f"{short(name)} ({len(tried):,}, at most {counts.max():,} together)"
        handles.append(Line2D([], [], **lined(run_look), label=label))
    return handles


def _peak(runs: Groups, edges: np.ndarray) -> str:
    if not runs:
        return "No attempts to reconnect"
    peak, name = max((int(np.histogram(tried["started_at_s"], edges)[0].max()), name) for name, tried in runs)
    whose = f" ({short(name)})" if len(runs) > 1 else ""
    return f"At most {counted(peak, 'attempt')} in {seconds(edges[1] - edges[0])}{whose}"
