"""What a record's fields may be stands in their annotations, and everything that needs it is read from there."""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wslab.core.bounds import Bound, check_fields, fields
from wslab.core.herds.scenario import Scenario
from wslab.core.knobs import AfterRefusal, Knobs


class Oven(msgspec.Struct, frozen=True, kw_only=True):
    """An oven.

    Args:
        heat: how hot it is, which may
            take a second line.
        rack, tray: where the bread is.

    Raises:
        ValueError: never mind.
    """

    heat: Annotated[float, Bound(0, 300, "degrees", none="it is off")] | None = None
    rack: Annotated[int, Bound(1, 5, "(a rack)")] = 3
    tray: Literal["upper"] | Annotated[int, Bound(1, 5, "(a tray)")] = "upper"
    fan: bool = False


def test_field_has_what_its_annotation_and_the_docstring_say() -> None:
    heat, rack, tray, fan = fields(Oven).values()
    assert (heat.kind, heat.optional, heat.values) == (float, True, "0 to 300 degrees; none: it is off")
    assert heat.description == "how hot it is, which may take a second line."
    assert (rack.kind, rack.default, rack.description) == (int, 3, "where the bread is.")
    assert (tray.choices, tray.values) == (("upper",), "upper or 1 to 5 (a tray)")
    assert (fan.kind, fan.description) == (bool, "")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"heat": 301}, "heat is 301, but must be between 0 and 300 degrees; None means it is off"),
        ({"rack": 1.5}, "rack is 1.5, but must be a whole number"),
        ({"rack": None}, "rack is None, but must be 1 to 5"),
        ({"tray": "uper"}, "tray is 'uper'; did you mean 'upper'"),
        ({"tray": 9}, "tray is 9, but must be between 1 and 5"),
        ({"fan": 1}, "fan is 1, but must be True or False"),
    ],
)
def test_value_out_of_its_bounds_teaches(values: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        check_fields(Oven(**values))


@pytest.mark.parametrize("record", [Knobs, Scenario])
def test_every_field_is_described_and_bounded_and_its_default_passes(record: type[msgspec.Struct]) -> None:
    for name, field in fields(record).items():
        assert field.description, f"{name} is not described"
        assert field.kind is bool or field.values, f"{name} has no bounds"
        field.check(field.default)


@given(st.data())
def test_every_number_passes_within_its_bounds_and_not_outside_of_them(data: st.DataObject) -> None:
    field = data.draw(st.sampled_from([one for one in fields(Knobs).values() if isinstance(one.rule, Bound)]))
    assert isinstance(field.rule, Bound)
    low, high = field.rule.low, field.rule.high
    numbers = st.integers(int(low), int(high)) if field.kind is int else st.floats(low, high)
    field.check(data.draw(numbers))
    for outside in (low - 1, high + 1):
        with pytest.raises(ValueError, match=field.name):
            field.check(outside)


def test_record_and_knob_mean_the_same_choices() -> None:
    assert fields(Knobs)["after_refusal"].choices == get_args(AfterRefusal)
