"""The members of a HAR that tell of a WebSocket, in the shapes in which programs write them.

What cannot be read of an entry or a message costs that one alone. The time of a message is in seconds, or, in
Playwright's, in milliseconds. Sources: ChromeDevTools/devtools-frontend `HARLog.ts`, microsoft/playwright
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
"""Of one connection: the last ones."""

BINARY, CLOSE, PING, PONG = 2, 8, 9, 10
"""Opcodes. Most programs write data messages alone; some write control frames too."""

_MILLISECONDS_FROM = 1e11
"""As seconds, a time as late as this is in the year 5138; as milliseconds, in 1973."""


class Pair(msgspec.Struct):
    """A header's name and value."""

    name: str = ""
    value: str = ""


class Request(msgspec.Struct):
    """What was asked for."""

    url: str = ""
    headers: list[Pair] = []


class Response(msgspec.Struct):
    """What came back, or why nothing did, in a browser's words."""

    status: int = 0
    headers: list[Pair] = []
    failure: str | None = msgspec.field(default=None, name="_failureText")
    error: str | None = msgspec.field(default=None, name="_error")


class MessageEntry(msgspec.Struct):
    """A message of either direction, or, of another `type`, what the browser says of an error."""

    time: float
    data: str
    type: str = ""
    opcode: int = 1
    code: int | None = None
    reason: str | None = None


class CloseEntry(msgspec.Struct):
    """How a connection closed, as HTTP Toolkit writes it, or as the first close frame among the messages says."""

    code: int | None = None
    reason: str | None = None
    timestamp: float | None = None
    sent_by: Side | None = None


class Entry(msgspec.Struct):
    """A request, with the messages that followed if it opened a WebSocket."""

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
    """What a HAR consists of."""

    entries: list[msgspec.Raw]
    creator: Creator = msgspec.field(default_factory=Creator)


class Har(msgspec.Struct):
    """The document."""

    log: Log


_LOOKS_LIKE_IT = re.compile(rb'^\s*\{\s*"log"\s*:\s*\{(?=.{0,2000}"(?:entries|creator)")', re.DOTALL)


def read_log(content: bytes, *, name: str = "har") -> Log | None:
    """Return the log of a HAR; None where the JSON is none.

    Raises:
        CaptureError: it begins as a HAR does, and is damaged or cut off.
    """
    try:
        return msgspec.json.decode(content, type=Har, strict=False).log
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        if _LOOKS_LIKE_IT.match(content[:4096]):
            raise CaptureError(f"{name} begins as a HAR does, and is damaged or cut off: {in_words(error)}") from None
        return None


def entries_of(log: Log) -> tuple[list[Entry], list[str]]:
    """Return the entries that are, or were to be, WebSockets; and in words how many could not be read."""
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
    """Whether it opened a WebSocket or asked for one; a program may write that down as any other request."""
    if entry.messages is not None or entry.kind == "websocket" or entry.request.url.startswith(("ws:", "wss:")):
        return True
    asked = {(pair.name.lower(), pair.value.lower()) for pair in entry.request.headers}
    return ("upgrade", "websocket") in asked or ("sec-websocket-version", "13") in asked


def end_of(entry: Entry) -> CloseEntry | Literal["aborted"] | None:
    """Return how the connection ended, where the HAR says so."""
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
    """Yield the messages of an entry that can be read, with their times in seconds."""
    for raw in (entry.messages or [])[-MAX_MESSAGES:]:
        try:
            message = msgspec.json.decode(raw, type=MessageEntry, strict=False)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
        if math.isfinite(message.time):
            message.time = seconds_of(message.time)
            yield message


def unread_of(entry: Entry) -> int:
    """Return how many messages of an entry cannot be read: without data there is no size, without a time no place."""
    return len((entry.messages or [])[-MAX_MESSAGES:]) - sum(1 for _ in messages_of(entry))


def size_of(message: MessageEntry) -> int:
    """Return the size of a message's payload: of a binary one, which is written in base64, that of its bytes."""
    if message.opcode in (BINARY, PING, PONG):
        return len(message.data.rstrip("=")) * 3 // 4
    return len(message.data.encode(errors="surrogatepass"))


def _decoded(data: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except ValueError:
        return data.encode("latin-1", errors="replace")


def seconds_of(time: float) -> float:
    """Return a time in seconds since 1970, whichever of the two units it is in."""
    return time / 1000 if time > _MILLISECONDS_FROM else time


def begun_s(entry: Entry) -> float:
    """Return when the connection was begun; of an entry that says nothing readable, the moment of its first message."""
    try:
        begun = datetime.datetime.fromisoformat(entry.started)
    except ValueError:
        return min((message.time for message in messages_of(entry)), default=0.0)
    return begun.replace(tzinfo=begun.tzinfo or datetime.UTC).timestamp()
