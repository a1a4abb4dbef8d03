"""The outcome of a simulated herd: each client's outage, all attempts in bins, and, for a small herd, every attempt.

A herd whose attempts were kept turns into a `Run` with the same records as a real one, and nothing above can tell them
apart. A large herd has only the aggregates.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, get_args

import msgspec
import numpy as np
import numpy.typing as npt

from wslab.core.errors import BadValueError
from wslab.core.herds.scenario import FloatArray, Scenario
from wslab.core.intervals import quantile_in_order
from wslab.core.policies.policy import Policy
from wslab.core.records import RUN_ENDED, Attempt, AttemptOutcome, Outage, Record, Restart, RunInfo
from wslab.core.runs import Run

Counts = npt.NDArray[np.int64]
Codes = npt.NDArray[np.int8]

BIN_S = 0.1
"""Width of the bins in which attempts are counted; a peak per second is the rate in one bin."""

OUTCOMES: tuple[AttemptOutcome, ...] = get_args(AttemptOutcome)
HTTP_STATUS: Mapping[AttemptOutcome, int] = {"opened": 101, "rejected": 503}


class Tried(NamedTuple):
    """Attempts, with an array per field; `outcome` is an index into `OUTCOMES`."""

    client: Counts
    number: Counts
    delay_s: FloatArray
    started_at_s: FloatArray
    ended_at_s: FloatArray
    outcome: Codes


NOTHING_TRIED = Tried._make(np.zeros(0, kind) for kind in (np.int64, np.int64, float, float, float, np.int8))


def peak_per_s(counts: Counts) -> float:
    """Return the rate in the fullest bin."""
    return float(counts.max(initial=0) / BIN_S)


@dataclass(frozen=True, eq=False)
class SimulatedHerd:
    """The outcome of one simulation. Times are virtual seconds; 0 is when the listener closed.

    Fields:
        closed_at_s, reopened_at_s: per client; NaN if it did not come back.
        attempts: number per client.
        still_out: whether a client was still trying when the simulation ended (`Scenario.until_s`).
        attempts_per_bin: outcome → attempts started in each `BIN_S`, from 0 on; only outcomes that occurred.
        kept: every attempt, in the order of their ends; None if they were not kept.
    """

    clients: int
    policy: Policy
    scenario: Scenario
    seed: int
    closed_at_s: FloatArray
    reopened_at_s: FloatArray
    attempts: npt.NDArray[np.int32]
    still_out: npt.NDArray[np.bool_]
    attempts_per_bin: Mapping[AttemptOutcome, Counts]
    kept: Tried | None

    @property
    def time_to_reconnect_s(self) -> FloatArray:
        """Seconds from closure to reopening, per client; NaN if it did not come back."""
        return self.reopened_at_s - self.closed_at_s

    @property
    def gave_up(self) -> int:
        """The number of clients that stopped trying without coming back."""
        return int(np.count_nonzero(np.isnan(self.reopened_at_s) & ~self.still_out))

    @property
    def peak_attempts_per_s(self) -> float:
        """The rate of attempts in the fullest bin."""
        return peak_per_s(sum(self.attempts_per_bin.values(), start=np.zeros(1, np.int64)))

    def quantiles(self, shares: Iterable[float] = (0.5, 0.9, 0.99, 1.0)) -> dict[float, float | None]:
        """Return share → time to reconnect, in seconds, of the clients that came back; None if none did."""
        back = self.time_to_reconnect_s
        back = np.sort(back[~np.isnan(back)])
        return {share: quantile_in_order(back, share) for share in shares}

    def __repr__(self) -> str:
        median, *_ = self.quantiles((0.5,)).values()
        back = "nobody came back" if median is None else f"half were back after {median:.3g} s"
        return (
            f"<Herd of {self.clients:,}, policy {self.policy.name!r}: {back}, {self.gave_up:,} gave up, "
            f"{np.count_nonzero(self.still_out):,} still tried; "
            f"{self.attempts.sum(dtype=np.int64):,} attempts, at most {self.peak_attempts_per_s:,.0f} per second>"
        )

    def to_run(self, started_at: str = "1970-01-01T00:00:00+00:00") -> Run:
        """Return the herd as a run of `Restart`, `Attempt` and `Outage` records, like a real one.

        Args:
            started_at: ISO 8601, for the file; a simulation has no wall clock.

        Raises:
            ValueError: the attempts were not kept.
        """
        if self.kept is None:
            raise BadValueError(
                f"the attempts of {self.clients:,} clients were not kept; simulate with keep_attempts=True, or use the "
                "aggregates"
            )
        duration_s = max(self.scenario.downtime_s, float(self.kept.ended_at_s.max(initial=0)))
        records = (self._restart(), *self._attempts(self.kept), *self._outages())
        return Run(self._info(started_at, duration_s), records)

    def _restart(self) -> Record:
        return Restart(number=1, kind="graceful", requested_at_s=0.0, down_at_s=0.0, up_at_s=self.scenario.downtime_s)

    def _attempts(self, kept: Tried) -> Iterator[Attempt]:
        for client, number, delay_s, started_at_s, ended_at_s, code in zip(*(a.tolist() for a in kept), strict=True):
            outcome = OUTCOMES[code]
            yield Attempt(
                client=client,
                outage=1,
                number=number,
                delay_s=delay_s,
                due_at_s=started_at_s,
                started_at_s=started_at_s,
                ended_at_s=ended_at_s,
                outcome=outcome,
                http_status=HTTP_STATUS.get(outcome),
                retry_after_s=self.scenario.retry_after_s if outcome == "rejected" else None,
                connection_id=None,
                error=None,
            )

    def _outages(self) -> Iterator[Outage]:
        columns = (self.closed_at_s, self.attempts, self.reopened_at_s, self.still_out)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        for client, (closed_at_s, attempts, reopened_at_s, still_out) in enumerate(rows):
            back = not math.isnan(reopened_at_s)
            yield Outage(
                client=client,
                number=1,
                close_code=self.scenario.close_code,
                close_reason="",
                closed_at_s=closed_at_s,
                attempts=attempts,
                reopened_at_s=reopened_at_s if back else None,
                time_to_reconnect_s=reopened_at_s - closed_at_s if back else None,
                gave_up=None if back else self.why_not_back(still_out),
            )

    def why_not_back(self, still_out: bool) -> str:
        """Return why a client was away at the end."""
        if still_out:
            return RUN_ENDED
        if not self.policy.retries(self.scenario.close_code):
            return f"policy {self.policy.name!r} does not retry {self.scenario.close_code}"
        return f"policy {self.policy.name!r} makes no further attempt"

    def _info(self, started_at: str, duration_s: float) -> RunInfo:
        parameters: dict[str, Any] = {"clients": self.clients, "policy": self.policy.name, **self.policy.knobs}
        return RunInfo(
            experiment="simulate",
            started_at=started_at,
            duration_s=duration_s,
            partial=False,
            seed=self.seed,
            url=None,
            knobs=None,
            parameters=parameters | msgspec.structs.asdict(self.scenario),
            versions={"numpy": np.__version__},  # its generator decides what a seed draws
            platform="simulated",
            clock_resolution_s=0.0,
            loop_lag_p50_s=None,
            loop_lag_p99_s=None,
            loop_lag_max_s=None,
        )
