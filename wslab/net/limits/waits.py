"""How long silence must last to mean something, by what the server has shown so far."""

from __future__ import annotations

TRUSTED_BYTES_PER_S = 10e6
"""How fast a server is trusted to get through a message before its silence counts; slower ones are learnt."""

SMALL_BYTES = 64 * 1024
MAX_ANSWER_S = 1.0
LONGEST_S = 12.0
"""No silence is waited for longer, however slow the server and patient the trial: several times its slowest answer."""

FORGET = 0.7
"""What a slow answer weighs when the next one has come: a server's first ones are slower than the rest."""


class Waits:
    """Multiples of the slowest answer and the slowest refusal of late; a trial's patience multiplies them again.

    The lower bounds are those of a busy machine. Too short a wait costs a contradiction later, never the answer.
    """

    def __init__(self) -> None:
        self.answer_s = 0.0
        self.refusal_s: float | None = None
        self.bytes_per_s = TRUSTED_BYTES_PER_S

    def note_answer(self, took_s: float, payload_bytes: int) -> None:
        """Learn from an answer: from a small message's the way there and back, from a large one's the throughput."""
        if payload_bytes <= SMALL_BYTES:
            self.answer_s = max(FORGET * self.answer_s, min(took_s, MAX_ANSWER_S))
        else:
            self.bytes_per_s = min(self.bytes_per_s, payload_bytes / took_s / 4)

    def note_refusal(self, took_s: float) -> None:
        """Learn from the refusal of a header."""
        self.refusal_s = max(FORGET * (self.refusal_s or 0.0), took_s)

    def for_answer(self, patience: int = 1, payload_bytes: int = 0) -> float:
        """For the first sign after a message."""
        return min(patience * max(0.075, 10 * self.answer_s), LONGEST_S) + payload_bytes / self.bytes_per_s

    def for_more(self, patience: int = 1, payload_bytes: int = 0) -> float:
        """For an answer or a close frame that a pong has overtaken."""
        return min(patience * max(0.02, 5 * self.answer_s), LONGEST_S) + payload_bytes / self.bytes_per_s

    def for_refusal(self, patience: int = 1) -> float:
        """For the refusal of a header: long before the first one was seen, since then it decides how to go on."""
        if self.refusal_s is None:
            return max(0.1, 20 * self.answer_s)
        return patience * max(0.01, 6 * self.refusal_s, 3 * self.answer_s)

    def for_reset(self) -> float:
        """For the RST that answers a byte sent to a closed connection."""
        return max(0.01, 3 * self.answer_s)
