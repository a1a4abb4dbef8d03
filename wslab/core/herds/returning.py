"""How a herd came back: the same few arrays for a run and a simulation, from which all summaries and figures derive.

A simulation of a million clients keeps no attempts, only their number over time, so a run is reduced to that as well.
Times count from when the server first went down.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from wslab.core.errors import BadTypeError, BadValueError
from wslab.core.herds.scenario import FloatArray
from wslab.core.herds.simulated import BIN_S, Counts, SimulatedHerd, peak_per_s
from wslab.core.intervals import quantile, quantile_in_order
from wslab.core.runs import Run

AnyHerd: TypeAlias = SimulatedHerd | Run
"""A simulated herd, or the run of one: real, or simulated and turned into a run."""


MAX_BINS = 20_000_000
"""Three weeks: a file may contain any time."""


@dataclass(frozen=True, eq=False)
class Returning:
    """The return of one herd.

    Fields:
        clients: the size of the herd. never_connected: clients that were never connected.
        outages: one per client, for one restart.
        edges_s: the edges of bins of `BIN_S`; one is at 0.
        counts: outcome → attempts to come back that began in each bin.
        down: when the server was down, from and to; to inf if it did not come up again.
        capacity_per_s: opening handshakes that the server answers per second. None: no limit, or unknown.
        times_s: times to reconnect of the clients that came back, sorted.
        back: clients that came back in each bin.
        away: why clients were away at the end → number of clients. gave_up: those whose policy made no further attempt.
        start_delay_p99_s: how late attempts to come back began. smallest_delay_s: the smallest delay drawn for them.
            Both are None for a simulation, and without attempts.
        partial: the run was cut short.
    """

    clients: int
    never_connected: int
    outages: int
    edges_s: FloatArray
    counts: Mapping[str, Counts]
    down: tuple[tuple[float, float], ...]
    capacity_per_s: float | None
    times_s: FloatArray
    back: Counts
    away: Mapping[str, int]
    gave_up: int
    start_delay_p99_s: float | None
    smallest_delay_s: float | None
    partial: bool

    @property
    def attempts(self) -> Counts:
        """Attempts in each bin, whatever their outcome."""
        return sum(self.counts.values(), start=np.zeros(len(self.edges_s) - 1, np.int64))

    @property
    def opened(self) -> Counts:
        """Attempts in each bin that brought a client back."""
        return self.counts.get("opened", np.zeros(len(self.edges_s) - 1, np.int64))

    @property
    def peak_per_s(self) -> float:
        """The rate of attempts in the fullest bin."""
        return peak_per_s(self.attempts)

    @property
    def half_back_s(self) -> float | None:
        """The time after which half of all outages were over; None if half never were."""
        half = -(-self.outages // 2)
        return quantile_in_order(self.times_s[:half], 1.0) if half <= len(self.times_s) else None


def returning(herd: AnyHerd) -> Returning:
    """Return how a herd came back.

    Raises:
        TypeError: it is neither a run nor a simulated herd.
    """
    match herd:
        case SimulatedHerd():
            return _of_simulation(herd)
        case Run():
            return _of_run(herd)
    raise BadTypeError(
        f"herd is {herd!r}, but must be a Run of herd_drill or restart_drill, or what simulate_herd returns"
    )


def _of_simulation(herd: SimulatedHerd) -> Returning:
    times_s = herd.time_to_reconnect_s
    back = ~np.isnan(times_s)
    bins = max(map(len, herd.attempts_per_bin.values()), default=1)
    edges_s = _edges(np.array([(bins - 1) * BIN_S]), herd.reopened_at_s[back])
    away = {herd.why_not_back(still_out): np.sum(~back & (herd.still_out == still_out)) for still_out in (False, True)}
    return Returning(
        clients=herd.clients,
        never_connected=0,
        outages=herd.clients,
        edges_s=edges_s,
        counts={name: np.pad(own, (0, len(edges_s) - 1 - len(own))) for name, own in herd.attempts_per_bin.items()},
        down=((0.0, herd.scenario.downtime_s),),
        capacity_per_s=herd.scenario.max_admissions_per_s,
        times_s=np.sort(times_s[back]),
        back=np.histogram(herd.reopened_at_s[back], edges_s)[0],
        away={why: int(count) for why, count in away.items() if count},
        gave_up=herd.gave_up,
        start_delay_p99_s=None,
        smallest_delay_s=None,
        partial=False,
    )


def _of_run(run: Run) -> Returning:
    downs = [(r.down_at_s, r.up_at_s) for r in run.restarts if r.down_at_s is not None]
    zero_s = min((down_at_s for down_at_s, _ in downs), default=0.0)
    tried = [attempt for attempt in run.attempts if attempt.outage]
    started_s = np.array([attempt.started_at_s for attempt in tried]) - zero_s
    outcomes = np.array([attempt.outcome for attempt in tried], dtype=str)
    back_s = np.array([o.reopened_at_s for o in run.outages if o.reopened_at_s is not None], dtype=float) - zero_s
    edges_s = _edges(started_s, back_s)
    knobs = run.info.knobs
    known = knobs.max_admissions_per_s if knobs else run.info.parameters.get("max_admissions_per_s")
    times_s = [outage.time_to_reconnect_s for outage in run.outages if outage.time_to_reconnect_s is not None]
    clients, connected = _clients(run)
    return Returning(
        clients=clients,
        never_connected=clients - connected,
        outages=len(run.outages),
        edges_s=edges_s,
        counts={str(name): np.histogram(started_s[outcomes == name], edges_s)[0] for name in np.unique(outcomes)},
        down=tuple((down - zero_s, np.inf if up is None else up - zero_s) for down, up in downs),
        capacity_per_s=known,
        times_s=np.sort(np.array(times_s, dtype=float)),
        back=np.histogram(back_s, edges_s)[0],
        away=Counter(outage.gave_up for outage in run.outages if outage.gave_up is not None),
        gave_up=sum(outage.gave_up is not None and not outage.cut_short for outage in run.outages),
        start_delay_p99_s=quantile([attempt.started_at_s - attempt.due_at_s for attempt in tried], 0.99),
        smallest_delay_s=min((attempt.delay_s for attempt in tried), default=None),
        partial=run.info.partial,
    )


def _clients(run: Run) -> tuple[int, int]:
    """Return the number of clients, and how many of them were ever connected."""
    opened = {attempt.client for attempt in run.attempts if attempt.outcome == "opened"}
    connected = opened | {outage.client for outage in run.outages}  # a simulation begins with their closing
    wanted = run.info.parameters.get("clients")
    tried = len(connected | {attempt.client for attempt in run.attempts})
    return max(tried, wanted if isinstance(wanted, int) else 0), len(connected)


def _edges(*times_s: FloatArray) -> FloatArray:
    """Return edges of bins that cover all times, and 0, when the server went down."""
    first, last = (np.floor(extreme / BIN_S) for extreme in _extremes(np.concatenate([*times_s, [0.0]])))
    if last - first > MAX_BINS:
        raise BadValueError(
            f"the run's times are {(last - first) * BIN_S:,.0f} s apart, but bins of {BIN_S:g} s cover at most "
            f"{MAX_BINS * BIN_S:,.0f} s; the file is damaged, or not of a herd"
        )
    return np.arange(first, last + 2) * BIN_S


def _extremes(values: FloatArray) -> tuple[float, float]:
    return float(values.min()), float(values.max())
