"""The bounds of a record's fields, written once, as annotations of the fields.

Such a record, as `wslab.core.knobs.Knobs` or `wslab.core.herds.scenario.Scenario`, checks itself with `check_fields`.
Panels, command line and reference get bounds, unit, default and description from `fields`.
"""

from __future__ import annotations

import functools
import re
import types
import typing
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union

import msgspec

from wslab.core.arguments import check_choice, check_flag, check_number, check_type, check_whole
from wslab.core.errors import BadTypeError, BadValueError

MAX_CONTROL_BYTES = 125
"""The longest payload of a control frame, such as a close frame (RFC 6455 §5.5)."""

MAX_REASON_BYTES = MAX_CONTROL_BYTES - 2
"""The longest close reason: the code takes two bytes of the payload (RFC 6455 §5.5.1)."""


@dataclass(frozen=True, slots=True)
class Bound:
    """The range of a number, inclusive, and its unit; `none` says in words what None means."""

    low: float
    high: float
    unit: str
    none: str = ""
    hint: str = ""

    def check(self, name: str, value: Any, *, whole: bool) -> None:
        hint = self.hint or (f"None means {self.none}" if self.none else "")
        if whole:
            check_whole(name, value, low=int(self.low), high=self.high, unit=self.unit, hint=hint)
        else:
            check_number(name, value, low=self.low, high=self.high, unit=self.unit, hint=hint)

    def __str__(self) -> str:
        words = f"{self.low:,} to {self.high:,} {self.unit}"
        return f"{words}; none: {self.none}" if self.none else words


@dataclass(frozen=True, slots=True)
class Codes:
    """A close code: one of `known`, or one that applications may choose, 3000 to 4999 (RFC 6455 §7.4.2)."""

    known: tuple[int, ...]

    def check(self, name: str, value: Any, *, whole: bool) -> None:
        check_whole(name, value, low=0, high=65_535, unit="(a close code)")
        if value not in self.known and not 3000 <= value <= 4999:
            raise BadValueError(
                f"{name} is {value!r}, but must be one of {self}: 1005 sends an empty close frame, 1006 none at all"
            )

    def __str__(self) -> str:
        return f"{', '.join(map(str, self.known))}, or 3000 to 4999"


@dataclass(frozen=True, slots=True)
class Text:
    """Text of at most `high_bytes` bytes in UTF-8, and why; `none` as in `Bound`."""

    high_bytes: int
    why: str
    none: str = ""

    def check(self, name: str, value: Any, *, whole: bool) -> None:
        check_type(name, value, str, "text")
        text_bytes = len(value.encode())
        if text_bytes > self.high_bytes:
            raise BadValueError(
                f"{name} takes {text_bytes} bytes, but {self.why} at most {self.high_bytes:,} bytes; shorten it"
            )

    def __str__(self) -> str:
        return f"text, {self.why} at most {self.high_bytes:,} bytes"


Rule = Bound | Codes | Text

TRUTHS = {"yes": True, "true": True, "no": False, "false": False}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a record.

    Fields:
        kind: bool, int, float or str. choices: words that it may hold, besides values that satisfy `rule` or alone.
        rule: for every value that is no choice; None: no rule.
        description: from the record's docstring.
    """

    name: str
    kind: type
    default: Any
    choices: tuple[str, ...]
    rule: Rule | None
    optional: bool
    description: str

    def check(self, value: Any) -> None:
        """Raise TypeError or ValueError unless the field may have this value."""
        if value is None and self.optional:
            return
        if self.kind is bool:
            check_flag(self.name, value)
        elif self.choices and (self.rule is None or isinstance(value, str)):
            check_choice(self.name, value, self.choices)
        elif value is None:
            raise BadTypeError(f"{self.name} is None, but must be {self.values}")
        elif self.rule is not None:
            self.rule.check(self.name, value, whole=self.kind is int)

    def read(self, text: str) -> Any:
        """Return the value that a text stands for. Other text is returned as it is, for `check` to reject.

        Raises:
            TypeError: the field takes a number, and this is not one.
        """
        if self.optional and text.lower() == "none":
            return None
        if self.kind is bool:
            return TRUTHS.get(text.lower(), text)
        if self.kind is str or text in self.choices:
            return text
        try:
            return self.kind(text.replace(",", "").replace("_", ""))
        except ValueError:
            raise BadTypeError(f"{self.name} is {text!r}, but must be {self.values}") from None

    @property
    def values(self) -> str:
        """The values that it may have, in words."""
        ways = [*self.choices, *([str(self.rule)] if self.rule else [])]
        return " or ".join(ways) if len(ways) < 3 else ", ".join(ways)


@functools.cache
def fields(record: type[msgspec.Struct]) -> dict[str, Field]:
    """Return the fields of a record by name, in order."""
    hints = typing.get_type_hints(record, include_extras=True)
    described = _described(record.__doc__ or "")
    return {
        name: _field(name, hints[name], default, described.get(name, ""))
        for name, default in zip(record.__struct_fields__, record.__struct_defaults__, strict=True)
    }


def read_settings(record: type[msgspec.Struct], words: Iterable[str], what: str) -> dict[str, Any]:
    """Return settings from words such as `idle_timeout_s=5`; errors call each one `what`.

    Raises:
        TypeError, ValueError: a word is not FIELD=VALUE, names a field again, or its value is out of bounds.
    """
    settings: dict[str, Any] = {}
    for word in words:
        name, _, text = word.partition("=")
        check_choice(what, name, fields(record), hint=f"write {what.upper()}=VALUE")
        if name in settings:
            raise BadValueError(f"{name} is given twice; give it once")
        settings[name] = fields(record)[name].read(text)
        fields(record)[name].check(settings[name])
    return settings


def check_fields(record: msgspec.Struct) -> None:
    """Raise TypeError or ValueError for the first field of `record` that has the wrong type or is out of bounds."""
    for name, field in fields(type(record)).items():
        field.check(getattr(record, name))


def _field(name: str, hint: Any, default: Any, description: str) -> Field:
    choices: tuple[str, ...] = ()
    rule, kind, optional = None, str, False
    for part in _parts(hint):
        if part is type(None):
            optional = True
        elif typing.get_origin(part) is Literal:
            choices = typing.get_args(part)
        elif typing.get_origin(part) is Annotated:
            kind, rule = typing.get_args(part)[:2]
        else:
            kind = part
    return Field(name, kind, default, choices, rule, optional, description)


def _parts(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in (Union, types.UnionType) else (hint,)


def _described(docstring: str) -> dict[str, str]:
    """Return the description of each name from the docstring's Args section."""
    section = re.search(r"\n\s*Args:\n(.*?)(\n\n|$)", docstring, re.DOTALL)
    texts: dict[str, str] = {}
    for names, text in re.findall(r"^ {8}([a-z_, ]+): (.*(?:\n {12}.*)*)", section[1] if section else "", re.MULTILINE):
        texts |= dict.fromkeys(names.split(", "), " ".join(text.split()))
    return texts
