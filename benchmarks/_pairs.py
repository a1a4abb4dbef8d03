"""Measure two things in turns and compare them: a slow spell of the machine then hits both."""

from __future__ import annotations

import statistics
from collections.abc import Callable


def compare(what: str, ours: Callable[[], float], theirs: Callable[[], float], *, rounds: int, promised: float) -> None:
    """Print both medians in milliseconds and the median of the ratios, round by round, with its range.

    Args:
        ours, theirs: measure once, and return seconds.
        promised: the ratio that the project promises not to exceed.
    """
    ours(), theirs()  # a round to warm up: files cached, code compiled
    pairs = [(ours(), theirs()) for _ in range(rounds)]
    ratios = sorted(own / other for own, other in pairs)
    own_ms, other_ms = (statistics.median(column) * 1e3 for column in zip(*pairs, strict=True))
    print(
        f"{what}: {own_ms:.2f} ms against {other_ms:.2f} ms, "
        f"ratio {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f}, n = {rounds}), "
        f"promised at most {promised}",
        flush=True,
    )
