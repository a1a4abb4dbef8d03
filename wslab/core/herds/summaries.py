"""Runs in a few numbers: what a command prints and a caption says, computed from the records and nothing else."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from wslab.core.records import Attempt
from wslab.core.runs import Run

BIN_S = 0.1
"""Width of the bins in which attempts are counted; a peak per second is that of one bin."""


def quantile(values: Sequence[float], q: float) -> float | None:
    """Return the smallest value that at least the share `q` of `values` does not exceed; None of none.

    >>> quantile([3.0, 1.0, 2.0], 0.5)
    2.0
    """
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(q * len(values)) - 1)]


def herd_summary(run: Run) -> dict[str, Any]:
    """Return what a herd did, as a document for JSON.

    Keys:
        clients; gave_up: those who were away at the end.
        connects_per_s: opening handshakes completed while the herd gathered; None for fewer than two.
        client_bytes_per_connection: None where it was not measured.
        lag_p99_s: how late the measuring loops were; start_delay_p99_s: how late attempts to come back began;
            smallest_delay_s: the least that the policy drew for them, which the two are to be compared with.
        close_codes: with which connections were lost → how often.
        time_to_reconnect_s: p50, p90, p99 and max; None where nobody came back.
        attempts: to come back; peak_attempts_per_s: in the busiest `BIN_S`.
    """
    returning = [attempt for attempt in run.attempts if attempt.outage]
    times = [outage.time_to_reconnect_s for outage in run.outages if outage.time_to_reconnect_s is not None]
    return {
        "clients": len({attempt.client for attempt in run.attempts}),
        "connects_per_s": _connects_per_s(attempt for attempt in run.attempts if not attempt.outage),
        "client_bytes_per_connection": run.info.measured.get("client_bytes_per_connection"),
        "lag_p99_s": run.info.loop_lag_p99_s,
        "start_delay_p99_s": quantile([attempt.started_at_s - attempt.due_at_s for attempt in returning], 0.99),
        "smallest_delay_s": min((attempt.delay_s for attempt in returning), default=None),
        "close_codes": dict(sorted(Counter(outage.close_code for outage in run.outages).items())),
        "time_to_reconnect_s": {
            name: quantile(times, q) for name, q in [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("max", 1.0)]
        },
        "attempts": len(returning),
        "peak_attempts_per_s": peak_attempts_per_s(returning),
        "gave_up": sum(outage.gave_up is not None for outage in run.outages),
        "partial": run.info.partial,
    }


def peak_attempts_per_s(attempts: Iterable[Attempt]) -> float:
    """Return how many attempts began in the busiest `BIN_S`, per second."""
    bins = Counter(math.floor(attempt.started_at_s / BIN_S) for attempt in attempts)
    return max(bins.values(), default=0) / BIN_S


def _connects_per_s(attempts: Iterable[Attempt]) -> float | None:
    opened = [attempt for attempt in attempts if attempt.outcome == "opened"]
    if len(opened) < 2:
        return None
    began_s, ended_s = min(a.started_at_s for a in opened), max(a.ended_at_s for a in opened)
    return len(opened) / (ended_s - began_s)
