"""The controls for a relay's faults: made from the fields of each fault, so that bounds and words stand once."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from typing import Any

from wslab.core.bounds import Bound, Field, fields
from wslab.core.relay.faults import KINDS, Fault, fault_of
from wslab.panels.control_kinds import UNITS, Choice, Control, Flag, Number, Words

DOES = {
    "latency": "delay data",
    "bandwidth": "limit the rate",
    "slow_close": "delay the end of TCP",
    "timeout": "let nothing pass",
    "reset_peer": "reset TCP",
    "slicer": "cut data into pieces",
    "limit_data": "end after so much data",
    "down": "refuse connections",
    "send_close": "send a close frame",
    "drop_close": "drop close frames",
    "rewrite_close": "change close codes",
    "cut": "end inside a frame",
    "hold_pongs": "hold pongs back",
    "unavailable": "answer 503",
}
"""Every fault in a few words."""

WAYS = {"downstream": "to the client", "upstream": "to the server", "both": "both ways"}
FOR_ALL = ("direction", "toxicity")
LABELS = {"bytes_per_s": "rate", "only": "only closures with", "retry_after_s": "Retry-After", "status": "HTTP status"}

_OWN = {
    name: [field for setting, field in fields(kind).items() if setting not in FOR_ALL] for name, kind in KINDS.items()
}
_HAVE = Counter(field.name for own in _OWN.values() for field in own)


def control_of(fault: str, setting: str) -> str:
    """Return the name of the control for a fault's setting; the fault is in it where others have such a setting.

    >>> control_of("latency", "latency_s"), control_of("send_close", "code"), control_of("cut", "toxicity")
    ('latency_s', 'send_close_code', 'toxicity')
    """
    return f"{fault}_{setting}" if _HAVE[setting] > 1 else setting


def chosen_fault(values: Mapping[str, Any]) -> Fault:
    """Return the fault that the controls are set to.

    Raises:
        TypeError, ValueError: a setting is out of its bounds.
    """
    name = values["fault"]
    known = fields(KINDS[name])
    chosen = {setting: values[control_of(name, setting)] for setting in known}
    return fault_of(
        name, **{key: None if value == "" and known[key].optional else value for key, value in chosen.items()}
    )


def changed_settings(fault: Fault) -> dict[str, Any]:
    """Return the settings of a fault that are not its defaults, in their order."""
    known = fields(type(fault))
    return {name: getattr(fault, name) for name in known if getattr(fault, name) != known[name].default}


def fault_controls() -> tuple[Control, ...]:
    """Return a list of faults, whom it befalls, and the settings of each, shown where that fault is chosen."""
    return (
        Choice("fault", "fault", {name: f"{name}: {DOES[name]}" for name in KINDS}, "latency", listed=True),
        *(_control(name, field) for name, own in _OWN.items() for field in own),
        Choice("direction", "direction", WAYS, "downstream"),
        Number("toxicity", "toxicity: share of connections", "(0 to 1)", 0, 1, 1.0, whole=False, slider=False),
    )


def _control(fault: str, field: Field) -> Control:
    label = LABELS.get(field.name) or field.name.removesuffix("_s").removesuffix("_bytes").replace("_", " ")
    name, when = control_of(fault, field.name), ("fault", fault)
    if field.kind is bool:
        return Flag(name, label, field.default, when=when)
    if field.kind is str:
        none = "as it was" if field.optional else ""
        return Words(name, label, field.default or "", none=none, hint=field.description, when=when)
    rule = field.rule if isinstance(field.rule, Bound) else Bound(0, 65_535, "(a close code)", hint=str(field.rule))
    return Number(
        name,
        label,
        UNITS.get(rule.unit, rule.unit).replace("bytes per second", "bytes/s"),
        rule.low,
        math.floor(rule.high) if field.kind is int else rule.high,
        field.default,
        whole=field.kind is int,
        optional=field.optional,
        none=rule.none,
        slider=False,
        hint=rule.hint or field.description,
        when=when,
    )
