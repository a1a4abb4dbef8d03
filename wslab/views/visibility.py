"""What clients are told about a refusal: the share of tries in which each saw the server's close code.

As in `wslab.views.plots`: a table in, an Axes out, with the finding as title, and a text alternative.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from wslab.core.intervals import wilson
from wslab.views import tables
from wslab.views.axes import SMALL_PT, WIDTH_IN, dress, lined, marked, new_axes, notes, require
from wslab.views.groups import grouped, looks_of
from wslab.views.several import drawn_from
from wslab.views.style import SHADE
from wslab.views.words import about

SERVERS = {"drain": "Server drains", "reset": "Server resets TCP", "hold": "Server holds TCP open"}
"""What a server does after refusing, for readers."""

BESIDE = 0.13
"""The distance between clients at one overshoot; overshoots are 1 apart."""


@drawn_from(tables.sightings)
def code_seen(sightings: pd.DataFrame, *, close_code: int = 1009, ax: Axes | None = None) -> Axes:
    """Draw the share of tries in which each client's application saw the close code, against the overshoot.

    Clients are side by side at each overshoot; bars are Wilson's 95 % intervals.

    Args:
        sightings: a run of `closure_visibility` with one server behaviour, or its `tables.sightings`;
            `code_seen_by_server` draws several.
        close_code: the code that the server sent.
    """
    require("sightings", sightings, ["subject", "after_refusal", "overshoot_bytes", "close_code"])
    ax = ax or new_axes(3.4)
    handles = _clients(sightings)
    return _draw_seen(ax, sightings, handles, close_code, legend=handles)


@drawn_from(tables.sightings)
def code_seen_by_server(sightings: pd.DataFrame, *, close_code: int = 1009, figure: Figure | None = None) -> Figure:
    """Draw `code_seen` for each server behaviour, side by side on one scale; return the figure."""
    require("sightings", sightings, ["subject", "after_refusal", "overshoot_bytes", "close_code"])
    figure = figure or Figure(figsize=(WIDTH_IN, 3.8), layout="constrained")
    handles = _clients(sightings)
    behaviours = grouped(sightings, "after_refusal") or [("", sightings)]
    axes = figure.subplots(1, len(behaviours), sharey=True, squeeze=False)[0]
    for ax, (_, group) in zip(axes, behaviours, strict=True):
        _draw_seen(ax, group, handles, close_code)
        ax.label_outer()
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles) or 1, fontsize=SMALL_PT, frameon=False)
    return figure


def _clients(sightings: pd.DataFrame) -> list[Line2D]:
    """Return one legend entry per client, the same in every panel."""
    groups = grouped(sightings, "subject")
    return [
        Line2D([], [], **(marked(own, 6.5) | lined(own)), label=name)
        for (name, _), own in zip(groups, looks_of(groups, "subject"), strict=True)
    ]


def _draw_seen(
    ax: Axes, sightings: pd.DataFrame, clients: Sequence[Line2D], close_code: int, legend: Sequence[Line2D] = ()
) -> Axes:
    overshoots = sorted(sightings["overshoot_bytes"].unique())
    names = [f"+{about(overshoot)}" for overshoot in overshoots]
    details, always = [], 0
    for place, client in enumerate(clients):
        own = sightings[sightings["subject"] == client.get_label()]
        shares, low, high = _shares(own, overshoots, close_code)
        _draw_client(ax, client, BESIDE * (place - (len(clients) - 1) / 2), shares, low, high)
        details.append(f"{client.get_label()}: " + ", ".join(map("{} {:.0%}".format, names, shares)))
        always += bool((shares == 1).all())
    ax.set_xticks(range(len(overshoots)), names)
    ax.set_xlim(-0.5, max(len(overshoots), 1) - 0.5)
    ax.set_ylim(-0.03, 1.03)
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.grid(axis="y", color=SHADE, linewidth=0.6)
    return dress(
        ax,
        kind="Share of tries, with intervals, against overshoot",
        title=_finding(sightings, always, len(clients), close_code),
        xlabel="message over the limit by",
        ylabel=f"application is told {close_code}",
        handles=legend,
        details=details,
        note="; ".join(filter(None, [_tries(sightings), notes([sightings])])),
    )


def _draw_client(ax: Axes, client: Line2D, shift: float, shares: np.ndarray, low: np.ndarray, high: np.ndarray) -> None:
    places = np.arange(len(shares)) + shift
    how: dict[str, Any] = {"color": client.get_color(), "zorder": 3}
    ax.plot(places, shares, linestyle=client.get_linestyle(), linewidth=0.8, alpha=0.7, **how)
    bars = [(shares - low).tolist(), (high - shares).tolist()]  # NumPy warns of arrays
    ax.errorbar(places, shares, bars, linestyle="none", elinewidth=1.6, **how)
    ax.plot(places, shares, linestyle="none", marker=client.get_marker(), markersize=6.5, **how)


def _shares(sightings: pd.DataFrame, overshoots: Sequence[int], close_code: int) -> np.ndarray:
    """Return share, lower and upper bound at each overshoot; NaN if nothing was tried."""
    rows = []
    for overshoot in overshoots:
        codes = sightings.loc[sightings["overshoot_bytes"] == overshoot, "close_code"]
        seen = int((codes == close_code).sum())
        rows.append((seen / len(codes), *wilson(seen, len(codes))) if len(codes) else (np.nan,) * 3)
    return np.array(rows, dtype=float).reshape(-1, 3).T


def _tries(sightings: pd.DataFrame) -> str:
    counts = sorted({*sightings.groupby(["subject", "overshoot_bytes"]).size()})
    span = " to ".join(map(str, dict.fromkeys([*counts[:1], *counts[-1:]])))
    return f"{span} tries each, 95 % intervals" if span else ""


def _finding(sightings: pd.DataFrame, always: int, clients: int, close_code: int) -> str:
    if sightings.empty:
        return "No tries"
    behaviours = [SERVERS[name] for name in sightings["after_refusal"].dropna().unique()]
    server = " and ".join(behaviours) or "Server as it is"
    who = "every client is" if always == clients else f"{always} of {clients} clients are"
    return f"{server}: {who} told {close_code} every time"
