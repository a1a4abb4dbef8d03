"""Records on their way to the page: small events, batched into frames, each sent once.

A record becomes a short list that begins with its kind. The page draws them as they come; nothing is measured here and
nothing is decided.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from wslab.core.records import (
    RUN_ENDED,
    Attempt,
    Closure,
    Notice,
    Outage,
    Record,
    Restart,
    Send,
    SendOutcome,
    Sighting,
    Waiting,
)

Event: TypeAlias = list[Any]

FRAME_S = 1 / 60
"""What happens within it is told together: about a frame of a screen, so that nobody sees the wait."""


def as_event(record: Record) -> Event | None:
    """Return a record as the views read it, times in seconds to the millisecond; None for one that no view shows."""
    match record:
        case Send() if record.outcome != "interrupted":  # which is nothing that the server did
            met = record.close_code if record.outcome == "closed" else record.outcome
            return ["send", _ms(record.started_at_s), record.payload_bytes, met or record.outcome]
        case Sighting():
            return ["send", _ms(record.started_at_s), record.payload_bytes, sighting_met(record)[1]]
        case Attempt():
            times = (record.due_at_s, record.started_at_s, record.ended_at_s)
            return ["attempt", record.client, record.outage, *map(_ms, times), record.outcome, _ms(record.delay_s)]
        case Closure():
            return ["closure", record.client, _ms(record.closed_at_s), record.close_code, record.closed_by]
        case Waiting() if record.outage or record.delay_s:  # but not the first connection, which is due at once
            return ["waiting", record.client, record.outage, _ms(record.due_at_s), _ms(record.delay_s)]
        case Outage():
            gave_up = None if record.gave_up == RUN_ENDED else record.gave_up
            return ["outage", record.client, record.attempts, _ms(record.reopened_at_s), gave_up]
        case Restart():
            states = (record.requested_at_s, record.down_at_s, record.up_at_s)
            limit_bytes = record.knobs_after.max_message_bytes if record.knobs_after else None
            return ["restart", record.number, record.kind, *map(_ms, states), limit_bytes]
        case Notice():
            return ["notice", msgspec.structs.asdict(record)]
        case _:
            return None


def sighting_met(sighting: Sighting) -> tuple[SendOutcome, int | SendOutcome]:
    """Return the outcome of a message by what the application that sent it was told, and that or the close code."""
    if sighting.close_code is not None:
        return "closed", sighting.close_code
    return ("timeout", "timeout") if sighting.error else ("accepted", "accepted")


def _ms(time_s: float | None) -> float | None:
    return None if time_s is None else round(time_s, 3)


class Live:
    """Called with each record, on the background loop; tells the page of it within `FRAME_S`.

    `events` are all so far: what a page that is opened later draws.
    """

    def __init__(self, tell: Callable[[list[Event]], None]) -> None:
        self.events: list[Event] = []
        self._tell = tell
        self._told = 0
        self._frame: asyncio.TimerHandle | None = None
        self._telling = threading.Lock()

    def __call__(self, record: Record) -> None:
        event = as_event(record)
        if event is None:
            return
        self.events.append(event)
        if self._frame is None:
            self._frame = asyncio.get_running_loop().call_later(FRAME_S, self.flush)

    def begin(self, job: str) -> None:
        """Tell, from any thread, that a drill begins: what follows has a clock and clients of its own."""
        with self._telling:
            self.events.append(["drill", job])
            self._told = len(self.events)
            self._tell(self.events[-1:])

    def tell_anew(self, tell_all: Callable[[list[Event]], None]) -> None:
        """Tell everything once more, from any thread, to a page that knows nothing yet."""
        with self._telling:
            self._told = len(self.events)
            tell_all(self.events)

    def flush(self) -> None:
        """Tell what is untold, from any thread."""
        self._frame = None
        with self._telling:
            untold, self._told = self.events[self._told :], len(self.events)
            if untold:
                self._tell(untold)
