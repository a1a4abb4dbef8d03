"""What a client may still send on its connection: counts of messages, frames and bytes, and rates per second."""

from __future__ import annotations

from wslab.core.knobs import Knobs


class Bucket:
    """An allowance per second: a second's worth (at least one) may be spent at once; it is refilled evenly."""

    def __init__(self, per_s: float, now: float) -> None:
        self._per_s = per_s
        self._full = max(1.0, per_s)
        self._left = self._full
        self._at = now

    def spend(self, amount: float, now: float) -> bool:
        """Take `amount`, and return whether there was enough."""
        self._left = min(self._full, self._left + (now - self._at) * self._per_s)
        self._at = now
        if self._left < amount:
            return False
        self._left -= amount
        return True


class Allowances:
    """The rates and counts of one connection, under `knobs`, from `now` on."""

    def __init__(self, knobs: Knobs, now: float) -> None:
        self._messages = None if knobs.max_messages_per_s is None else Bucket(knobs.max_messages_per_s, now)
        self._bytes = None if knobs.max_bytes_per_s is None else Bucket(knobs.max_bytes_per_s, now)
        self._left = {
            "max_connection_messages": knobs.max_connection_messages,
            "max_connection_frames": knobs.max_connection_frames,
            "max_connection_bytes": knobs.max_connection_bytes,
        }

    def spend(self, payload_bytes: int, *, begins_message: bool, now: float) -> str | None:
        """Account for one data frame, and return the knob that forbids it; None if none does."""
        if self._messages is not None and begins_message and not self._messages.spend(1, now):
            return "max_messages_per_s"
        if self._bytes is not None and not self._bytes.spend(payload_bytes, now):
            return "max_bytes_per_s"
        for (knob, left), amount in zip(self._left.items(), (begins_message, 1, payload_bytes), strict=True):
            if left is not None and left < amount:
                return knob
            self._left[knob] = None if left is None else left - amount
        return None
