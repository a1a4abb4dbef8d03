"""A watch as a figure or in a terminal: one lane per client, what it sent, and when and how its connections ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from rich.table import Table
from rich.text import Text

from wslab.core.codes.registry import lookup
from wslab.core.findings import headline
from wslab.core.findings.lives import CLASSES, Life, lives
from wslab.core.findings.observed import Observed
from wslab.core.findings.wording import seconds
from wslab.core.runs import Run
from wslab.views.axes import dress, marked, name_rows, new_axes, notes
from wslab.views.style import QUIET, in_order, look
from wslab.views.tables import closures

DEEDS = {"client's messages": ("|", "message sent"), "client's pings": (".", "ping"), "client's pongs": ("x", "pong")}
"""The marker and the label of what a client sent."""


def watch_timeline(run: Run, *, ax: Axes | None = None) -> Axes:
    """Draw one lane per client of a watch, named by its role: its connections, what it sent, and how each ended."""
    seen = lives(Observed(run.records))
    names = _names(run, seen)
    ax = ax or new_axes(float(np.clip(1.9 + 0.27 * len(names), 2.6, 7.5)))
    row = {client: place for place, client in enumerate(names)}
    bar: dict[str, Any] = {"color": look("opened").color, "alpha": 0.4, "linewidth": 5.0}
    ax.hlines(
        [row[life.client] for life in seen],
        [life.opened_at_s for life in seen],
        [life.ended_at_s for life in seen],
        **bar,
    )
    handles = [Line2D([], [], **bar, label="connected"), *_draw_deeds(ax, seen, row), *_draw_ends(ax, seen, row)]
    ax.set_xlim(0, max(run.info.duration_s, 0.001))
    name_rows(ax, list(names.values()))
    return dress(
        ax,
        kind=f"Watch of {len(names)} clients, a lane each",
        title=headline(run).rstrip("."),
        xlabel="time since the run began (s)",
        ylabel="what the client does",
        handles=handles,
        note=notes([closures(run)]),
    )


def _names(run: Run, seen: list[Life]) -> dict[int, str]:
    told = run.info.parameters.get("roles", [])
    clients = sorted({life.client for life in seen})
    return {client: told[client] if client < len(told) else str(client) for client in clients}


def _draw_deeds(ax: Axes, seen: list[Life], row: dict[int, int]) -> Iterator[Line2D]:
    for what, (marker, label) in DEEDS.items():
        points = [(at_s, row[life.client]) for life in seen for at_s in life.times_s([what])]  # type: ignore[list-item]
        if points:
            style: dict[str, Any] = {"marker": marker, "color": QUIET, "linestyle": "none", "markersize": 5}
            ax.plot(*zip(*points, strict=True), **style, zorder=2)
            yield Line2D([], [], **style, label=label)


def _draw_ends(ax: Axes, seen: list[Life], row: dict[int, int]) -> Iterator[Line2D]:
    ends: dict[int, list[Life]] = {}
    for life in seen:
        if life.died and life.seen is not None:
            ends.setdefault(life.seen.closure.close_code, []).append(life)
    for code in in_order({*ends}):
        group = ends[int(code)]
        ax.plot(
            [life.ended_at_s for life in group],
            [row[life.client] for life in group],
            **marked(look(code), 7.0),
            zorder=3,
        )
        yield Line2D([], [], **marked(look(code), 7.0), label=f"{look(code).label} ({len(group):,})")


def lanes(run: Run, width: int = 60) -> Table:
    """Return the lanes for a terminal, one line per client: "─" connected, "·" sent something, "✕" ended."""
    seen = lives(Observed(run.records))
    table = Table(box=None, pad_edge=False)
    table.add_column("client", no_wrap=True)
    table.add_column(f"0 s to {seconds(run.info.duration_s)}", no_wrap=True)
    table.add_column("ended", justify="right")
    table.add_column("at the age of")
    table.add_column("with")
    for client, name in _names(run, seen).items():
        mine = [life for life in seen if life.client == client]
        table.add_row(name, _lane(mine, run.info.duration_s, width), *_ends(mine))
    return table


def _lane(mine: list[Life], duration_s: float, width: int) -> Text:
    marks = [" "] * width

    def mark(at_s: float, character: str) -> None:
        marks[min(width - 1, max(0, int(at_s / max(duration_s, 1e-9) * width)))] = character

    for life in mine:
        first, last = (int(at_s / max(duration_s, 1e-9) * width) for at_s in (life.opened_at_s, life.ended_at_s))
        marks[first : min(width, last + 1)] = "─" * (min(width, last + 1) - first)
        for at_s in life.times_s([what for what in CLASSES if what in DEEDS]):
            mark(at_s, "·")
    for life in mine:
        if life.died:
            mark(life.ended_at_s, "✕")
    return Text("".join(marks))


def _ends(mine: list[Life]) -> tuple[str, str, str]:
    dead = [life for life in mine if life.died and life.seen is not None]
    if not dead:
        return "-", "", ""
    ages_s = [life.age_s for life in dead]
    low, high = seconds(min(ages_s)), seconds(max(ages_s))
    codes = Counter(lookup(life.seen.closure.close_code).label for life in dead if life.seen)
    return f"{len(dead)}", low if low == high else f"{low} to {high}", ", ".join(codes)
