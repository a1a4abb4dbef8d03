"""Fields of records as columns of a table: their dtypes, and how values are shown.

Dtypes follow from a field's annotation, never from the values, so an empty table has those of a full one. Texts are
made printable, so that a peer's words cannot steer a terminal or a page; the records keep the original.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import NoneType, UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

import msgspec
import pandas as pd

from wslab.core.knobs import Knobs
from wslab.core.printable import printable
from wslab.core.records import Close

_DTYPES: dict[object, str] = {bool: "boolean", int: "Int64", float: "float64"}


def columns(kind: type, records: Iterable[object]) -> dict[str, pd.Series[Any]]:
    """Return the columns of records, or of named tuples, of one kind: one per field, in its order.

    A close frame becomes two columns, `…_code` and `…_reason`. Bytes become hexadecimal digits, lists and dicts JSON;
    knobs have no column.
    """
    rows = list(records)
    found = {}
    for field, hint in get_type_hints(kind).items():
        values = [getattr(row, field) for row in rows]
        for column in _of_field(field, hint):
            cells = [None if value is None else column.cell(value) for value in values]
            found[column.name] = pd.Series(cells, dtype=column.dtype)
    return found


def described(kind: type) -> str:
    """Return the names and dtypes of the columns of a kind, for the docstring of its table.

    >>> described(Close)
    'code (Int64), reason (string)'
    """
    told = []
    for field, hint in get_type_hints(kind).items():
        choices = get_args(_bare(hint)) if get_origin(_bare(hint)) is Literal else ()
        kinds = ": " * bool(choices) + ", ".join(choices)
        told += [f"{column.name} ({column.dtype}{kinds})" for column in _of_field(field, hint)]
    return ", ".join(told)


class _Column(NamedTuple):
    name: str
    dtype: str
    cell: Callable[[Any], object]
    """Converts a value that is not None."""


def _of_field(field: str, hint: object) -> list[_Column]:
    kind = _bare(hint)
    if kind is Knobs:
        return []  # `tables.restarts` says what the knobs changed
    if kind is Close:
        code, reason = (lambda close: close.code), (lambda close: printable(close.reason))
        return [_Column(f"{field}_code", "Int64", code), _Column(f"{field}_reason", "string", reason)]
    if kind in (bool, int, float):
        return [_Column(field, _DTYPES[kind], lambda value: value)]
    if kind is str or get_origin(kind) is Literal:
        return [_Column(field, "string", printable)]
    if kind is bytes:
        return [_Column(field, "string", lambda value: value.hex(" "))]
    return [_Column(field, "string", lambda value: printable(msgspec.json.encode(value).decode()))]


def _bare(hint: object) -> object:
    """Return an annotation without `| None`."""
    if get_origin(hint) in (Union, UnionType):
        kinds = [kind for kind in get_args(hint) if kind is not NoneType]
        return kinds[0] if len(kinds) == 1 else hint
    return hint
