"""Herds in, Axes out: what a server meets when everyone comes back, under each policy.

A herd is a `Run` of real clients or a simulated herd; both are drawn alike. To compare policies, pass a mapping from
name to herd: `{"full_jitter": herd, …}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, MaxNLocator, PercentFormatter

from wslab.core.errors import BadValueError
from wslab.core.herds.returning import AnyHerd, Returning, returning
from wslab.core.herds.simulated import BIN_S
from wslab.views.axes import SMALL_PT, dress, filled, lined, marked, name_rows, new_axes
from wslab.views.style import CAPACITY, GROUPS, INK, RETURNS, SHADE, in_order, look
from wslab.views.words import counted, seconds, short, span

NOTICEABLE = 0.05
"""The instrument's own delay is noted from this share of the smallest delay drawn."""

PER_BIN = f"attempts per {seconds(BIN_S)}"


def arrivals(herd: AnyHerd, *, ax: Axes | None = None) -> Axes:
    """Draw the attempts in each tenth of a second, by outcome, and the server's capacity.

    A note gives the instrument's own delay if it exceeds 5 % of the smallest delay drawn.
    """
    seen = returning(herd)
    ax = ax or new_axes(3.4)
    handles = [*shade_down(ax, seen), *draw_capacity(ax, seen), *_draw_stack(ax, seen), draw_back(ax, seen)]
    ax.set_xlim(seen.edges_s[0], seen.edges_s[-1])
    ax.set_ylim(0)
    ax.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, steps=[1, 2, 5, 10]))
    ax.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    return dress(
        ax,
        kind="Attempts to come back over time",
        title=_peak(seen),
        xlabel="time since the server went down (s)",
        ylabel=PER_BIN,
        handles=handles,
        note=_note(seen),
    )


def peak_against_clients(herds: Mapping[str, Sequence[AnyHerd]], *, ax: Axes | None = None) -> Axes:
    """Draw the busiest tenth of a second of herds of several sizes, one line per policy, both axes logarithmic.

    Args:
        herds: from the name of a policy to its herds; at most six policies.

    Raises:
        ValueError: there are too many policies to tell their lines apart, or one has no herd.
    """
    _check_told_apart(herds)
    ax = ax or new_axes(3.6)
    places = {
        name: sorted((seen.outages, seen.peak_per_s) for seen in map(returning, some)) for name, some in herds.items()
    }
    largest = {name: own[-1] for name, own in places.items()}
    handles = list(_draw_peaks(ax, places))
    for axis, set_scale in ((ax.xaxis, ax.set_xscale), (ax.yaxis, ax.set_yscale)):
        set_scale("log")
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
    ax.grid(color=SHADE, linewidth=0.6)
    return dress(
        ax,
        kind="Peak of attempts against the number of clients",
        title=_steepest(largest),
        xlabel="clients",
        ylabel="most attempts per second",
        handles=handles,
        details=[
            f"{name}: {peak_per_s:,.0f} per second of {clients:,} clients"
            for name, (clients, peak_per_s) in largest.items()
        ],
    )


def _check_told_apart(herds: Mapping[str, Sequence[AnyHerd]]) -> None:
    for name, some in herds.items():
        if not some:
            raise BadValueError(f"{name} has no herd; give at least one, better several sizes")
    if len(herds) > len(GROUPS):
        raise BadValueError(f"herds has {len(herds)} policies, but at most {len(GROUPS)} lines can be told apart")


def _draw_peaks(ax: Axes, places: Mapping[str, Sequence[tuple[int, float]]]) -> Iterator[Artist]:
    """Draw a line per policy; yield the legend's entries."""
    for (name, own), group in zip(places.items(), GROUPS, strict=False):
        line = marked(group, 5) | lined(group)
        ax.plot(*zip(*own, strict=True), **line)
        yield Line2D([], [], **line, label=short(name))


def _steepest(largest: Mapping[str, tuple[int, float]]) -> str:
    each = {name: peak_per_s / max(clients, 1) for name, (clients, peak_per_s) in largest.items()}
    if len(each) < 2 or not min(each.values()):
        clients, peak_per_s = max(largest.values(), key=lambda place: place[1], default=(0, 0.0))
        return f"At most {counted(peak_per_s, 'attempt')} per second of {counted(clients, 'client')}"
    most, least = max(each, key=each.__getitem__), min(each, key=each.__getitem__)
    return f"The highest peak is that of {short(most)}, {each[most] / each[least]:,.3g} times that of {short(least)}"


def attempts_wasted(herds: Mapping[str, AnyHerd], *, ax: Axes | None = None) -> Axes:
    """Draw the mean number of attempts per outage that were in vain, by outcome; one bar per policy."""
    seen = {name: returning(herd) for name, herd in herds.items()}
    met = {name: {o: int(c.sum()) for o, c in one.counts.items() if o != "opened"} for name, one in seen.items()}
    each = {name: sum(met[name].values()) / max(one.outages, 1) for name, one in seen.items()}
    shown = in_order({outcome for own in met.values() for outcome in own})
    ax = ax or new_axes(1.3 + 0.4 * len(seen))
    name_rows(ax, [short(name, 28) for name in seen])
    for row, (name, one) in enumerate(seen.items()):
        left = 0.0
        for outcome in shown:
            width = met[name].get(str(outcome), 0) / max(one.outages, 1)
            ax.barh(row, width, left=left, height=0.64, **filled(look(outcome)))
            left += width
        ax.annotate(
            f"{each[name]:,.3g}", (left, row), (4, 0), textcoords="offset points", va="center", fontsize=SMALL_PT
        )
    ax.set_xlim(0, 1.12 * max(each.values(), default=0) or 1)
    most = max(each, key=each.__getitem__, default="")
    return dress(
        ax,
        kind="Attempts in vain, by policy",
        title=f"Most in vain: {short(most)}, {each[most]:,.3g} attempts per outage"
        if any(each.values())
        else "No attempt was in vain",
        xlabel="attempts in vain per outage",
        handles=[Patch(**filled(look(outcome)), label=look(outcome).label) for outcome in shown],
        details=[f"{name}: {value:,.3g}" for name, value in each.items()],
    )


def who_gave_up(herds: Mapping[str, AnyHerd], *, ax: Axes | None = None) -> Axes:
    """Draw the share of clients that was back at the end, and why the others were not; one bar per policy."""
    seen = {name: returning(herd) for name, herd in herds.items()}
    ax = ax or new_axes(1.3 + 0.52 * len(seen))
    name_rows(ax, [short(name, 28) for name in seen])
    told = {name: _came_back(one) for name, one in seen.items()}
    for row, (name, one) in enumerate(seen.items()):
        _draw_share(ax, row, one)
        ax.text(0, row + 0.1, told[name], va="top", fontsize=SMALL_PT - 1)
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_formatter(PercentFormatter(1.0))
    lost = {name: sum(one.away.values()) for name, one in seen.items()}
    most = max(lost, key=lost.__getitem__, default="")
    return dress(
        ax,
        kind="Who came back, by policy",
        title=f"Most were lost by {short(most)}: {counted(lost[most], 'client')}"
        if any(lost.values())
        else "Every client came back",
        xlabel="share of the clients",
        handles=[Patch(**filled(own), label=own.label) for own in RETURNS.values()],
        details=[f"{name}: {words}" for name, words in told.items()],
    )


def _draw_share(ax: Axes, row: int, one: Returning) -> None:
    """Draw the share that was back, then the share that was not."""
    left = 0.0
    for state, clients in (("back", len(one.times_s)), ("away", sum(one.away.values()))):
        share = clients / max(one.outages, 1)
        ax.barh(row - 0.15, share, left=left, height=0.4, **filled(RETURNS[state]))
        left += share


def _came_back(one: Returning) -> str:
    away = sum(one.away.values())
    counts = f"{away:,} of {one.outages:,} away" if away else f"all {one.outages:,} back"
    return "; ".join([counts, *(short(why, 60) for why in one.away)])


def shade_down(ax: Axes, seen: Returning) -> list[Artist]:
    """Shade the downtime; return the legend's entry."""
    for down_s, up_s in seen.down:
        ax.axvspan(down_s, min(up_s, seen.edges_s[-1]), facecolor=SHADE, edgecolor="none", zorder=0)
    lasted_s = [up_s - down_s for down_s, up_s in seen.down]
    if not lasted_s:
        return []
    how_long = "to the end" if np.isinf(max(lasted_s)) else f"for {span(min(lasted_s), max(lasted_s))}"
    return [Patch(facecolor=SHADE, label=f"server down {how_long}")]


def draw_capacity(ax: Axes, seen: Returning) -> list[Artist]:
    """Draw a line at the server's capacity, if known; return the legend's entry."""
    if seen.capacity_per_s is None:
        return []
    line = lined(CAPACITY, 1.2)
    ax.axhline(seen.capacity_per_s * BIN_S, **line, zorder=4)
    return [Line2D([], [], **line, label=f"capacity: {seen.capacity_per_s:,.0f} per second")]


def _draw_stack(ax: Axes, seen: Returning) -> list[Artist]:
    handles: list[Artist] = []
    below = np.zeros(len(seen.edges_s) - 1)
    for outcome in in_order(set(seen.counts)):
        own = seen.counts[str(outcome)]
        ax.stairs(below + own, seen.edges_s, baseline=below, fill=True, **filled(look(outcome)))
        handles.append(Patch(**filled(look(outcome)), label=f"{look(outcome).label} ({own.sum():,})"))
        below += own
    return handles


def draw_back(ax: Axes, seen: Returning) -> Artist:
    """Outline how many clients came back in each moment."""
    ax.stairs(seen.back, seen.edges_s, baseline=None, color=INK, linewidth=1.1, zorder=5)
    return Line2D([], [], color=INK, linewidth=1.1, label="clients that are back")


def _peak(seen: Returning) -> str:
    peak = int(seen.attempts.max(initial=0))
    if not peak:
        return "No attempts to come back"
    told = f"{counted(seen.outages, 'client')}: at most {counted(peak, 'attempt')} in {seconds(BIN_S)}"
    if seen.capacity_per_s is None:
        return told
    times = peak / BIN_S / seen.capacity_per_s
    return f"{told}, {times:,.{0 if times >= 10 else 1}f} times the capacity"


def _note(seen: Returning) -> str:
    """Return a note on the instrument."""
    told = []
    late_s, smallest_s = seen.start_delay_p99_s or 0.0, seen.smallest_delay_s or 0.0
    if late_s > NOTICEABLE * smallest_s:
        told.append(
            f"the instrument began attempts up to {seconds(late_s)} late (p99); "
            f"the smallest delay drawn was {seconds(smallest_s)}"
        )
    if seen.partial:
        told.append("partial run: interrupted before its end")
    return "; ".join(told)
