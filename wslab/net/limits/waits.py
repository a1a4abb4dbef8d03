"""How long silence must last to mean something, by what the server has shown so far."""

from __future__ import annotations

TRUSTED_BYTES_PER_S = 10e6
"""How fast a server is trusted to get through a message before its silence counts; slower ones are learnt."""

SMALL_BYTES = 64 * 1024
MAX_ANSWER_S = 5.0
LONGEST_S = 12.0
"""No silence is waited for longer, however slow the server and patient the trial: several times its slowest answer."""

PROMPT_REFUSAL_S = 0.2

PROMPT_S = 0.1
"""What is slower to answer is slow of its own accord, and not the way there and back."""

MOST_TIMES = 4
"""How often a patient trial waits out what was measured, which is a multiple already."""

SLOW_S, SLOW_BYTES_PER_S = 0.5, 2e6
"""A slower server makes a search take minutes, which is told."""

FORGET = 0.7
"""What a slow answer weighs when the next one has come: a server's first ones are slower than the rest."""


class Waits:
    """Multiples of the slowest answer, pong and refusal of late; a trial's patience multiplies them again.

    An answer takes the way there and back and the server's work on the message, a pong only the former: what comes
    without that work is waited for by pongs. The lower bounds are those of a busy machine. Too short a wait costs a
    contradiction later, never the answer.
    """

    def __init__(self) -> None:
        self.answer_s = 0.0
        self.pong_s = 0.0
        self.refusal_s: float | None = None
        self.bytes_per_s = TRUSTED_BYTES_PER_S

    def note_answer(self, took_s: float, payload_bytes: int) -> None:
        """Learn from an answer: from a small message's the time it takes, from a large one's the throughput."""
        if payload_bytes <= SMALL_BYTES:
            self.answer_s = max(FORGET * self.answer_s, min(took_s, MAX_ANSWER_S))
        else:
            self._note_throughput(payload_bytes, took_s - self.answer_s)

    def note_pong(self, took_s: float, payload_bytes: int) -> None:
        """Learn from the pong behind a message, likewise."""
        if payload_bytes <= SMALL_BYTES:
            self.pong_s = max(FORGET * self.pong_s, min(took_s, MAX_ANSWER_S))
        else:
            self._note_throughput(payload_bytes, took_s - self.pong_s)

    def _note_throughput(self, payload_bytes: int, took_s: float) -> None:
        if took_s > 0:
            self.bytes_per_s = min(self.bytes_per_s, payload_bytes / took_s / 4)

    def note_refusal(self, took_s: float) -> None:
        """Learn from the refusal of a header, unless it came so late that a clock may have closed the connection."""
        if took_s <= max(PROMPT_REFUSAL_S, 6 * self._way_s):
            self.refusal_s = max(FORGET * (self.refusal_s or 0.0), took_s)

    def for_answer(self, patience: int = 1, payload_bytes: int = 0) -> float:
        """For the first sign after a message."""
        slowest_s = max(self.answer_s, self.pong_s)
        usual_s = min(10 * slowest_s, 3 * slowest_s + 7 * PROMPT_S)
        return _patient(patience, 0.075, usual_s) + payload_bytes / self.bytes_per_s

    def for_more(self, patience: int = 1, payload_bytes: int = 0) -> float:
        """For a close frame that a pong or an answer has overtaken."""
        return _patient(patience, 0.02, 5 * self._way_s) + payload_bytes / self.bytes_per_s

    def for_refusal(self, patience: int = 1) -> float:
        """For the refusal of a header: long before the first one was seen, since then it decides how to go on."""
        if self.refusal_s is None:
            return max(0.1, 20 * self._way_s)
        return patience * max(0.01, 6 * self.refusal_s, 3 * self._way_s)

    def in_words(self) -> str:
        """Say how slow the server is, in sentences; nothing where it is not."""
        said = []
        if self.answer_s > SLOW_S:
            said.append(f"The server answers a message after {self.answer_s:.1f} s.")
        if 4 * self.bytes_per_s < SLOW_BYTES_PER_S:
            said.append(f"It gets through about {float(f'{4 * self.bytes_per_s:.2g}'):,.0f} bytes per second.")
        return " ".join(said)

    @property
    def _way_s(self) -> float:
        """The way there and back, as far as pongs and prompt answers show it."""
        return max(self.pong_s, min(self.answer_s, PROMPT_S))


def _patient(patience: int, least_s: float, usual_s: float) -> float:
    """Return a wait of so much patience; what was measured is multiplied by no more than a few."""
    return min(max(patience * least_s, min(patience, MOST_TIMES) * usual_s), LONGEST_S)
