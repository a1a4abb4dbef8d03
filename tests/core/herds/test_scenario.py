"""What a scenario accepts, and when it closes whom."""

from __future__ import annotations

from typing import Any

import pytest

from wslab.core.herds.scenario import Scenario, changed


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("downtime_s", -1, "downtime_s is -1, but must be between 0 and 86,400 seconds"),
        ("max_admissions_per_s", 0, "max_admissions_per_s is 0, .* None means no limit"),
        ("max_admissions_per_s", 1e7, "max_admissions_per_s is .*between 0.1 and 1,000,000"),
        ("burst", 0, "burst is 0, but must be between 1 and 1,000,000,000 admissions"),
        ("max_waiting", 0, "max_waiting is 0, .* attempts; None means no bound"),
        ("refused_s", 0, "refused_s is 0, .* attempts that take no time would never end"),
        ("timeout_s", 0.0001, "timeout_s is 0.0001, but must be between 0.001 and 86,400 seconds"),
        ("while_down", "try_again_later", "while_down is 'try_again_later'"),
        ("close_code", 99, "close_code is 99, but must be between 1,000 and 4,999"),
    ],
)
def test_scenario_refuses_what_is_out_of_bounds(field: str, value: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Scenario(**{field: value})


def test_scenario_changes_name_the_nearest_field() -> None:
    with pytest.raises(ValueError, match="field of Scenario is 'downtime'; did you mean 'downtime_s'"):
        changed(Scenario(), {"downtime": 3})


def test_closures_fall_together_without_a_drain() -> None:
    assert Scenario(drain_batch=2).closed_at_s(3).tolist() == [0, 0, 0]


def test_closures_are_spread_evenly_over_the_drain() -> None:
    assert Scenario(drain_s=1).closed_at_s(4).tolist() == [0, 0.25, 0.5, 0.75]


def test_closures_fall_in_batches() -> None:
    assert Scenario(drain_s=3, drain_batch=2).closed_at_s(5).tolist() == [0, 0, 1, 1, 2]
