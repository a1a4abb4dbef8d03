"""A herd in a few numbers: computed once, from the same arrays, of a run and of a simulation alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from wslab.core.herds.returning import returning
from wslab.core.herds.simulate import simulate_herd
from wslab.core.herds.simulated import BIN_S, SimulatedHerd, peak_per_s
from wslab.core.herds.summaries import herd_summary
from wslab.core.records import Attempt
from wslab.core.runs import Run

INSTRUMENT = {"connects_per_s", "client_bytes_per_connection", "lag_p99_s", "start_delay_p99_s", "smallest_delay_s"}


def herd(policy: str = "full_jitter", **changes: Any) -> SimulatedHerd:
    return simulate_herd(10, policy, seed=4, **({"downtime_s": 2} | changes))


@given(st.lists(st.integers(0, 1000), max_size=50))
def test_peak_is_of_the_busiest_bin(counts: list[int]) -> None:
    assert peak_per_s(np.array(counts, dtype=np.int64)) == max(counts, default=0) / BIN_S


@pytest.mark.parametrize(
    "changes",
    [{}, {"until_s": 2.5}, {"close_code": 1008}, {"downtime_s": 60, "policy": "signalr"}, {"max_admissions_per_s": 2}],
    ids=["all back", "some still out", "not retried", "gave up", "a queue"],
)
def test_every_reader_says_the_same_of_a_herd_and_of_its_run(changes: dict[str, Any]) -> None:
    simulated = herd(**changes)
    ours, theirs = herd_summary(simulated), herd_summary(simulated.to_run())
    both = ours.keys() - INSTRUMENT
    assert {key: ours[key] for key in both} == {key: theirs[key] for key in both}
    p50, p90 = simulated.quantiles((0.5, 0.9)).values()
    assert (p50, p90) == (ours["time_to_reconnect_s"]["p50"], ours["time_to_reconnect_s"]["p90"])
    assert ours["gave_up"] == simulated.gave_up == returning(simulated.to_run()).gave_up
    assert ours["peak_attempts_per_s"] == simulated.peak_attempts_per_s == returning(simulated).peak_per_s
    assert ours["away"] == int(np.isnan(simulated.reopened_at_s).sum())


def test_who_never_connected_is_away_at_the_end() -> None:
    run = herd().to_run()
    refused = replace(run.attempts[0], client=11, outage=0, outcome="refused")
    opened = replace(refused, client=12, outcome="opened")
    info = replace(run.info, partial=True, parameters=run.info.parameters | {"clients": 20})
    summary = herd_summary(Run(info, (*run.records, refused, opened)))
    assert (summary["clients"], summary["never_connected"], summary["away"], summary["gave_up"]) == (20, 9, 9, 0)
    assert summary["partial"]


def test_what_only_an_instrument_has_is_none_of_a_simulation() -> None:
    summary = herd_summary(herd())
    assert {summary[key] for key in INSTRUMENT} == {None}
    assert summary["close_codes"] == {1012: 10}


def test_connects_are_counted_while_the_herd_gathers() -> None:
    run = herd().to_run()
    first: list[Attempt] = [
        replace(run.attempts[0], client=client, outage=0, outcome="opened", started_at_s=0.0, ended_at_s=client + 1.0)
        for client in range(4)
    ]
    assert herd_summary(Run(run.info, tuple(first)))["connects_per_s"] == 1.0
    assert herd_summary(Run(run.info, tuple(first[:1])))["connects_per_s"] is None
