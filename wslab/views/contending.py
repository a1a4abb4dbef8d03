"""The contention experiment: its duration and number of calls against clients, one line per strategy."""

from __future__ import annotations

from collections.abc import Iterable

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter

from wslab.core.errors import BadValueError
from wslab.core.herds.contention import Contention, band
from wslab.views.axes import SMALL_PT, WIDTH_IN, dress, lined, marked
from wslab.views.style import GROUPS, INK, SHADE

MEASURES = {"time": "time until all have written", "calls": "calls of all clients together"}


def contention(results: Iterable[Contention]) -> Figure:
    """Draw the mean time and the mean number of calls against clients, with their 95 % confidence bands.

    Args:
        results: of `wslab.core.herds.contention.contend`, for at most six policies and several numbers of clients each.

    Raises:
        ValueError: there are no results, or too many policies to tell their lines apart.
    """
    policies: dict[str, list[Contention]] = {}
    for result in sorted(results, key=lambda result: result.clients):
        policies.setdefault(result.policy.name, []).append(result)
    if not 1 <= len(policies) <= len(GROUPS):
        raise BadValueError(f"results are of {len(policies)} policies, but must be of 1 to {len(GROUPS)}")
    figure = Figure(figsize=(WIDTH_IN, 3.6), layout="constrained")
    handles: list[Artist] = []
    for ax, (measure, what) in zip(figure.subplots(1, 2), MEASURES.items(), strict=True):
        told = []
        for (name, own), style in zip(policies.items(), GROUPS, strict=False):
            clients = [result.clients for result in own]
            low, mean, high = zip(*(band(getattr(result, measure)) for result in own), strict=True)
            ax.fill_between(clients, low, high, color=style.color, alpha=0.3, linewidth=0)
            line = marked(style, 3.5) | lined(style)
            ax.plot(clients, mean, **line)
            told.append(f"{name}: {mean[-1]:,.0f} of {clients[-1]:,} clients")
            handles.append(Line2D([], [], **line, label=name.replace("_", " ")))
        ax.set_yscale("log")
        ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        ax.grid(axis="y", color=SHADE, linewidth=0.6)
        dress(ax, kind="Contention", title=what.capitalize(), xlabel="clients", ylabel=f"{measure}, log.", details=told)
    legend = handles[: len(policies)]
    trials = {result.time.size for own in policies.values() for result in own}
    figure.supxlabel(f"shaded: 95 % confidence in the mean of {min(trials):,} trials", fontsize=SMALL_PT, color=INK)
    figure.legend(handles=legend, loc="outside upper left", ncols=6, fontsize=SMALL_PT, frameon=False)
    return figure
