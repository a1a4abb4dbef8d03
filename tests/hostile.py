"""Forged runs in which every text of every record, kind by kind, is out to act in whatever shows it.

Made from the table of record kinds, so that a field or a kind that is added tomorrow is covered.
"""

from __future__ import annotations

from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

import msgspec

from wslab.core.knobs import Knobs
from wslab.core.records import KINDS, Record, RunInfo
from wslab.core.runs import Run

AWAY = "http://127.0.0.1:9/away"

PAYLOADS = (
    "<script>window.acted = 'script'</script>",
    "<img src=x onerror=\"window.acted = 'image'\">",
    "\"'><svg onload=\"window.acted = 'svg'\">",
    f'<meta http-equiv="refresh" content="0;url={AWAY}">',
    f'<base href="{AWAY}"><form action="{AWAY}"><button autofocus>go</button></form>',
    f'</style></title></textarea>--></script><iframe src="{AWAY}"></iframe>',
    "[go](javascript:window.acted='link') ![x](x\"onerror=window.acted='picture')",
    "\n\n# heading\n\n<b id=html>bold</b>\n\n```\n</code></pre>",
    "`` ` </code><b id=html>",
    "{{ 7 * 7 }}{% raw %} {7*7} %s",
    "$\\frac{1}{$ $$\\text{<img src=x onerror=\"window.acted='formula'\">}$$",
    "\x1b[31mred\x1b[2J\x1b]0;title\x07\x9b1m\u202egnp.exe\u2028\x00",
    "[/bold] [red] [link=http://127.0.0.1:9/away]markup[/link] [bold",
    '=HYPERLINK("http://127.0.0.1:9/away","go")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "a|b\\|c\r\nd",
    "x" * 3000,
    "",
)

CONTROL = [chr(point) for point in (*range(32), *range(127, 160), 0x2028, 0x202E)]


def hostile_run(payloads: tuple[str, ...] = PAYLOADS) -> Run:
    """Return a run with a record of each kind for each payload, all texts of which are that payload."""
    info: RunInfo = forged(RunInfo, "".join(payloads[:9]))
    return Run(info, tuple(forged(kind.record, payload) for payload in payloads for kind in KINDS))


def forged(kind: type[Any], payload: str) -> Any:
    """Return a record, or another struct, whose texts are all `payload`, and whose numbers are small."""
    return kind(**{field: _value(field, hint, payload) for field, hint in get_type_hints(kind).items()})


def _value(field: str, hint: Any, payload: str) -> Any:
    if get_origin(hint) in (Union, UnionType):
        hint = next(each for each in get_args(hint) if each is not NoneType)
    if get_origin(hint) is Literal:
        return get_args(hint)[0]
    if hint is Knobs:  # which check themselves, also when they are read from a file
        return Knobs(restart_reason=payload.encode()[:123].decode("utf-8", "ignore"))
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return forged(hint, payload)
    if get_origin(hint) in (list, tuple):
        return get_origin(hint)([_value(field, get_args(hint)[0], payload)])
    if get_origin(hint) is dict:
        return {payload: _value(field, get_args(hint)[1], payload)}
    if hint is bytes:
        return payload.encode("utf-8", "replace")
    numbers = {bool: True, int: 1009 if "code" in field else 1, float: 0.5}
    return numbers.get(hint, payload)


def texts_of(record: Record) -> list[str]:
    """Return the texts that a record holds, at any depth."""
    return list(_texts(msgspec.to_builtins(record)))


def _texts(value: Any) -> Any:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for pair in value.items():
            for each in pair:
                yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)
