from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from wslab.panels.control_kinds import Action, Choice, Control, Flag, Number, Several, knob, told

SIZE = Number("payload_bytes", "payload", "bytes", 0, 100, 10)
LIMIT = Number("max_message_bytes", "limit", "bytes", 1, 100, None, optional=True)
KIND = Choice("kind", "restart", {"graceful": "graceful", "crash": "crash"}, "graceful")
POLICIES = Several("policies", "policies", {"none": "none", "constant": "constant"})


@pytest.mark.parametrize(
    ("control", "value", "complaint"),
    [
        (SIZE, 101, "payload_bytes is 101, but must be between 0 and 100 bytes"),
        (SIZE, 1.5, "payload_bytes is 1.5, but must be a whole number of bytes"),
        (SIZE, None, "payload_bytes is None, but must be a number of bytes"),
        (LIMIT, 0, "max_message_bytes is 0, but must be between 1 and 100 bytes"),
        (KIND, "crsh", "did you mean 'crash'"),
        (POLICIES, ["none", "linear"], "policies is 'linear'"),
        (POLICIES, "none", "policies is 'none', but must be a list"),
        (replace(POLICIES, at_most=1), ["none", "constant"], "policies has 2, but at most 1"),
        (Flag("compression", "compression"), "yes", "compression is 'yes', but must be True or False"),
    ],
)
def test_check_names_the_value_and_the_bound(control: Control, value: Any, complaint: str) -> None:
    with pytest.raises((TypeError, ValueError), match=complaint):
        control.check(value)


def test_check_takes_what_a_control_can_be_set_to() -> None:
    SIZE.check(100)
    LIMIT.check(None)
    KIND.check("crash")
    POLICIES.check([])


def test_told_names_the_kind_for_the_page() -> None:
    assert told(SIZE)["kind"] == "number"
    assert told(Action("send", "Send", "send one message"))["label"] == "Send"


def test_knob_has_the_bounds_of_the_server() -> None:
    assert knob("downtime_s", "downtime", 1.0) == Number(
        *("downtime_s", "downtime", "s", 0, 600, 1.0), whole=False, none="", slider=False
    )
    narrowed = knob("max_message_bytes", "limit", None, high=1000, optional=True)
    assert (narrowed.low, narrowed.high, narrowed.whole, narrowed.none) == (1, 1000, True, "no limit")
