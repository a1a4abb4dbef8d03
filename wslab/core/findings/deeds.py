"""What a relay did itself: an end, a close frame, an answer that is its doing says nothing of the other side.

Its own record says so: of frames that it put in, rewrote, withheld or cut, and of faults that were on when it ended a
connection. What it ended is for every other rule a connection that was open until then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Literal, NamedTuple

from wslab.core.records import Attempt, Closure, Frame, Injection, Record

SOON_S = 0.25
"""How far a relay's deed and what was seen of it may lie apart."""

STOPPED = "the relay was stopped"
"""Why a relay ended a connection (`Closure.bound`) that was open when it stopped."""

Deed = Literal["put in", "rewrote", "withheld", "cut", "ended", "answered", "stopped"]


class RelayDeed(NamedTuple):
    """What the relay did to a closure or an attempt: the record of it, by its id, and what it was."""

    deed: Deed
    by: int
    fault: str
    code: int | None = None
    reason: str = ""
    toxicity: float = 1.0


def relay_deeds(records: Iterable[Record]) -> dict[int, RelayDeed]:
    """Return what the relay did, by the ids of the closures and the attempts that it was done to."""
    numbered = [*enumerate(records)]
    injections = [(number, record) for number, record in numbered if isinstance(record, Injection)]
    bent = [(number, record) for number, record in numbered if isinstance(record, Frame) and record.fate != "passed"]
    found: dict[int, RelayDeed] = {}
    for number, record in numbered:
        deed = None
        if isinstance(record, Closure) and record.bound == STOPPED:
            deed = RelayDeed("stopped", number, "")
        elif isinstance(record, Closure):
            deed = _of_frames(record, bent) or _of_faults(record, injections)
        elif isinstance(record, Attempt):
            deed = _answered(record, injections)
        if deed is not None:
            found[number] = deed
    return found


def _of_frames(closure: Closure, bent: list[tuple[int, Frame]]) -> RelayDeed | None:
    mine = [
        (number, frame)
        for number, frame in bent
        if frame.client == closure.client and closure.opened_at_s <= frame.at_s <= closure.closed_at_s
    ]
    for number, frame in mine:
        closing = frame.opcode == "close"
        if closing and frame.fate == "inserted" and frame.at_s <= closure.close_started_at_s + SOON_S:
            return RelayDeed("put in", number, "send_close", frame.close_code, frame.close_reason or "")
        if closing and frame.fate == "rewritten":
            return RelayDeed("rewrote", number, "rewrite_close", frame.close_code, frame.close_reason or "")
        if closing and frame.fate == "dropped":
            return RelayDeed("withheld", number, "drop_close", frame.close_code, frame.close_reason or "")
        if frame.fate == "cut":
            return RelayDeed("cut", number, "cut")
    return None


def _of_faults(closure: Closure, injections: list[tuple[int, Injection]]) -> RelayDeed | None:
    """Tell an end without a close frame from the fault that was on, and due then."""
    if closure.received is not None or closure.sent is not None:
        return None
    for number, injection in _on_at(closure.closed_at_s, injections):
        settings = injection.settings
        due_s = max(injection.at_s, closure.opened_at_s) + _delay_s(injection.fault, settings)
        by_bytes = injection.fault == "limit_data" and settings.get("limit_bytes", 0) <= max(
            closure.sent_wire_bytes, closure.received_wire_bytes
        )
        if by_bytes or abs(closure.closed_at_s - due_s) <= SOON_S:
            return RelayDeed("ended", number, injection.fault, toxicity=settings.get("toxicity", 1.0))
    return None


def _on_at(at_s: float, injections: list[tuple[int, Injection]]) -> Iterator[tuple[int, Injection]]:
    """Yield the faults that were on at a moment."""
    on: dict[str, tuple[int, Injection]] = {}
    for number, injection in injections:
        if injection.at_s > at_s:
            break
        on.pop(injection.label, None)
        if injection.on:
            on[injection.label] = number, injection
    yield from on.values()


def _delay_s(fault: str, settings: dict[str, Any]) -> float:
    """Return how long after its beginning a fault ends a connection; infinite for one that ends none by the clock."""
    never = float("inf")
    match fault:
        case "down":
            return 0.0
        case "reset_peer":
            return float(settings.get("timeout_s", 0.0))
        case "timeout":
            return float(settings.get("timeout_s") or never)
        case "send_close" if settings.get("code") == 1006:
            return float(settings.get("after_s", 0.0))
    return never


def _answered(attempt: Attempt, injections: list[tuple[int, Injection]]) -> RelayDeed | None:
    for number, injection in _on_at(attempt.ended_at_s, injections):
        if injection.fault == "unavailable" and attempt.http_status == injection.settings.get("status"):
            return RelayDeed("answered", number, "unavailable", attempt.http_status)
    return None
