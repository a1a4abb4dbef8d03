"""How findings write times, and how connections ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from wslab.core.codes.registry import lookup
from wslab.core.findings.finding import quoted
from wslab.core.findings.lives import Life

_TCP = {"fin": "FIN", "reset": "RST", "aborted": "an abort on this side", "unseen": "an end that nobody saw"}


def seconds(value_s: float) -> str:
    """Write a time for a reader.

    >>> seconds(0.31), seconds(60.04), seconds(599.96), seconds(7205.0)
    ('0.31 s', '60.0 s', '10 min 0 s', '2 h 0 min')
    """
    if value_s < 119.5:
        return f"{value_s:.2f} s" if value_s < 10 else f"{value_s:.1f} s"
    minutes, rest = divmod(round(value_s), 60)
    return f"{minutes} min {rest} s" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def range_of(times_s: Sequence[float]) -> str:
    """Write the shortest and the longest of these times, such as `12.0 s to 77.0 s`."""
    first, last = seconds(min(times_s)), seconds(max(times_s))
    return first if first == last else f"{first} to {last}"


def ages(lives: Sequence[Life]) -> str:
    """Write how old these connections became."""
    return range_of([life.age_s for life in lives])


def ended_how(lives: Sequence[Life]) -> str:
    """Say how these connections ended: the close frame that came most often, or what TCP did."""
    ends = Counter(_end(life) for life in lives if life.seen is not None)
    return ends.most_common(1)[0][0] if ends else "without a trace"


def _end(life: Life) -> str:
    assert life.seen is not None
    closure = life.seen.closure
    if closure.received is None:
        return f"by TCP's {_TCP[closure.tcp_end]} without a close frame (1006)"
    reason = f" {quoted(closure.received.reason)}" if closure.received.reason else ""
    return f"with {lookup(closure.received.code).label}{reason}"
