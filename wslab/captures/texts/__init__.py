"""Reads what people paste (an exception, log lines, a console message) into statements: `read_text`.

Known phrases are looked up in the tables of this package, the more specific first. From unknown text only what is
actually there is taken: a number that is called a close code, an HTTP status, numbers next to the word "limit".
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from wslab.captures.capture import capture_info
from wslab.captures.texts import (
    browsers,
    clouds,
    frameworks,
    go,
    javascript,
    jvm,
    native,
    proxies,
    python,
    python_frameworks,
    reactive,
    runtimes,
    systems,
)
from wslab.captures.texts.phrase import MAX_WORDS, Phrase, code_named
from wslab.core.codes.registry import REGISTRY
from wslab.core.records import Record, Statement
from wslab.core.runs import Run
from wslab.core.secrets import without_secrets

TABLE: tuple[Phrase, ...] = (
    *python.PHRASES,
    *python_frameworks.PHRASES,
    *go.PHRASES,
    *jvm.PHRASES,
    *reactive.PHRASES,
    *native.PHRASES,
    *runtimes.PHRASES,
    *frameworks.PHRASES,
    *proxies.PHRASES,
    *clouds.PHRASES,
    *javascript.PHRASES,
    *browsers.PHRASES,
    *systems.PHRASES,
)
"""All phrases, in the order in which they are tried on a line."""

MAX_LINES = 20_000
MAX_STATEMENTS = 1_000

NEVER_SENT = (1005, 1006, 1015)
"""Codes that are never sent: software that reports one has chosen it itself (RFC 6455 §7.4.1)."""

_COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)")
_TIME = re.compile(
    r"\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?|\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d"
)
_CODE = re.compile(
    r"(?i)(?<![/\w])\w*?(?:close[ds]?|closing|closure|disconnect(?:ed|ion)?|code|status|websocket|ws|connection(?=:)|コード|代码)"
    r"[ _-]?(?:reason|status|code)?[^\w/]{0,3}(?:(?:with|exit|code|status|frame|is|was)[^\w/]{0,3})*"
    r"(?<!\d)(?P<code>1[0-9]{3}|[34]\d{3})(?!\d)"
)
_NAMED = re.compile(r"(?<!\d)(?P<code>1\d{3})(?!\d)\W{1,3}(?P<name>[A-Za-z][A-Za-z ]+)")
_REASON = re.compile(r"(?i)\breason[\"']?\s*[=:]\s*(?:[\"'“](?P<quoted>[^\"'”]*)|(?P<bare>[^\"'“,;}\])]+))")
_STATUS = re.compile(
    r"(?i)(?:HTTP(?:/\d(?:\.\d)?)?|status(?: code)?|response(?: code)?)[^\w/]{0,3}(?P<status>[1-5]\d\d)(?![\d.])"
)
_LIMIT = re.compile(
    r"(?i)(?:limit(?:ed)?|max(?:imum)?(?:[ _-](?:allowed|payload|message|frame|size|length))*)(?: (?:of|at|to|is))?\W{0,3}"
    r"(?P<limit>\d[\d,_]*)"
)
_SIZE = re.compile(
    r"(?i)(?<![\w.])(?P<size>\d[\d,_]*) ?(?:bytes?\b|(?-i:B)\b)|(?:size|length)\W{0,3}(?P<other>\d[\d,_]*)"
)
_SPEAKS_OF_IT = re.compile(r"(?i)web.?socket|\bwss?\b|close frame|close code|CloseEvent")
_SPEAKS_OF_AN_END = re.compile(r"(?i)\w*clos(?:e|ing|ure)|disconnect|getrennt|geschlossen|閉じ|切断|断开|关闭")


def read_text(text: str, *, name: str = "text") -> Run:
    """Return one `Statement` per line that says something; repeated lines count once."""
    lines = [without_secrets(_COLOUR.sub("", line).strip()) for line in text.splitlines()]
    losses = [f"lines beyond the last {MAX_LINES:,}: {len(lines) - MAX_LINES:,}"] if len(lines) > MAX_LINES else []
    different = {_without_numbers_that_vary(line): line for line in reversed(lines[-MAX_LINES:])}
    said = (read_statement(line) for line in reversed(different.values()))
    records: list[Record] = [statement for statement in said if statement is not None]
    return Run(capture_info(name, 0.0, 0.0, losses=losses), tuple(records[-MAX_STATEMENTS:]))


def read_statement(line: str) -> Statement | None:
    """Return what a line says about a connection; None if it says nothing."""
    line = line[: 20 * MAX_WORDS]
    time = _TIME.search(line)
    at = time[0] if time else None
    known = (phrase.read(line, at) for phrase in TABLE)
    statement = next((statement for statement in known if statement is not None), None)
    return _read_unknown(line, at) if statement is None else _with_the_limit_of_its_reason(statement)


def _with_the_limit_of_its_reason(statement: Statement) -> Statement:
    """Add to a statement of 1009 the numbers in its close reason."""
    reason = statement.close_reason
    if statement.close_code != 1009 or reason is None or statement.limit_bytes is not None:
        return statement
    limit_bytes = next(_numbers(_LIMIT, reason, "limit"), None)
    sizes = (size for size in _numbers(_SIZE, reason, "size", "other") if size != limit_bytes)
    return msgspec.structs.replace(
        statement, limit_bytes=limit_bytes, payload_bytes=statement.payload_bytes or next(sizes, None)
    )


def _read_unknown(line: str, at: str | None) -> Statement | None:
    """Return the numbers found in an unknown text."""
    code, status = _code(line), _STATUS.search(line)
    limit_bytes, sizes = next(_numbers(_LIMIT, line, "limit"), None), list(_numbers(_SIZE, line, "size", "other"))
    opened = status is not None and status["status"] == "101"  # which is not about an end
    if code is None and (opened or not (_SPEAKS_OF_IT.search(line) and (status or limit_bytes))):
        return None
    return Statement(
        subject=None,
        words=line[:MAX_WORDS],
        at=at,
        speaker=None,
        close_code=code,
        close_reason=_reason(line) if code is not None else None,
        told_by="assumed" if code in NEVER_SENT else None,
        closed_by=None,
        limit_bytes=limit_bytes,
        payload_bytes=next((size for size in sizes if size != limit_bytes), None),
        http_status=int(status["status"]) if status and code is None else None,
        meaning=None,
        leaves_open="whose words these are, and so who closed, and whether the code was on the wire",
        source=None,
    )


def _code(line: str) -> int | None:
    """Return a number that the text calls a close code, or that a code's name follows."""
    of_it, of_an_end = _SPEAKS_OF_IT.search(line), _SPEAKS_OF_AN_END.search(line)
    codes = [int(found["code"]) for found in _CODE.finditer(line) if of_it or of_an_end]
    if not of_it:  # then 3000 may count anything
        codes = [code for code in codes if code < 3000 or re.search(r"(?i)code|status|コード|代码", line)]
    codes += [int(found["code"]) for found in _NAMED.finditer(line) if code_named(found["name"]) == int(found["code"])]
    return next((code for code in codes if _is_code(code)), None)


def _reason(line: str) -> str | None:
    found = _REASON.search(line)
    return (found["quoted"] or found["bare"] or "").strip() or None if found else None


def _is_code(code: int) -> bool:
    return code in REGISTRY or 3000 <= code <= 4999


def _numbers(pattern: re.Pattern[str], line: str, *groups: str) -> Iterator[int]:
    for found in pattern.finditer(line):
        digits = next((found[group] for group in groups if found[group]), "")
        number = re.sub("[,_]", "", digits)
        if number.isdecimal() and len(number) < 19:
            yield int(number)


def _without_numbers_that_vary(words: str) -> str:
    """Return a line without its times, ports and counts, but with numbers that may be a code or a status.

    The same words with the same code say nothing new a second time.
    """
    return re.sub(r"(?<!\d)(?!(?:1\d{3}|[34]\d{3}|[45]\d\d)(?!\d))\d+", "#", words)
