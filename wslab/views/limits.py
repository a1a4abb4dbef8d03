"""Figures about limits: which ways past one pass, and what a limit costs.

As in `wslab.views.plots`: a table in, an Axes out, with the finding as title, and a text alternative.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from wslab.core.knobs import MIB
from wslab.views import tables
from wslab.views.axes import SMALL_PT, dress, lined, marked, name_rows, new_axes, notes, require, scale_bytes
from wslab.views.groups import Groups, grouped, looks_of, meanings
from wslab.views.several import drawn_from
from wslab.views.style import INK, SHADE, look
from wslab.views.words import about, counted


@drawn_from(tables.passages)
def ways_that_pass(passages: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw which ways around a limit pass: one row per content, plain and compressed, one column per way.

    Args:
        passages: a run of `frames_question`, or several, drawn one below the other; or their `tables.passages`.
    """
    columns = ["way", "payload_kind", "payload_bytes", "offered", "compression", "passed", "messages", "fragments"]
    require("passages", passages, [*columns, "wire_bytes"])
    table = passages.assign(content=_contents(passages), meaning=meanings(passages))
    blocks = [(name, grouped(block, "content")) for name, block in grouped(table, None)]
    ways = list(table["way"].unique())
    ax = ax or new_axes(1.0 + 0.4 * sum(len(contents) + bool(name) for name, contents in blocks))
    rows: list[str] = []
    for name, contents in blocks:
        rows += _draw_block(ax, len(rows), name, contents, ways)
    name_rows(ax, rows)
    ax.set_xticks(range(len(ways)), [_named(way, table[table["way"] == way]) for way in ways])
    ax.set_xlim(-0.5, max(len(ways), 1) - 0.5)
    ax.xaxis.tick_top()
    ax.tick_params(length=0)
    ax.spines[["left", "bottom"]].set_visible(False)
    told = [
        f"{name} {content} as {offer['way']}: {_words(offer)}".strip()
        for name, contents in blocks
        for content, offers in contents
        for _, offer in offers.iterrows()
    ]
    return dress(
        ax,
        kind="Grid of contents and ways",
        title=_passed(table),
        xlabel=f"what {_contents_bytes(table)} met, and how many went over the wire",
        details=told,
        note=notes([passages]),
    )


def _contents(passages: pd.DataFrame) -> pd.Series[str]:
    """Return the content that was offered, and whether it was compressed."""
    how = np.where(passages["compression"], ", compressed", np.where(passages["offered"], ", not agreed", ""))
    return passages["payload_kind"] + how


def _draw_block(ax: Axes, top: int, name: str, contents: Groups, ways: Sequence[str]) -> list[str]:
    """Draw the offers of one run from row `top` on, below its name if it has one; return the row names."""
    rows = [""] if name else []
    ax.text(-0.48, top + 0.2, name, va="center", weight="bold", color=INK, fontsize=SMALL_PT)
    for content, offers in contents:
        for _, offer in offers.iterrows():
            _draw_offer(ax, ways.index(offer["way"]), top + len(rows), offer)
        rows.append(content)
    return rows


def _draw_offer(ax: Axes, column: int, row: int, offer: pd.Series[Any]) -> None:
    own = look("accepted" if offer["passed"] else offer["meaning"])
    ax.add_patch(Rectangle((column - 0.48, row - 0.44), 0.96, 0.88, facecolor=own.color, alpha=0.13, edgecolor="none"))
    ax.plot(column - 0.41, row, **marked(own, 8.0))
    ax.text(column - 0.34, row, _words(offer), va="center", fontsize=SMALL_PT, color=INK)


def _words(offer: pd.Series[Any]) -> str:
    return f"{'passed' if offer['passed'] else offer['meaning']}, {counted(offer['wire_bytes'], 'byte')}"


def _named(way: str, offers: pd.DataFrame) -> str:
    """Name a way with the number of its pieces."""
    return f"as {offers[way].max()} {way}" if way in offers else f"as {way}"


def _passed(offers: pd.DataFrame) -> str:
    if offers.empty:
        return "Nothing was offered"
    counts = [f"{own.sum()} of {len(own)} as {way}" for way, own in offers.groupby("way", sort=False)["passed"]]
    return "Passed: " + ", ".join(counts)


def _contents_bytes(offers: pd.DataFrame) -> str:
    return " or ".join(counted(size, "byte") for size in sorted(offers["payload_bytes"].unique()))


@drawn_from(tables.footprints)
def memory_held(footprints: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """Draw a server's memory against its limit: one line per number of half-sent messages.

    Args:
        footprints: a run of `limit_cost`, or its `tables.footprints`. Plain messages have filled markers on lines,
            compressed ones hollow markers.
    """
    columns = ["max_message_bytes", "resident_bytes", "compression", "connections", "half_sent", "sent_wire_bytes"]
    require("footprints", footprints, columns)
    ax = ax or new_axes(4.2)
    table = footprints[footprints["connections"] > 0].sort_values("max_message_bytes")
    limits = table["max_message_bytes"].astype(float)
    scale = scale_bytes(ax, limits.min(), limits.max()) if len(table) else "bytes"
    groups = grouped(table, "half_sent")
    for (count, group), own in zip(groups, looks_of(groups, "half_sent"), strict=True):
        plain, compressed = group[~group["compression"]], group[group["compression"]]
        ax.plot(plain["max_message_bytes"], plain["resident_bytes"] / MIB, **(marked(own, 6.0) | lined(own)))
        hollow = marked(own, 9.0) | {"markerfacecolor": "none", "markeredgewidth": 1.2}
        ax.plot(compressed["max_message_bytes"], compressed["resident_bytes"] / MIB, **hollow)
        _label_end(ax, group, "idle" if count == "0" else f"{count} half-sent")
    ax.set_ylim(bottom=0)
    ax.margins(x=0.04)
    ax.grid(axis="y", color=SHADE, linewidth=0.6)
    return dress(
        ax,
        kind="Memory against limit",
        title=_worst(table),
        xlabel=f"limit on messages ({scale})",
        ylabel="memory of the server's process (MiB)",
        handles=_plain_and_compressed(table),
        details=[_footprint(row) for _, row in table.iterrows()],
        note=notes([footprints]),
    )


def _label_end(ax: Axes, group: pd.DataFrame, label: str) -> None:
    """Name a line at its right end."""
    last = group.iloc[-1]
    ax.annotate(
        label,
        (last["max_message_bytes"], last["resident_bytes"] / MIB),
        xytext=(9, 0),
        textcoords="offset points",
        va="center",
        fontsize=SMALL_PT,
        color=INK,
        annotation_clip=False,
    )


def _plain_and_compressed(table: pd.DataFrame) -> list[Line2D]:
    """Return the legend of filled and hollow markers, with how much was sent."""
    handles = []
    for compressed, group in table.groupby("compression"):
        label = f"{'compressed' if compressed else 'plain'}: up to {about(group['sent_wire_bytes'].max())} sent in all"
        face = "none" if compressed else INK
        handles.append(
            Line2D([], [], marker="o", linestyle="none", markeredgecolor=INK, markerfacecolor=face, label=label)
        )
    return handles


def _footprint(row: pd.Series[Any]) -> str:
    how = "compressed" if row["compression"] else "plain"
    return (
        f"limit {about(row['max_message_bytes'])}, {row['half_sent']} half-sent, {how}: {about(row['resident_bytes'])} "
        f"for {about(row['sent_wire_bytes'])} sent"
    )


def _worst(table: pd.DataFrame) -> str:
    """Say how much more memory than an idle server was held at most."""
    if not table["half_sent"].any():
        return "Nothing was half sent"
    idle = table[table["half_sent"] == 0].groupby(["start"])["resident_bytes"].min()
    held = table["resident_bytes"] - table["start"].map(idle)
    if held.isna().all():
        return "Held memory is not known: no server was measured while idle"
    most = table.iloc[held.argmax()]
    return (
        f"{counted(most['half_sent'], 'half-sent message')} under a limit of {about(most['max_message_bytes'])} "
        f"make the server hold {about(held.max())} more than an idle one"
    )
