"""Policies side by side: one small panel each, on shared axes."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from wslab.core.errors import BadValueError
from wslab.core.herds.returning import AnyHerd, Returning, returning
from wslab.views.axes import SMALL_PT, WIDTH_IN, dress
from wslab.views.herds import PER_BIN, draw_back, draw_capacity, shade_down
from wslab.views.style import Look, look
from wslab.views.words import seconds, short

COLUMNS = 3
IN_VAIN = Look("in vain", look("refused").color)
BACK = Look("successful", look("opened").color)


def side_by_side(herds: Mapping[str, AnyHerd]) -> Figure:
    """Draw the attempts over time under each policy, after the same restart, one small panel per policy.

    All panels share their axes. The vertical one is logarithmic, so that small and large peaks both show.
    """
    if not herds:
        raise BadValueError("herds is empty; give at least one policy: {'full_jitter': simulate_herd(…)}")
    seen = {name: returning(herd) for name, herd in herds.items()}
    rows = ceil(len(seen) / COLUMNS)
    figure = Figure(figsize=(WIDTH_IN, 0.9 + 1.75 * rows), layout="constrained")
    panels = figure.subplots(rows, min(COLUMNS, len(seen)), sharex=True, sharey=True, squeeze=False).flatten()
    legend: list[Artist] = []
    for panel, (name, one) in zip(panels, seen.items(), strict=False):
        legend = _draw_panel(panel, name, one)
    for panel in panels[len(seen) :]:
        panel.set_visible(False)
    panels[0].set_yscale("log")
    panels[0].set_ylim(0.8, 8 * max(one.attempts.max() for one in seen.values()))
    panels[0].set_xlim(min(one.edges_s[0] for one in seen.values()), max(one.edges_s[-1] for one in seen.values()))
    panels[0].yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    figure.supxlabel("time since the server went down (s)", fontsize=SMALL_PT + 1)
    figure.supylabel(f"{PER_BIN} (log.)", fontsize=SMALL_PT + 1)
    figure.legend(
        handles=legend, loc="outside upper left", ncols=5, columnspacing=1.4, fontsize=SMALL_PT, frameon=False
    )
    return figure


def _draw_panel(ax: Axes, name: str, seen: Returning) -> list[Artist]:
    downs = shade_down(ax, seen)
    handles: list[Artist] = []
    for own, counts in ((IN_VAIN, seen.attempts), (BACK, seen.opened)):
        ax.stairs(counts, seen.edges_s, baseline=0.1, fill=True, facecolor=own.color, edgecolor=own.edge, linewidth=0.4)
        handles.append(Patch(facecolor=own.color, label=own.label))
    lines = [draw_back(ax, seen), *draw_capacity(ax, seen)]
    half = "half never back" if seen.half_back_s is None else f"half back after {seconds(seen.half_back_s)}"
    words = f"at most {seen.peak_per_s:,.0f} per second\n{half}"
    dress(ax, kind="Attempts over time", title=short(name, 30), xlabel="", details=[words.replace("\n", ", ")])
    ax.annotate(words, (1, 1), (-3, -3), "axes fraction", "offset points", ha="right", va="top", fontsize=SMALL_PT - 1)
    return [*handles, *lines, *downs]
