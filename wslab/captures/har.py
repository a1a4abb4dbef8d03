"""Reads a HAR into a run: `read_har`. Chrome, Playwright, mitmproxy and HTTP Toolkit write them.

Of these only HTTP Toolkit records how a connection closed, and none records who closed it. Programs that write control
frames record both. Sizes are kept, contents are not.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal
from urllib.parse import urlsplit

from wslab.captures.capture import capture_info
from wslab.captures.har_entries import (
    BINARY,
    CLOSE,
    PING,
    PONG,
    CloseEntry,
    Entry,
    Log,
    MessageEntry,
    begun_s,
    end_of,
    entries_of,
    messages_of,
    read_log,
    seconds_of,
    size_of,
    unread_of,
)
from wslab.captures.texts import read_statement
from wslab.core.errors import CaptureError
from wslab.core.records import Attempt, Ping, Receipt, Record, Send, Statement, Trace
from wslab.core.runs import Run
from wslab.core.secrets import without_secrets
from wslab.net.heads import Fields, retry_after_s


def read_har(content: bytes, *, name: str = "har") -> Run | None:
    """Return what a HAR shows of WebSocket connections; None if the JSON is not a HAR.

    Raises:
        CaptureError: it is a HAR without WebSockets, or a damaged one.
    """
    log = read_log(content, name=name)
    if log is None:
        return None
    entries, unread = entries_of(log)
    if not entries:
        hint = "open DevTools first and then the page: connections that were open before are not in it"
        why = "; ".join(unread) or hint
        raise CaptureError(f"{name}: a HAR of {len(log.entries):,} requests without a WebSocket; {why}")
    origin_s = min(begun_s(entry) for entry in entries)
    records = [
        record for number, entry in enumerate(entries, start=1) for record in _tell(entry, number, origin_s, log)
    ]
    records.sort(key=lambda entry: entry[0])
    messages = sum(map(unread_of, entries))
    unread += [f"messages without their time or their data: {messages:,}"] if messages else []
    info = capture_info(name, origin_s, origin_s + records[-1][0], losses=unread)
    return Run(info, tuple(record for _, record in records))


def _tell(entry: Entry, number: int, origin_s: float, log: Log) -> Iterator[tuple[float, Record]]:
    """Yield one connection's records, each with the time by which it is ordered."""
    client, connection_id = number - 1, str(number)
    started_s = begun_s(entry) - origin_s
    all_messages = sorted(messages_of(entry), key=lambda message: message.time)
    messages = [message for message in all_messages if message.opcode not in (CLOSE, PING, PONG)]
    end = end_of(entry)
    times_s = [message.time - origin_s for message in messages]
    yield started_s, _attempt(entry, client, connection_id, started_s)
    received_s = [at_s for at_s, message in zip(times_s, messages, strict=True) if message.type == "receive"]
    sent = received = 0
    for at_s, message in zip(times_s, messages, strict=True):
        if message.type == "send":
            sent += 1
            yield at_s, _send(message, client, connection_id, sent, at_s, max(received_s, default=-math.inf))
        elif message.type == "receive":
            received += 1
            yield at_s, _receipt(message, client, connection_id, received, at_s)
    for ping in _pings(all_messages, client, connection_id, origin_s):
        yield ping.sent_at_s, ping
    last_s = max([started_s, *times_s])
    if isinstance(end, CloseEntry) and end.timestamp is not None:
        last_s = max(last_s, seconds_of(end.timestamp) - origin_s)
    yield last_s, _trace(entry, end, client, connection_id, started_s, last_s, messages, times_s)
    if isinstance(end, CloseEntry) and end.code is not None:
        yield last_s, _statement(end, log)


def _attempt(entry: Entry, client: int, connection_id: str, at_s: float) -> Attempt:
    response = entry.response
    opened = _has_opened(entry)
    failure = response.failure or response.error
    said = read_statement(failure) if failure else None
    status = response.status if response.status > 0 else said.http_status if said else None
    return Attempt(
        client=client,
        outage=0,
        number=1,
        delay_s=0.0,
        due_at_s=at_s,
        started_at_s=at_s,
        ended_at_s=at_s,
        outcome="opened" if opened else "rejected" if status else "failed",
        http_status=status,
        retry_after_s=None if opened else retry_after_s(Fields((pair.name, pair.value) for pair in response.headers)),
        connection_id=connection_id if opened else None,
        error=without_secrets(failure[:500]) if failure else None,
    )


def _has_opened(entry: Entry) -> bool:
    return entry.response.status == 101 or bool(entry.messages)


def _send(message: MessageEntry, client: int, connection_id: str, number: int, at_s: float, heard_s: float) -> Send:
    is_text = message.opcode != BINARY
    return Send(
        client=client,
        number=number,
        connection_id=connection_id,
        started_at_s=at_s,
        payload_kind="text" if is_text else "binary",
        payload_bytes=size_of(message),
        payload_characters=len(message.data) if is_text else None,
        fragment_count=1,
        wire_bytes=None,
        outcome="accepted" if at_s < heard_s else "unconfirmed",
        send_s=None,
        round_trip_s=None,
        reply_bytes=None,
        close_code=None,
        close_reason=None,
        error=None,
    )


def _receipt(message: MessageEntry, client: int, connection_id: str, number: int, at_s: float) -> Receipt:
    payload_bytes = size_of(message)
    return Receipt(
        client=client,
        number=number,
        connection_id=connection_id,
        started_at_s=at_s,
        ended_at_s=at_s,
        payload_kind="text" if message.opcode != BINARY else "binary",
        payload_bytes=payload_bytes,
        announced_bytes=payload_bytes,
        fragment_count=1,
        wire_bytes=None,
        complete=True,
    )


def _pings(messages: list[MessageEntry], client: int, connection_id: str, origin_s: float) -> Iterator[Ping]:
    """Yield the pings, each with the next pong of the other side that repeats its payload."""
    for place, ping in enumerate(messages):
        if ping.opcode == PING:
            later = (each for each in messages[place:] if each.opcode == PONG and each.type != ping.type)
            pong = next((each for each in later if each.data == ping.data), None)
            yield Ping(
                client=client,
                connection_id=connection_id,
                sent_by="client" if ping.type == "send" else "server",
                sent_at_s=ping.time - origin_s,
                payload_bytes=size_of(ping),
                answered_at_s=None if pong is None else pong.time - origin_s,
            )


def _trace(
    entry: Entry,
    end: CloseEntry | Literal["aborted"] | None,
    client: int,
    connection_id: str,
    started_s: float,
    last_s: float,
    messages: list[MessageEntry],
    times_s: list[float],
) -> Trace:
    last_of = {message.type: at_s for at_s, message in zip(times_s, messages, strict=True)}
    return Trace(
        client=client,
        connection_id=connection_id,
        client_address=None,
        server_address=urlsplit(entry.request.url).netloc.rpartition("@")[2] or None,
        url=_without_query(entry.request.url),
        protocol="websocket" if _has_opened(entry) else "none",
        opening_seen=True,
        ending_seen=end is not None,
        guessed=False,
        started_at_s=started_s,
        ended_at_s=last_s,
        ended_by=None,
        end=None,
        last_client_at_s=last_of.get("send"),
        last_server_at_s=last_of.get("receive"),
        sent_messages=sum(message.type == "send" for message in messages),
        received_messages=sum(message.type == "receive" for message in messages),
        client_bytes=None,
        server_bytes=None,
        omitted=unread_of(entry) > 0,
        remarks=list(_remarks(entry, end, messages)),
    )


def _remarks(entry: Entry, end: CloseEntry | Literal["aborted"] | None, messages: list[MessageEntry]) -> Iterator[str]:
    if end is None and _has_opened(entry):
        yield "a HAR does not say how or when it ended"
    elif end == "aborted":
        yield "it ended without a close frame, says the HAR"
    for message in messages:
        if message.type not in ("send", "receive"):
            yield f"the browser says: {without_secrets(message.data[:200])}"


def _statement(end: CloseEntry, log: Log) -> Statement:
    return Statement(
        subject=log.creator.name[:60],
        words=f"closed with {end.code} {(end.reason or '')[:123]}".strip(),
        at=None,
        speaker=None,
        close_code=end.code,
        close_reason=end.reason,
        told_by="received",
        closed_by=end.sent_by,
        limit_bytes=None,
        payload_bytes=None,
        http_status=None,
        meaning=f"The {end.sent_by}'s close frame was the first, with this code."
        if end.sent_by
        else "The proxy that wrote this HAR saw a close frame with this code.",
        leaves_open="why it was sent, beyond its own words" if end.sent_by else "which side sent it first",
        source=None,
    )


def _without_query(url: str) -> str | None:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}" if parts.netloc else None
