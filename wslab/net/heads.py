"""The HTTP/1.1 heads that begin a WebSocket (RFC 9112, RFC 6455 §4), read from bytes within bounds. No I/O.

For the probe, the herd, the relay, the tunnel and captures. A peer may send anything, so the readers reject what is not
HTTP early, and bound the size of a head, the number of its fields, and the number of interim answers.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Literal, NamedTuple

from wslab.core.errors import WslabError

MAX_HEAD_BYTES = 65_536
MAX_FIELDS = 256
MAX_INTERIM = 8
"""Answers of 1xx, such as 103, before the final one (RFC 9110 §15.2)."""

MAX_RETRY_AFTER_S = 366 * 86_400.0

HeadFault = Literal["not_http", "too_long", "malformed", "too_many_interim"]

_END = re.compile(rb"\r?\n\r?\n")  # a bare LF may end a line (RFC 9112 §2.2)
_STATUS_LINE = re.compile(rb"HTTP/(1\.\d) ([1-9]\d\d)(?: ([^\r\n]*))?")
_TOKEN = rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+)"  # RFC 9110 §5.6.2
_REQUEST_LINE = re.compile(_TOKEN + rb" ([^ \r\n]+) HTTP/(1\.\d)")
_METHOD = re.compile(rb"[A-Z]{1,20}(?: [^\r\n]*)?(?:\r|\Z)")
_FIELD = re.compile(_TOKEN + rb":[ \t]*([^\0]*?)[ \t]*")  # RFC 9110 §5.1, §5.5

_OTHERS: list[tuple[re.Pattern[bytes], str]] = [
    (re.compile(rb"[\x14-\x17]\x03[\x00-\x04]"), "TLS"),
    (re.compile(rb"(?s)\x00..\x04.\x00\x00\x00\x00"), "HTTP/2"),  # a SETTINGS frame (RFC 9113 §3.4)
    (re.compile(rb"PRI \* HTTP/2"), "HTTP/2"),  # a client's preface (RFC 9113 §3.4)
    (re.compile(rb"HTTP/[2-9]"), "HTTP of another version"),
    (re.compile(rb"SSH-\d"), "SSH"),
    (re.compile(rb"220[ -]"), "SMTP or FTP"),
    (re.compile(rb"\+OK "), "POP3"),
    (re.compile(rb"\* OK "), "IMAP"),
    (re.compile(rb"-ERR "), "Redis"),
    (re.compile(rb"RFB \d"), "VNC"),
    (re.compile(rb"AMQP"), "AMQP"),
    (re.compile(rb"(?s)...\x00[\x09\x0a]\d"), "MySQL"),
    (re.compile(rb"[\x81\x82\x88-\x8a][\x00-\x7f]"), "a WebSocket frame, before any handshake"),
]


class HeadError(WslabError):
    """Bytes that are not an HTTP/1.1 head, or exceed a bound; the message names it."""

    def __init__(self, fault: HeadFault, what: str) -> None:
        super().__init__(what)
        self.fault = fault


class Fields(tuple[tuple[str, str], ...]):
    """A head's fields, in order, with their names as written."""

    __slots__ = ()

    def get(self, name: str, default: str = "") -> str:
        """Return a field's value; several lines are combined into a list (RFC 9110 §5.3)."""
        name = name.lower()
        values = [value for own, value in self if own.lower() == name]
        return ", ".join(values) if values else default

    def options(self, name: str) -> list[str]:
        """Return the members of a list field, such as Connection, in lower case."""
        return [option for each in self.get(name).lower().split(",") if (option := each.strip())]

    def has(self, name: str) -> bool:
        """Whether there is such a field, empty or not."""
        return any(own.lower() == name.lower() for own, _ in self)


class ResponseHead(NamedTuple):
    """A response's head: the first `head_bytes` received, including interim answers before it."""

    version: str
    status: int
    phrase: str
    fields: Fields
    head_bytes: int
    interim: tuple[int, ...] = ()


class RequestHead(NamedTuple):
    """A request's head: the first `head_bytes` received."""

    method: str
    resource: str
    version: str
    fields: Fields
    head_bytes: int


def read_response(received: bytes, *, max_bytes: int = MAX_HEAD_BYTES) -> ResponseHead | None:
    """Return the first head that is not an interim answer (101 is not); None if it is incomplete.

    Raises:
        HeadError: it is not an HTTP/1.1 response, or exceeds a bound.
    """
    at = 0
    interim: list[int] = []
    while True:
        if received[at : at + 7] != b"HTTP/1."[: len(received) - at]:
            raise _not_http(received[at:])
        end = _end(received, at, max_bytes)
        if end is None:
            return None
        head = received[at:end]
        line = _STATUS_LINE.fullmatch(_first_line(head))
        if line is None:
            raise _not_http(head)
        response = ResponseHead(
            line[1].decode(), int(line[2]), (line[3] or b"").decode("latin-1"), _fields(head), end, tuple(interim)
        )
        if response.status >= 200 or response.status == 101:
            return response
        interim.append(response.status)
        if len(interim) > MAX_INTERIM:
            raise HeadError("too_many_interim", f"more than {MAX_INTERIM} interim answers, the last {interim[-1]}")
        at = end


def read_request(received: bytes, *, max_bytes: int = MAX_HEAD_BYTES) -> RequestHead | None:
    """Return a request's head; None if it is incomplete.

    Raises:
        HeadError: it is not an HTTP/1.1 request, or exceeds a bound.
    """
    end = _end(received, 0, max_bytes)
    if end is None:
        if received and not _METHOD.match(received):
            raise _not_http(received)
        return None
    line = _REQUEST_LINE.fullmatch(_first_line(received[:end]))
    if line is None:
        raise _not_http(received)
    method, resource, version = (part.decode("latin-1") for part in line.groups())
    return RequestHead(method, resource, version, _fields(received[:end]), end)


def _end(received: bytes, at: int, max_bytes: int) -> int | None:
    found = _END.search(received, at)
    if found is None and len(received) <= max_bytes:
        return None
    if found is None or found.end() > max_bytes:
        raise HeadError("too_long", f"a head of more than {max_bytes:,} bytes")
    return found.end()


def _first_line(head: bytes) -> bytes:
    return head.partition(b"\n")[0].removesuffix(b"\r")


def _fields(head: bytes) -> Fields:
    lines = head.replace(b"\r\n", b"\n").rstrip(b"\n").split(b"\n")[1:]
    if len(lines) > MAX_FIELDS:
        raise HeadError("too_long", f"a head of {len(lines):,} fields, which is more than {MAX_FIELDS}")
    fields = []
    for line in lines:
        field = _FIELD.fullmatch(line)
        if field is None:
            raise HeadError("malformed", f"a head with a line that is not a field: {line[:80]!r}")
        fields.append((field[1].decode(), field[2].decode("latin-1")))
    return Fields(fields)


def _not_http(received: bytes) -> HeadError:
    known = next((name for pattern, name in _OTHERS if pattern.match(received)), None)
    what = f"{known}, not HTTP/1.1" if known else "not HTTP/1.1"
    return HeadError("not_http", f"{what}: {received[:80]!r}")


def retry_after_s(fields: Fields | Mapping[str, str]) -> float | None:
    """Return the seconds that Retry-After asks for, as a number or as a date (RFC 9110 §10.2.3).

    A date counts from the answer's own Date, else from this machine's clock; a date in the past is 0. Returns None if
    the field is missing, is neither a number nor a date, or asks for more than a year, which nobody waits.
    """
    value = fields.get("Retry-After", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", value, re.ASCII):
        seconds = float(value)
    else:
        due_s, date_s = _timestamp(value), _timestamp(fields.get("Date", ""))
        seconds = math.inf if due_s is None else max(0.0, due_s - (time.time() if date_s is None else date_s))
    return seconds if seconds <= MAX_RETRY_AFTER_S else None


def _timestamp(date: str) -> float | None:
    try:
        return parsedate_to_datetime(date).timestamp()
    except (ValueError, OverflowError):
        return None
