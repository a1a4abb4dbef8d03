"""Any field that a record may have becomes a column, and its dtype is that of its annotation."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from wslab.core.knobs import Knobs
from wslab.core.records import Close
from wslab.views.columns import columns, described


class Odd(NamedTuple):
    number: int | None
    share: float
    word: Literal["a", "b"] | None
    said: str
    frame: Close | None
    knobs: Knobs | None
    raw: bytes | None
    listed: list[str]
    named: dict[str, Any] | None


def test_each_kind_of_field_has_its_columns() -> None:
    full = Odd(1, 0.5, "a", "x\n", Close(code=1009, reason="big\x07"), Knobs(), b"\x03\xf1", ["p", "q"], {"k": [1]})
    empty = Odd(None, 0.0, None, "", None, None, None, [], None)
    found = columns(Odd, [full, empty])
    assert {name: str(column.dtype) for name, column in found.items()} == {
        "number": "Int64",
        "share": "float64",
        "word": "string",
        "said": "string",
        "frame_code": "Int64",
        "frame_reason": "string",
        "raw": "string",
        "listed": "string",
        "named": "string",
    }
    assert [column.iloc[0] for column in found.values()] == [
        *(1, 0.5, "a", "x\\n", 1009, "big\\x07", "03 f1", '["p","q"]', '{"k":[1]}')
    ]
    assert found["number"].isna().iloc[1]
    assert {name: str(column.dtype) for name, column in columns(Odd, []).items()} == {
        name: str(column.dtype) for name, column in found.items()
    }
    assert described(Odd).startswith("number (Int64), share (float64), word (string: a, b), said (string), frame_code")
