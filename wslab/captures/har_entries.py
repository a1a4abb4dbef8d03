"""The parts of a HAR that describe a WebSocket, as various programs write them.

An entry or message that cannot be read is skipped and counted. Message times are in seconds; Playwright's are in
milliseconds. Sources: ChromeDevTools/devtools-frontend `HARLog.ts`, microsoft/playwright
`harTracer.ts`, mitmproxy/mitmproxy `mitmproxy/addons/savehar.py`, httptoolkit/httptoolkit-ui `src/model/http/har.ts`.
"""

from __future__ import annotations

import base64
import datetime
import math
import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from wslab.core.errors import CaptureError, in_words
from wslab.core.records import Side
from wslab.net.close_bodies import read_close

MAX_CONNECTIONS = 20_000
MAX_MESSAGES = 200_000
"""Messages read per connection: the last ones."""

BINARY, CLOSE, PING, PONG = 2, 8, 9, 10
"""Opcodes. Most programs write only data messages; some write control frames too."""

_MILLISECONDS_FROM = 1e11
"""In seconds this is the year 5138, in milliseconds 1973."""


class Pair(msgspec.Struct):
    """A header's name and value."""

    name: str = ""
    value: str = ""


class Request(msgspec.Struct):
    """The request."""

    url: str = ""
    headers: list[Pair] = []


class Response(msgspec.Struct):
    """The response, or the browser's explanation why there was none."""

    status: int = 0
    headers: list[Pair] = []
    failure: str | None = msgspec.field(default=None, name="_failureText")
    error: str | None = msgspec.field(default=None, name="_error")


class MessageEntry(msgspec.Struct):
    """A message in either direction; with another `type`, a browser's error message."""

    time: float
    data: str
    type: str = ""
    opcode: int = 1
    code: int | None = None
    reason: str | None = None


class CloseEntry(msgspec.Struct):
    """How a connection closed: as written by HTTP Toolkit, or by the first close frame among the messages."""

    code: int | None = None
    reason: str | None = None
    timestamp: float | None = None
    sent_by: Side | None = None


class Entry(msgspec.Struct):
    """A request, and the messages that followed if it opened a WebSocket."""

    request: Request
    started: str = msgspec.field(default="", name="startedDateTime")
    response: Response = msgspec.field(default_factory=Response)
    messages: list[msgspec.Raw] | None = msgspec.field(default=None, name="_webSocketMessages")
    end: CloseEntry | Literal["aborted"] | None = msgspec.field(default=None, name="_webSocketClose")
    kind: str | None = msgspec.field(default=None, name="_resourceType")


class Creator(msgspec.Struct):
    """The program that wrote the HAR."""

    name: str = "?"
    version: str = ""


class Log(msgspec.Struct):
    """The contents of a HAR."""

    entries: list[msgspec.Raw]
    creator: Creator = msgspec.field(default_factory=Creator)


class Har(msgspec.Struct):
    """The document."""

    log: Log


_LOOKS_LIKE_IT = re.compile(rb'^\s*\{\s*"log"\s*:\s*\{(?=.{0,2000}"(?:entries|creator)")', re.DOTALL)


def read_log(content: bytes, *, name: str = "har") -> Log | None:
    """Return the log of a HAR; None if the JSON is not a HAR.

    Raises:
        CaptureError: it begins like a HAR, but is damaged or cut off.
    """
    try:
        return msgspec.json.decode(content, type=Har, strict=False).log
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        if _LOOKS_LIKE_IT.match(content[:4096]):
            raise CaptureError(f"{name} begins as a HAR does, and is damaged or cut off: {in_words(error)}") from None
        return None


def entries_of(log: Log) -> tuple[list[Entry], list[str]]:
    """Return the entries of WebSockets, opened or refused, and in words how many could not be read."""
    entries, unread = [], 0
    for raw in log.entries:
        try:
            entry = msgspec.json.decode(raw, type=Entry, strict=False)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            unread += b"ebSocket" in bytes(raw)
            continue
        if _is_websocket(entry):
            entries.append(entry)
    losses = [f"entries of WebSockets that cannot be read: {unread:,}"] if unread else []
    if len(entries) > MAX_CONNECTIONS:
        losses.append(f"connections beyond the first {MAX_CONNECTIONS:,}: {len(entries) - MAX_CONNECTIONS:,}")
    return entries[:MAX_CONNECTIONS], losses


def _is_websocket(entry: Entry) -> bool:
    """Whether it opened a WebSocket or asked for one; some programs record that like any other request."""
    if entry.messages is not None or entry.kind == "websocket" or entry.request.url.startswith(("ws:", "wss:")):
        return True
    asked = {(pair.name.lower(), pair.value.lower()) for pair in entry.request.headers}
    return ("upgrade", "websocket") in asked or ("sec-websocket-version", "13") in asked


def end_of(entry: Entry) -> CloseEntry | Literal["aborted"] | None:
    """Return how the connection ended, if the HAR says so."""
    closes = [message for message in messages_of(entry) if message.opcode == CLOSE]
    if entry.end is not None or not closes:
        return entry.end
    first = min(closes, key=lambda message: message.time)
    code, reason = first.code, first.reason
    if code is None and first.data:
        body = read_close(_decoded(first.data))
        code, reason = body.code, body.reason
    return CloseEntry(code, reason, first.time, "client" if first.type == "send" else "server")


def messages_of(entry: Entry) -> Iterator[MessageEntry]:
    """Yield an entry's readable messages, with their times in seconds."""
    for raw in (entry.messages or [])[-MAX_MESSAGES:]:
        try:
            message = msgspec.json.decode(raw, type=MessageEntry, strict=False)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
        if math.isfinite(message.time):
            message.time = seconds_of(message.time)
            yield message


def unread_of(entry: Entry) -> int:
    """Return how many of an entry's messages cannot be read because they lack a time or data."""
    return len((entry.messages or [])[-MAX_MESSAGES:]) - sum(1 for _ in messages_of(entry))


def size_of(message: MessageEntry) -> int:
    """Return the size of a message's payload in bytes; binary ones are written in base64."""
    if message.opcode in (BINARY, PING, PONG):
        return len(message.data.rstrip("=")) * 3 // 4
    return len(message.data.encode(errors="surrogatepass"))


def _decoded(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except ValueError:
        return data.encode("latin-1", errors="replace")


def seconds_of(time: float) -> float:
    """Return a time in seconds since 1970, whether it is in seconds or milliseconds."""
    return time / 1000 if time > _MILLISECONDS_FROM else time


def begun_s(entry: Entry) -> float:
    """Return when the connection began; if its start cannot be read, the time of its first message."""
    try:
        begun = datetime.datetime.fromisoformat(entry.started)
    except ValueError:
        return min((message.time for message in messages_of(entry)), default=0.0)
    return begun.replace(tzinfo=begun.tzinfo or datetime.UTC).timestamp()
