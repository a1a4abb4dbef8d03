"""A run in a few numbers is computed from its records."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wslab.core.herds.simulate import simulate_herd
from wslab.core.herds.summaries import BIN_S, herd_summary, peak_attempts_per_s, quantile
from wslab.core.records import Attempt

ATTEMPT = Attempt(
    client=0,
    outage=1,
    number=1,
    delay_s=0.0,
    due_at_s=0.0,
    started_at_s=0.0,
    ended_at_s=0.0,
    outcome="opened",
    http_status=101,
    retry_after_s=None,
    connection_id=None,
    error=None,
)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(0, 1))
def test_quantile_is_a_value_that_the_share_does_not_exceed(values: list[float], q: float) -> None:
    found = quantile(values, q)
    assert found in values
    assert sum(value <= found for value in values) >= q * len(values)
    assert sum(value < found for value in values) <= q * len(values)


def test_quantile_of_nothing_is_none() -> None:
    assert quantile([], 0.5) is None


@given(st.lists(st.floats(0, 10), max_size=50))
def test_peak_is_of_the_busiest_bin(started: list[float]) -> None:
    peak = peak_attempts_per_s(msgspec.structs.replace(ATTEMPT, started_at_s=at_s) for at_s in started)
    assert 0 <= peak <= len(started) / BIN_S
    assert (peak > 0) == bool(started)


def test_simulated_run_has_the_summary_of_a_real_one() -> None:
    herd = simulate_herd(500, "full_jitter", downtime_s=2, seed=1)
    summary = herd_summary(herd.to_run())
    assert summary["clients"] == 500
    assert summary["close_codes"] == {1012: 500}
    assert summary["peak_attempts_per_s"] == pytest.approx(herd.peak_attempts_per_s)
    assert summary["time_to_reconnect_s"]["max"] == pytest.approx(max(herd.time_to_reconnect_s))
    assert summary["connects_per_s"] is None
    assert summary["client_bytes_per_connection"] is None
