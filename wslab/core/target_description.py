"""How a target is described where anybody may read it: what differs from a bare URL, and no secret."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wslab.core.secrets import HIDDEN, mask, masked_url

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def described(target: DataclassInstance) -> dict[str, Any]:
    """Return the fields that differ from their defaults, the URL left out, with every secret masked."""
    given = [each for each in dataclasses.fields(target) if each.name != "url"]
    told = {each.name: _told(target, each.name) for each in given if getattr(target, each.name) != _default(each)}
    return {name: value for name, value in told.items() if value is not None}


def _told(target: DataclassInstance, name: str) -> Any:
    value = getattr(target, name)
    match name:
        case "headers" | "cookies" if isinstance(value, Mapping):
            return {key: mask(each) for key, each in value.items()}
        case "token":
            return mask(value)
        case "proxy":
            return masked_url(value)
        case "greeting":
            return [f"< {step.text}" if step.kind == "await" else f"> {HIDDEN}" for step in value]
        case "template":
            return value.described()
        case "trust":
            return {key: str(each) for key, each in dataclasses.asdict(value).items() if each}
        case "allow_hosts":
            return None  # a permission does not affect the measurement
    return str(value) if isinstance(value, Path) else list(value) if isinstance(value, tuple) else value


def _default(each: dataclasses.Field[Any]) -> Any:
    return each.default_factory() if each.default_factory is not dataclasses.MISSING else each.default
