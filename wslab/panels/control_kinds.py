"""What a panel's controls are: declared here, drawn by `static/controls.js`, checked on both sides.

Every control has a label and, where it is a quantity, a unit and bounds. The page refuses what is out of bounds and
says the bound; the kernel checks again, since a value can also be turned by code.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, TypeAlias

from wslab.core.arguments import check_choice, check_flag, check_number, check_type, check_whole
from wslab.core.bounds import Bound, fields
from wslab.core.errors import BadValueError
from wslab.core.knobs import Knobs


@dataclass(frozen=True, slots=True)
class StepButton:
    """A button beside a number that sets it: to `times` its value, or to the value of the control `of`, `plus` some."""

    label: str
    times: float = 1
    of: str | None = None
    plus: int = 0


@dataclass(frozen=True, slots=True)
class Number:
    """A quantity, typed or dragged.

    Args:
        optional: an empty field means None; `none` says in words what that is.
        logarithmic: each step of the slider multiplies.
        slider: False for a field alone.
        mark: the control whose value the slider shows as a mark.
        hint: what else to know about it, in a few words below it.
        more: True to fold it away under "More", as every control that few people need.
        when: another control and a value of it, as of every kind: the page shows this one only then.
    """

    name: str
    label: str
    unit: str
    low: float
    high: float
    value: float | None
    whole: bool = True
    optional: bool = False
    none: str = "no limit"
    logarithmic: bool = False
    slider: bool = True
    mark: str | None = None
    steps: tuple[StepButton, ...] = ()
    hint: str = ""
    more: bool = False
    when: tuple[str, str] | None = None

    def check(self, value: Any) -> None:
        bounds: Any = {"low": self.low, "high": self.high, "unit": self.unit, "optional": self.optional}
        (check_whole if self.whole else check_number)(self.name, value, **bounds)


UNITS = {"seconds": "s", "per second": "per s", "messages per second": "per s"}
"""Shorter, for a panel."""


def knob(
    name: str,
    label: str,
    value: float | None,
    *,
    high: float | None = None,
    optional: bool = False,
    more: bool = False,
) -> Number:
    """Return a field for a knob of the lab server, within the knob's own bounds, or up to `high` where that is less."""
    rule = fields(Knobs)[name].rule
    assert isinstance(rule, Bound), "a knob that is a number has bounds"
    return Number(
        name,
        label,
        UNITS.get(rule.unit, rule.unit),
        rule.low,
        rule.high if high is None else min(high, rule.high),
        value,
        whole=fields(Knobs)[name].kind is int,
        optional=optional,
        none=rule.none,
        slider=False,
        more=more,
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few: radio buttons, or a list where `listed`. `options` are values, each with the words for it."""

    name: str
    label: str
    options: Mapping[str, str]
    value: str
    listed: bool = False
    more: bool = False

    def check(self, value: Any) -> None:
        check_choice(self.name, value, self.options)


@dataclass(frozen=True, slots=True)
class Several:
    """Any of a few, or at most so many of them: check boxes. The value is a list."""

    name: str
    label: str
    options: Mapping[str, str]
    value: tuple[str, ...] = field(default=())
    at_most: int | None = None

    def check(self, value: Any) -> None:
        check_type(self.name, value, list | tuple, "a list of names")
        for one in value:
            check_choice(self.name, one, self.options)
        if self.at_most is not None and len(value) > self.at_most:
            raise BadValueError(f"{self.name} has {len(value)}, but at most {self.at_most} are shown beside each other")


@dataclass(frozen=True, slots=True)
class Flag:
    """Yes or no: a check box."""

    name: str
    label: str
    value: bool = False
    more: bool = False
    when: tuple[str, str] | None = None

    def check(self, value: Any) -> None:
        check_flag(self.name, value)


@dataclass(frozen=True, slots=True)
class Words:
    """A line of text; `none` says in words what an empty one is."""

    name: str
    label: str
    value: str = ""
    none: str = ""
    hint: str = ""
    more: bool = False
    when: tuple[str, str] | None = None

    def check(self, value: Any) -> None:
        check_type(self.name, value, str, "text")


@dataclass(frozen=True, slots=True)
class Action:
    """A button. `main` is the one that a newcomer should press.

    Args:
        ignores: the controls that it does not read: a wrong value in one of these does not stop it.
        at_once: it takes no time, and can be pressed while another job is under way.
    """

    name: str
    label: str
    hint: str
    main: bool = False
    ignores: tuple[str, ...] = ()
    at_once: bool = False


Control: TypeAlias = Number | Choice | Several | Flag | Words


def told(declared: Control | Action) -> dict[str, Any]:
    """Return a declaration as the page reads it."""
    return {"kind": type(declared).__name__.lower(), **asdict(declared)}
