"""What panels about policies share: which are chosen, their knobs, their looks, and how they are written in code."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from typing import Any

from wslab.core.errors import BadValueError
from wslab.core.policies.policy import Policy
from wslab.core.policies.textbook import POLICIES, named
from wslab.panels.code import call
from wslab.panels.control_kinds import Number
from wslab.views.style import GROUPS, Look

NAMES: Mapping[str, str] = {name: name for name in POLICIES}


def _knob(name: str, label: str, unit: str, low: float, high: float) -> Number:
    return Number(name, label, unit, low, high, None, whole=False, optional=True, none="its own", slider=False)


INITIAL_DELAY = _knob("initial_delay_s", "first delay", "s", 0, 600)
MIN_DELAY = _knob("min_delay_s", "shortest delay", "s", 0, 600)
MAX_DELAY = _knob("max_delay_s", "longest delay", "s", 0, 3600)
FACTOR = _knob("factor", "factor", "(a ratio)", 1, 100)
KNOBS = (INITIAL_DELAY.name, MIN_DELAY.name, MAX_DELAY.name, FACTOR.name)

DASHES: Mapping[str, tuple[float, ...]] = {"-": (), "--": (3.7, 1.6), "-.": (6.4, 1.6, 1, 1.6), ":": (1, 1.65)}
"""matplotlib's own patterns, in widths of the line."""


def chosen(values: Mapping[str, Any]) -> dict[str, Policy]:
    """Return the policies that a panel's controls choose, by name.

    Raises:
        ValueError: a policy's knobs contradict each other.
    """
    policies = {}
    for name in values["policies"]:
        try:
            policies[name] = named(name, **_own(name, values))
        except ValueError as error:
            raise BadValueError(f"{name}: {error}") from None
    return policies


def written(name: str, values: Mapping[str, Any]) -> str:
    """Return a chosen policy as the source of an argument: its name, or a call where knobs were turned.

    >>> written("constant", {"max_delay_s": 10})
    '"constant"'
    >>> written("full_jitter", {"max_delay_s": 10})
    'wslab.policies.full_jitter(max_delay_s=10)'
    """
    own = _own(name, values)
    return call(f"wslab.policies.{name}", **own) if own else f'"{name}"'


def places(before: Mapping[str, int], names: Collection[str]) -> dict[str, int]:
    """Return which of `GROUPS` each policy looks like: as before, while it stays chosen; else the first that is free.

    >>> places({"none": 0, "constant": 1}, ["constant", "registry"])
    {'constant': 1, 'registry': 0}
    """
    now = {name: place for name, place in before.items() if name in names}
    for name in names:
        if name not in now:
            now[name] = min(set(range(len(GROUPS))) - set(now.values()))
    return now


def curve_look(shown: Look) -> dict[str, Any]:
    """Return what the page needs to draw a curve; `dash` in widths of the line."""
    return {"color": shown.color, "dark": shown.dark, "marker": shown.marker, "dash": _dash(shown)}


def _own(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the knobs that are turned and that this policy has."""
    known = inspect.signature(POLICIES[name]).parameters
    return {knob: values[knob] for knob in KNOBS if knob in known and values.get(knob) is not None}


def _dash(shown: Look) -> list[float]:
    return list(DASHES[shown.linestyle] if isinstance(shown.linestyle, str) else shown.linestyle[1])
