"""What all figures share: an Axes, its legend, labels, notes and text alternative, and the file. Reads no column.

Nothing here touches pyplot, because widget callbacks run on any thread, and no global setting of Matplotlib changes.
Titles and notes are wrapped to the width of the Axes, so that a figure fits a page as well as a quarter of one.
"""

from __future__ import annotations

import io
import os
import re
import textwrap
from collections.abc import Sequence
from itertools import pairwise
from math import ceil
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullFormatter
from rich.cells import cell_len

from wslab.core.errors import BadTypeError, BadValueError
from wslab.core.files import write_whole
from wslab.core.printable import printable
from wslab.views.glyphs import make_legible, take_literally
from wslab.views.linebreaks import line_ends
from wslab.views.style import INK, QUIET, Look
from wslab.views.words import kibi, seconds

WIDTH_IN = 8.0
SMALL_PT, TITLE_PT = 9.0, 11.0
_CHARACTER_EM = 0.55
"""Mean width of a character of DejaVu Sans, matplotlib's own font, in English text."""


def new_axes(height_in: float, *, left: float = 0.1) -> Axes:
    """Return an Axes in its own Figure, as wide as a notebook; `left` is the share that its labels will take."""
    figure = Figure(figsize=(WIDTH_IN, height_in), layout="constrained")
    return figure.subplots(gridspec_kw={"left": left, "right": 0.98})  # roughly where the layout will put it


def size_in(ax: Axes) -> tuple[float, float]:
    """Return the width and height of the Axes in inches, as planned before the figure is laid out."""
    dpi = _root(ax).dpi
    return float(ax.bbox.width / dpi), float(ax.bbox.height / dpi)


def _root(ax: Axes) -> Figure:
    figure = ax.get_figure()
    assert figure is not None, "every Axes has a figure"
    return figure.figure  # of a subfigure, the whole figure; of a figure, itself


def require(name: str, table: pd.DataFrame, columns: Sequence[str]) -> None:
    """Raise unless `table` is a table with the columns that a figure needs.

    Raises:
        TypeError: it is not a table.
        ValueError: columns are missing; the message says which, and how to make such a table.
    """
    remedy = f"make it with wslab.views.tables.{name}(run)"
    if not isinstance(table, pd.DataFrame):
        raise BadTypeError(f"{name} is {table!r}, but must be a table; {remedy}")
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise BadValueError(f"{name} has no column {', '.join(map(repr, missing))}; {remedy}")


def notes(tables: Sequence[pd.DataFrame], drawn_s: float | None = None) -> str:
    """Return a note on the instrument: an interrupted run, or a loop lag that is not small.

    Args:
        drawn_s: the time that the figure is about, in seconds; a lag (p99) of more than a tenth of it is noted.
    """
    lags = [lag for table in tables if (lag := table.attrs.get("loop_lag_p99_s")) is not None]
    told = []
    if lags and drawn_s is not None and max(lags) > drawn_s / 10:
        told.append(f"the measuring loop woke up to {seconds(max(lags))} late (p99): times are no better than that")
    if any(table.attrs.get("partial") for table in tables):
        told.append("partial run: interrupted before its end")
    return "; ".join(told)


def dress(
    ax: Axes,
    *,
    kind: str,
    title: str,
    xlabel: str,
    ylabel: str = "",
    note: str = "",
    handles: Sequence[Artist] = (),
    details: Sequence[str] = (),
) -> Axes:
    """Finish a drawn Axes: quiet frame, labels, legend between title and data, note, text alternative.

    Args:
        kind: the sort of figure, for the text alternative.
        details: what it shows, for the text alternative. Empty: the legend's entries.
    """
    told = "; ".join(details or [str(handle.get_label()) for handle in handles])
    ax.set_label(". ".join(filter(None, (kind, title, told, note))) + ".")
    ax.spines[["top", "right"]].set_visible(False)
    ax.spines[["left", "bottom"]].set_color(QUIET)
    ax.tick_params(which="both", color=QUIET)
    ax.tick_params(labelsize=SMALL_PT)
    ax.set_axisbelow(True)
    ax.set_ylabel(ylabel)
    ax.set_xlabel("\n".join(filter(None, [xlabel, _wrapped(note, _characters(ax, SMALL_PT))])))
    legend_pt = _legend_above(ax, handles) if handles else 0.0
    wrapped = _wrapped(title, _characters(ax, TITLE_PT))
    ax.set_title(wrapped, loc="left", fontsize=TITLE_PT, color=INK, pad=6.0 + legend_pt)
    take_literally(ax)
    return ax


def _characters(ax: Axes, font_pt: float) -> int:
    return max(12, int(size_in(ax)[0] * 72 / (font_pt * _CHARACTER_EM)))


def _wrapped(text: str, characters: int) -> str:
    """Break a text into lines, but never between a number and what it counts."""
    if cell_len(text) > len(text):  # Japanese: characters of double width, and no spaces to break at
        return "\n".join(
            text[start:end].rstrip() for start, end in pairwise([0, *line_ends(text, characters), len(text)])
        )
    glue = "\N{NO-BREAK SPACE}"
    return textwrap.fill(re.sub(r"(?<=\d) ", glue, text), characters).replace(glue, " ")


def _legend_above(ax: Axes, handles: Sequence[Artist]) -> float:
    """Put the legend above the Axes in as many columns as fit its width; return its height in points."""
    room, beside = _characters(ax, SMALL_PT), 7  # in characters; a handle and its gaps take `beside`
    for handle in handles:
        handle.set_label(_wrapped(str(handle.get_label()), room - beside))
    widths = [max(map(cell_len, str(handle.get_label()).splitlines())) + beside for handle in handles]
    columns = len(widths)
    while columns > 1 and sum(max(part) for part in np.array_split(widths, columns)) > room:
        columns -= 1
    ax.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1),
        ncols=columns,
        fontsize=SMALL_PT,
        frameon=False,
        borderpad=0,
        borderaxespad=0.5,
        handlelength=2.0,
        columnspacing=1.6,
        labelspacing=0.4,
    )
    lines = [str(handle.get_label()).count("\n") + 1 for handle in handles]
    return sum(sorted(lines, reverse=True)[: ceil(len(lines) / columns)]) * SMALL_PT * 1.5 + 4


def marked(look: Look, size_pt: float) -> dict[str, Any]:
    """Return the arguments that make markers of this look, and no line, of `Axes.plot` or Line2D."""
    return {
        "marker": look.marker,
        "linestyle": "none",
        "markersize": size_pt,
        "markerfacecolor": look.color,
        "markeredgecolor": look.edge,
        "markeredgewidth": 0.08 * size_pt,
    }


def lined(look: Look, width_pt: float = 1.5) -> dict[str, Any]:
    """Return the arguments that make lines of this look."""
    return {"color": look.color, "linestyle": look.linestyle, "linewidth": width_pt}


def filled(look: Look) -> dict[str, Any]:
    """Return the arguments that make areas of this look, of `Axes.bar` or Patch."""
    return {"facecolor": look.color, "edgecolor": "white", "hatch": look.hatch, "linewidth": 0.5}


def name_rows(ax: Axes, names: Sequence[str]) -> None:
    """Give the y axis one named row for each name, the first on top."""
    ax.set_yticks(range(len(names)), names)
    ax.set_ylim(max(len(names), 1) - 0.4, -0.6)
    ax.tick_params(axis="y", length=0)


def scale_bytes(ax: Axes, smallest: float, largest: float) -> str:
    """Scale the x axis by powers of two, or in exact bytes where all sizes are close; return the scale's name."""
    if smallest == largest:
        ax.set_xlim(smallest - 1, largest + 1)
    if largest <= 4 * max(smallest, 1):
        ax.xaxis.set_major_locator(MaxNLocator(nbins=7, integer=True, min_n_ticks=1))
        ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        return "bytes"
    if smallest < 1:  # a logarithm has no place for the empty message
        ax.set_xscale("symlog", base=2, linthresh=1.0, linscale=0.5)
    else:
        ax.set_xscale("log", base=2)
    powers = range(int(max(smallest, 1)).bit_length() - 1, int(largest).bit_length() + 1)
    stride = next(stride for stride in (1, 2, 4, 5, 10, 20) if len(powers) <= 8 * stride)
    labelled = [2.0**power for power in powers if power % stride == 0]
    ax.xaxis.set_major_locator(FixedLocator([0.0, *labelled] if smallest < 1 else labelled))
    ax.xaxis.set_minor_locator(FixedLocator([2.0**power for power in powers]))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: kibi(value)))
    ax.xaxis.set_minor_formatter(NullFormatter())
    return "bytes, logarithmic"


def describe(drawn: Axes | Figure) -> str:
    """Return the text alternative of a figure, computed from the same table, for alt texts and captions."""
    axes = [drawn] if isinstance(drawn, Axes) else drawn.axes
    return " ".join(printable(str(ax.get_label())) for ax in axes)


def save(drawn: Axes | Figure, path: str | os.PathLike[str], *, dpi: int = 144) -> Path:
    """Write the figure to `path`, a .png or .svg, with its text alternative as metadata; return the path.

    The same figure makes the same bytes: there is no date and no random identifier.

    Raises:
        UnwritableError: the path cannot be written; an existing file stays.
        ValueError: the path has another ending.
    """
    target = Path(path)
    if target.suffix not in (".png", ".svg"):
        raise BadValueError(f"path is {str(path)!r}, but must end in .png or .svg")
    figure = _root(drawn) if isinstance(drawn, Axes) else drawn
    make_legible(figure)
    metadata = {"Description": describe(drawn)} | ({"Date": None} if target.suffix == ".svg" else {})
    file = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "wslab"}):
        figure.savefig(file, format=target.suffix[1:], dpi=dpi, metadata=metadata)
    return write_whole(target, file.getvalue())
