"""A herd in a few numbers, for commands and captions, the same for a run and a simulation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from wslab.core.herds.returning import AnyHerd, returning
from wslab.core.intervals import quantile_in_order
from wslab.core.records import Attempt
from wslab.core.runs import Run

SHARES = {"p50": 0.5, "p90": 0.9, "p99": 0.99, "max": 1.0}


def herd_summary(herd: AnyHerd) -> dict[str, Any]:
    """Return a herd's summary, as a JSON document; measurements of the instrument are None for a simulation.

    Keys:
        clients; away: not connected at the end; never_connected: those that had never been connected; gave_up: those
            whose policy made no further attempt.
        connects_per_s: opening handshakes completed while the herd gathered; None for fewer than two.
        client_bytes_per_connection: None if it was not measured.
        lag_p99_s: how late the measuring loops were; start_delay_p99_s: how late attempts to come back began. Compare
            both with smallest_delay_s, the smallest delay that the policy drew for them.
        close_codes: close code → connections lost with it.
        time_to_reconnect_s: p50, p90, p99 and max (see `quantile`); None if nobody came back.
        attempts: to come back; peak_attempts_per_s: in the busiest `BIN_S`.

    Raises:
        TypeError: it is neither a run nor a simulated herd.
    """
    seen = returning(herd)
    return {
        "clients": seen.clients,
        **_measured(herd),
        "start_delay_p99_s": seen.start_delay_p99_s,
        "smallest_delay_s": seen.smallest_delay_s,
        "close_codes": _close_codes(herd),
        "time_to_reconnect_s": {name: quantile_in_order(seen.times_s, share) for name, share in SHARES.items()},
        "attempts": int(seen.attempts.sum()),
        "peak_attempts_per_s": seen.peak_per_s,
        "away": seen.never_connected + sum(seen.away.values()),
        "never_connected": seen.never_connected,
        "gave_up": seen.gave_up,
        "partial": seen.partial,
    }


def _measured(herd: AnyHerd) -> dict[str, float | None]:
    if not isinstance(herd, Run):
        return dict.fromkeys(("connects_per_s", "client_bytes_per_connection", "lag_p99_s"))
    return {
        "connects_per_s": _connects_per_s(attempt for attempt in herd.attempts if not attempt.outage),
        "client_bytes_per_connection": herd.info.measured.get("client_bytes_per_connection"),
        "lag_p99_s": herd.info.loop_lag_p99_s,
    }


def _close_codes(herd: AnyHerd) -> dict[int, int]:
    if isinstance(herd, Run):
        return dict(sorted(Counter(outage.close_code for outage in herd.outages).items()))
    return {herd.scenario.close_code: herd.clients}


def _connects_per_s(attempts: Iterable[Attempt]) -> float | None:
    opened = [attempt for attempt in attempts if attempt.outcome == "opened"]
    if len(opened) < 2:
        return None
    began_s, ended_s = min(a.started_at_s for a in opened), max(a.ended_at_s for a in opened)
    return len(opened) / (ended_s - began_s)
