"""Herds as the page draws them: attempts in each bin, when clients were back, and the numbers that tell them apart."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil
from typing import Any

import numpy as np
import pandas as pd

from wslab.core.herds.returning import Returning
from wslab.core.herds.simulated import BIN_S
from wslab.panels.herds import Beside
from wslab.panels.policies import curve_look
from wslab.panels.shown import ShownTable, shown_table
from wslab.views.style import GROUPS
from wslab.views.words import seconds

SHARES = 200
"""A curve of clients that are back has no more steps than this."""


def curves(herds: Iterable[Beside], places: Mapping[str, int]) -> list[dict[str, Any]]:
    """Return what the page needs to draw them, each in its place among `GROUPS`."""
    return [
        {
            "name": one.name,
            "look": curve_look(GROUPS[places[one.name]]),
            "simulated": _curve(one.prediction, 1.0),
            "real": None if one.measured is None else _curve(one.measured, one.scale),
        }
        for one in herds
    ]


def _curve(seen: Returning, scale: float) -> dict[str, Any]:
    attempts = np.trim_zeros(seen.attempts, "b") * scale
    return {
        "clients": seen.outages,
        "scale": round(scale, 3),
        "from_s": round(float(seen.edges_s[0]), 3),
        "bin_s": BIN_S,
        "attempts": [round(count, 2) for count in attempts.tolist()],
        "back": [[share, round(time_s, 3)] for share, time_s in _shares(seen)],
        "end_s": round(float(seen.edges_s[-1]), 3),
    }


def _shares(seen: Returning) -> Iterable[tuple[float, float]]:
    """Yield shares of all clients, each with the time after which so many were back."""
    steps = min(SHARES, seen.outages)
    for step in range(1, steps + 1):
        rank = ceil(step / steps * seen.outages) - 1
        if rank < len(seen.times_s):
            yield step / steps, float(seen.times_s[rank])


def counters(herds: Sequence[Beside]) -> ShownTable:
    """Return the numbers that tell policies apart, one row per policy; a real herd's at the simulated one's size."""
    columns: dict[str, Callable[[Returning, float], str]] = {
        "peak attempts per s": lambda seen, scale: f"{seen.peak_per_s * scale:,.0f}",
        "attempts": lambda seen, scale: f"{seen.attempts.sum() * scale:,.0f}",
        "half back after": lambda seen, _: _after(seen.half_back_s),
        "last back after": lambda seen, _: _after(seen.times_s.max() if seen.times_s.size else None),
        "gave up": lambda seen, scale: f"{seen.gave_up * scale:,.0f}",
    }
    rows = [{"policy": one.name} | {name: _both(one, tell) for name, tell in columns.items()} for one in herds]
    return shown_table(f"What the server and its clients met{_scales(herds)}", pd.DataFrame(rows), folded=False)


def _both(one: Beside, tell: Callable[[Returning, float], str]) -> str:
    predicted = tell(one.prediction, 1.0)
    return predicted if one.measured is None else f"{predicted} · real {tell(one.measured, one.scale)}"


def _after(time_s: float | None) -> str:
    return "never" if time_s is None else seconds(time_s)


def _scales(herds: Sequence[Beside]) -> str:
    scaled = {(one.measured.outages, one.scale) for one in herds if one.measured and one.scale != 1}
    told = ", ".join(f"each of {clients:,} real clients counts {scale:,.3g} times" for clients, scale in sorted(scaled))
    return f"; {told}" if told else ""


def per_second(herds: Iterable[Beside]) -> ShownTable:
    """Return the attempts in each second, a column a herd, as they were counted."""
    columns: dict[str, pd.Series[float]] = {}
    for one in herds:
        columns[one.name] = _by_second(one.prediction)
        if one.measured is not None:
            columns[f"{one.name}, {one.measured.outages:,} real"] = _by_second(one.measured)
    table = pd.DataFrame(columns).fillna(0).astype(int).rename_axis("second")
    return shown_table("Attempts in each second since the server went down", table.reset_index())


def _by_second(seen: Returning) -> pd.Series[float]:
    starts = np.floor(seen.edges_s[:-1] + BIN_S / 2).astype(int)
    return pd.Series(seen.attempts).groupby(starts).sum()
