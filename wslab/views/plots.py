"""Runs in, figures out: one function per figure, all of them here. Judges nothing, opens nothing.

Every function takes what `wslab.views.tables` takes: one run, or several to compare, such as `{"fixed": run_a,
"jitter": run_b}`. A figure of one kind of record also takes the table of it, or a part of that table. Those of herds
take simulated ones as well; `delays_drawn` takes policies, and `contention` what its experiment returns: no runs.

A figure is drawn on `ax`, or on an Axes of its own, and returned, so that it fits any matplotlib layout. The title is
the finding and `describe()` gives the text alternative, both computed from the same table; `save()` writes them into
the file as well. A table that lacks columns raises ValueError; one without rows makes a figure that says so.
"""

from __future__ import annotations

from math import ceil

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import PercentFormatter

from wslab.core.arguments import check_choice, check_whole
from wslab.views import tables
from wslab.views.axes import (
    SMALL_PT,
    describe,
    dress,
    filled,
    lined,
    marked,
    name_rows,
    new_axes,
    notes,
    require,
    save,
    scale_bytes,
)
from wslab.views.contending import contention
from wslab.views.delays import delays_drawn
from wslab.views.downtime import attempts_against_downtime
from wslab.views.groups import grouped, looks_of, meanings
from wslab.views.herds import arrivals, attempts_wasted, peak_against_clients, who_gave_up
from wslab.views.limits import memory_held, ways_that_pass
from wslab.views.policies import side_by_side
from wslab.views.style import INK, SHADE, Look, Meaning, in_order, look
from wslab.views.tables import Shown, drawn_from
from wslab.views.timeline import reconnect_timeline
from wslab.views.visibility import code_seen, code_seen_by_server
from wslab.views.watch import watch_timeline
from wslab.views.words import counted, kibi, seconds, short

__all__ = [
    "arrivals",
    "attempts_against_downtime",
    "attempts_wasted",
    "close_codes",
    "code_seen",
    "code_seen_by_server",
    "contention",
    "delays_drawn",
    "describe",
    "memory_held",
    "outcome_shares",
    "peak_against_clients",
    "reconnect_timeline",
    "save",
    "side_by_side",
    "time_to_reconnect",
    "watch_timeline",
    "ways_that_pass",
    "who_gave_up",
]

UNANSWERED = ["timeout", "unopened", "unconfirmed", "interrupted"]
"""Outcomes that say nothing about a limit."""


@drawn_from(tables.sends)
def close_codes(sends: pd.DataFrame, *, limit_bytes: int | None = None, ax: Axes | None = None) -> Axes:
    """Draw what each message met, against its payload size: one lane per outcome or close code.

    Messages of the same size are stacked within their lane.

    Args:
        sends: a run or runs, or their `tables.sends`.
        limit_bytes: a limit to mark, in bytes. None: none is marked.
    """
    require("sends", sends, ["payload_bytes", "outcome", "close_code"])
    check_whole("limit_bytes", limit_bytes, low=1, unit="bytes", hint="None marks no limit", optional=True)
    met, sizes = meanings(sends), sends["payload_bytes"].astype(float)
    lanes = {meaning: sizes[met == meaning] for meaning in in_order(set(met))}
    ax = ax or new_axes(1.4 + 0.55 * max(len(lanes), 1))
    names = [f"{look(lane).label}\nn = {len(own):,}, {_extent(own.min(), own.max())}" for lane, own in lanes.items()]
    name_rows(ax, names)
    for row, (meaning, own) in enumerate(lanes.items()):
        apart = min(0.2, 0.7 / own.value_counts().max())
        ax.plot(own, row + apart * _stacked(own), **marked(look(meaning), 6.5), zorder=3)
    limits = [] if limit_bytes is None else [float(limit_bytes)]
    shown = [*sizes, *limits] or [1.0]
    scale = scale_bytes(ax, min(shown), max(shown))
    told = [_mark_limit(ax, limit) for limit in limits]
    ax.grid(axis="x", color=SHADE, linewidth=0.6)
    return dress(
        ax,
        kind="Close codes by payload size",
        title=_boundary(sizes, met),
        xlabel=f"payload ({scale})",
        details=[*(name.replace("\n", ": ") for name in names), *told],
        note=notes([sends]),
    )


def outcome_shares(runs: Shown, *, of: str = "closures", by: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw each group's shares of outcomes and close codes, as one bar to 100 %.

    Args:
        runs: a run or runs, or their table `of`.
        of: of which records: "sends", "closures", "attempts" or "outages".
        by: the column whose values make the groups. None: the runs, where the table holds several, else one group.
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
        details=[_told(name, _counts(met)) for name, met in groups],
        note=notes([table]),
    )


@drawn_from(tables.outages)
def time_to_reconnect(outages: pd.DataFrame, *, by: str | None = None, ax: Axes | None = None) -> Axes:
    """Draw the share of outages that were over, against time: the empirical distribution with its raw points.

    Clients that never came back count: their curve ends below 100 %, and the legend says how many they were.

    Args:
        outages: a run or runs, or their `tables.outages`.
        by: the column whose values make the groups. None: the runs, where the table holds several, else one group.

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


def _stacked(values: pd.Series[float]) -> pd.Series[float]:
    """Return the place of each value among its equals, counted from their middle."""
    equals = values.groupby(values)
    return equals.cumcount() - (equals.transform("size") - 1) / 2


def _extent(low: float, high: float) -> str:
    return counted(high, "byte") if low == high else f"{low:,.0f} to {counted(high, 'byte')}"


def _mark_limit(ax: Axes, limit_bytes: float) -> str:
    """Draw a line at the limit, with its name on the roomier side; return the name."""
    unit = f" ({kibi(limit_bytes)})" if limit_bytes >= 1024 and limit_bytes % 1024 == 0 else ""
    name = f"limit {counted(limit_bytes, 'byte')}{unit}"
    ax.axvline(limit_bytes, color=INK, linewidth=0.9, linestyle="--", zorder=2)
    ax.set_ylim(top=-0.95)
    middle = ax.transAxes.inverted().transform(ax.transData.transform((limit_bytes, 0)))[0] > 0.5
    ax.annotate(
        name,
        (limit_bytes, 1),
        xycoords=ax.get_xaxis_transform(),
        xytext=(-4 if middle else 4, -1),
        textcoords="offset points",
        ha="right" if middle else "left",
        va="top",
        fontsize=SMALL_PT,
        color=INK,
    )
    return name


def _boundary(sizes: pd.Series[float], met: pd.Series[int | str]) -> str:
    """Say between which sizes the limit lies, from the messages that were answered, one way or the other."""
    answered = ~met.isin(UNANSWERED)
    accepted, others = sizes[met == "accepted"], sizes[answered & (met != "accepted")]
    if sizes.empty:
        return "No messages"
    if not answered.any():
        return "No answer: neither accepted nor refused"
    if others.empty:
        return f"Everything accepted, up to {counted(accepted.max(), 'byte')}"
    if accepted.empty:
        return f"Nothing accepted, from {counted(others.min(), 'byte')} on"
    largest, smallest = accepted.max(), others.min()
    if smallest <= largest:
        return f"Accepted and not accepted, both at {_extent(smallest, largest)}"
    return f"Largest accepted {counted(largest, 'byte')}, smallest not accepted {counted(smallest, 'byte')}"


def _told(name: str, what: str) -> str:
    return f"{name}: {what}" if name else what


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


def _draw_curve(ax: Axes, times_s: pd.Series[float], own: Look, name: str, end_s: float) -> Line2D:
    n, back_s = len(times_s), times_s.dropna().sort_values().to_list()
    shares = [rank / n for rank in range(1, len(back_s) + 1)]
    steps_s, levels = [0.0, *back_s], [0.0, *shares]
    if len(back_s) < n:  # the curve never reaches 100 %
        steps_s, levels = [*steps_s, end_s], [*levels, levels[-1]]
    points, line = marked(own, 5.5 if n <= 60 else 3.0), lined(own)
    ax.step(steps_s, levels, where="post", **line)
    ax.plot(back_s, shares, **points, zorder=3)
    return Line2D([], [], **(points | line), label=_told(name, _recovery(n, back_s)))


def _recovery(n: int, back_s: list[float]) -> str:
    """Say when half of all `n` were back, those that never came back counted in; `back_s` is in order."""
    told, half = [f"n = {n:,}"], ceil(n / 2)
    if len(back_s) >= half:
        told.append(f"half back after {seconds(back_s[half - 1])}")
    if back_s:
        told.append(f"the last after {seconds(back_s[-1])}")
    if len(back_s) < n:
        told.append(f"{n - len(back_s):,} never back")
    return ", ".join(told)
