"""A knob out of its bounds raises where it is set, and says the knob, the value, the bound and the unit."""

from __future__ import annotations

from typing import Any

import pytest

from wslab.core.knobs import Knobs


@pytest.mark.parametrize(
    ("knob", "value", "message"),
    [
        ("max_message_bytes", 0, "0.*between 1 and 1,073,741,824 bytes.*None means no limit"),
        ("max_message_bytes", 2**30 + 1, "1,073,741,825"),
        ("max_frame_bytes", -5, "-5"),
        ("max_frame_bytes", 1.5, "whole number of bytes"),
        ("reply", "ecko", "'echo'"),
        ("reply", -1, "-1"),
        ("after_refusal", "rest", "'reset'"),
        ("restart_code", 1015, "1015.*1012"),
        ("restart_code", 5000, "5000"),
        ("restart_reason", "é" * 62, "124 bytes.*123 bytes"),
        ("drain_s", -0.1, "-0.1.*seconds"),
        ("drain_batch", 0, "connections"),
        ("downtime_s", float("nan"), "nan.*seconds"),
        ("downtime_s", float("inf"), "inf.*seconds"),
        ("downtime_s", "1", "'1'.*seconds"),
        ("while_down", "503", "Known: 'refuse'"),
        ("comes_back", "never", "'never'.*True or False"),
        ("compression", 1, "1.*True or False"),
        ("retry_after_s", 1.5, "whole number"),
        ("max_admissions_per_s", 0, "per second"),
        ("ping_interval_s", 0, "seconds"),
        ("close_timeout_s", 61, "60 seconds"),
    ],
)
def test_knob_out_of_bounds_teaches(knob: str, value: Any, message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=f"(?s){knob}.*{message}|{message}.*"):
        Knobs(**{knob: value})


def test_knobs_are_frozen() -> None:
    with pytest.raises(AttributeError):
        Knobs().max_message_bytes = 1  # type: ignore[misc]


def test_unlimited_knobs_are_none() -> None:
    knobs = Knobs(max_message_bytes=None, ping_interval_s=None, ping_timeout_s=None)
    assert knobs.max_message_bytes is None
