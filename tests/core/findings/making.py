"""Records as an experiment emits them, of which a test names only what matters to it."""

from __future__ import annotations

from typing import Any

from wslab.core.records import (
    Account,
    Attempt,
    Close,
    Closure,
    Frame,
    Injection,
    Outage,
    Ping,
    Restart,
    Send,
    Statement,
    Trace,
    closed_by,
)


def attempt(client: int = 0, at_s: float = 0.0, outcome: Any = "opened", **more: Any) -> Attempt:
    defaults: dict[str, Any] = {
        "outage": 0,
        "number": 1,
        "delay_s": 0.0,
        "http_status": 101 if outcome == "opened" else None,
        "retry_after_s": None,
        "connection_id": None,
        "error": None,
    }
    times = {"due_at_s": at_s, "started_at_s": at_s, "ended_at_s": at_s}
    return Attempt(client=client, outcome=outcome, **{**defaults, **times, **more})


def send(client: int = 0, at_s: float = 0.5, payload_bytes: int = 10, outcome: Any = "accepted", **more: Any) -> Send:
    defaults: dict[str, Any] = {
        "number": 1,
        "connection_id": None,
        "payload_kind": "text",
        "payload_characters": payload_bytes,
        "fragment_count": 1,
        "wire_bytes": payload_bytes + 6,
        "send_s": 0.0,
        "round_trip_s": 0.001 if outcome == "accepted" else None,
        "reply_bytes": payload_bytes if outcome == "accepted" else None,
        "close_code": None,
        "close_reason": None,
        "error": None,
    }
    return Send(client=client, started_at_s=at_s, payload_bytes=payload_bytes, outcome=outcome, **{**defaults, **more})


def ping(client: int = 0, at_s: float = 0.5, sent_by: Any = "client", answered_at_s: float | None = None) -> Ping:
    return Ping(
        client=client,
        connection_id=None,
        sent_by=sent_by,
        sent_at_s=at_s,
        payload_bytes=4,
        answered_at_s=answered_at_s,
    )


def frame(client: int = 0, at_s: float = 0.99, opcode: str = "close", fate: Any = "passed", **more: Any) -> Frame:
    defaults: dict[str, Any] = {
        "connection_id": None,
        "number": 1,
        "sent_by": "server",
        "final": True,
        "rsv1": False,
        "masked": False,
        "payload_bytes": 2,
        "passed_bytes": 2,
        "preview": "",
        "close_code": None,
        "close_reason": None,
    }
    return Frame(client=client, at_s=at_s, opcode=opcode, fate=fate, **{**defaults, **more})


def injection(fault: str, at_s: float = 0.0, **settings: Any) -> Injection:
    return Injection(at_s=at_s, label=fault, fault=fault, on=True, settings=settings)


def closure(
    client: int = 0,
    opened_at_s: float = 0.0,
    closed_at_s: float = 1.0,
    received: int | tuple[int, str] | None = None,
    sent: int | None = None,
    sent_first: bool = False,
    **more: Any,
) -> Closure:
    code, reason = received if isinstance(received, tuple) else (received, "")
    theirs = None if code is None else Close(code=code, reason=reason)
    ours = None if sent is None else Close(code=sent)
    defaults: dict[str, Any] = {
        "connection_id": None,
        "close_started_at_s": closed_at_s,
        "close_code": theirs.code if theirs else 1006,
        "close_reason": reason,
        "clean": theirs is not None and ours is not None,
        "closed_by": closed_by(theirs, ours, sent_first=sent_first, here="client"),
        "recovered": False,
        "send_error": None,
        "tcp_end": "fin",
        "sent_wire_bytes": 0,
        "received_wire_bytes": 0,
    }
    frames = {"received": theirs, "sent": ours}
    times = {"opened_at_s": opened_at_s, "closed_at_s": closed_at_s}
    return Closure(client=client, **{**defaults, **times, **frames, **more})


def account(connection_id: str, sent: int | None = None, closed_by: Any = "server", **more: Any) -> Account:
    defaults: dict[str, Any] = {
        "start": 1,
        "peer_port": 1,
        "opened_at_s": 0.0,
        "closed_at_s": 1.0,
        "received_frames": 0,
        "received_messages": 0,
        "received_payload_bytes": 0,
        "received_wire_bytes": 0,
        "sent_wire_bytes": 0,
        "received": None,
        "error": None,
    }
    frame = None if sent is None else Close(code=sent)
    return Account(connection_id=connection_id, closed_by=closed_by, sent=frame, **{**defaults, **more})


def outage(client: int = 0, closed_at_s: float = 1.0, gave_up: str | None = None, **more: Any) -> Outage:
    defaults: dict[str, Any] = {
        "number": 1,
        "close_code": 1006,
        "close_reason": "",
        "attempts": 1,
        "reopened_at_s": None,
        "time_to_reconnect_s": None,
    }
    return Outage(client=client, closed_at_s=closed_at_s, gave_up=gave_up, **{**defaults, **more})


def restart(kind: Any = "graceful", at_s: float = 1.0, down_at_s: float | None = 1.01, **more: Any) -> Restart:
    defaults: dict[str, Any] = {"number": 1, "up_at_s": None, "knobs_after": None}
    return Restart(kind=kind, requested_at_s=at_s, down_at_s=down_at_s, **{**defaults, **more})


def trace(connection_id: str = "1", **more: Any) -> Trace:
    """A WebSocket that the capture shows whole, and that the server ended in order."""
    defaults: dict[str, Any] = {
        "client": 0,
        "client_address": "192.0.2.1:4000",
        "server_address": "192.0.2.2:80",
        "url": None,
        "protocol": "websocket",
        "opening_seen": True,
        "ending_seen": True,
        "guessed": False,
        "started_at_s": 0.0,
        "ended_at_s": 1.0,
        "ended_by": "server",
        "end": "fin",
        "last_client_at_s": 0.5,
        "last_server_at_s": 0.5,
        "sent_messages": 1,
        "received_messages": 1,
        "client_bytes": 100,
        "server_bytes": 100,
    }
    return Trace(connection_id=connection_id, **{**defaults, **more})


def statement(subject: str | None = "a product", **more: Any) -> Statement:
    defaults: dict[str, Any] = {
        "words": "closed with 1009",
        "meaning": "The other side closed." if subject else None,
        "source": "owner/repository@0123456789abcdef0123456789abcdef01234567:file" if subject else None,
    }
    nothing = dict.fromkeys(Statement.__struct_fields__)
    return Statement(**{**nothing, "subject": subject, **defaults, **more})
