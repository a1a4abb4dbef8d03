"""The outcome of each message, against its size."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from wslab.core.arguments import check_whole
from wslab.views import tables
from wslab.views.axes import (
    SMALL_PT,
    dress,
    marked,
    name_rows,
    new_axes,
    notes,
    require,
    scale_bytes,
)
from wslab.views.groups import meanings
from wslab.views.several import drawn_from
from wslab.views.style import INK, SHADE, in_order, look
from wslab.views.words import counted, kibi

UNANSWERED = ["timeout", "unopened", "unconfirmed", "interrupted"]
"""Outcomes that say nothing about a limit."""


@drawn_from(tables.sends)
def close_codes(sends: pd.DataFrame, *, limit_bytes: int | None = None, ax: Axes | None = None) -> Axes:
    """Draw the outcome of each message against its payload size: one lane per outcome or close code.

    Messages of the same size are stacked within their lane.

    Args:
        sends: a run or runs, or their `tables.sends`.
        limit_bytes: a limit to mark, in bytes.
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


def _stacked(values: pd.Series[float]) -> pd.Series[float]:
    """Return the position of each value among equal ones, counted from their middle."""
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
    """Say between which sizes the limit lies, judging by the messages that were accepted or refused."""
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
