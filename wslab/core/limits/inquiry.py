"""Questions to one server, and the evidence that their answers leave: what every stage of the search shares.

Generators, no I/O: each yields a `Trial` and receives its `Observation` (see `wslab.core.limits.trials` for what that
proves). Only real messages change what is accepted and what is refused.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

import msgspec

from wslab.core.limits.guesses import named_sizes
from wslab.core.limits.trials import Baseline, Content, Form, Observation, Reading, Trial, read, refusal_of
from wslab.core.limits.verdicts import Evidence, Failure

T = TypeVar("T")
Steps = Generator[Trial, Observation, T]

PATIENT = 20
"""Factor on the waits for silence, wherever the answer depends on them."""

FEW_FRAGMENTS = 1024
"""Where frames may be as large, no message is cut into more: some libraries limit the number of fragments."""


class Stopped(Exception):  # noqa: N818 - ends a search, is no error: its failure becomes part of the verdict
    """The search cannot go on."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.explanation)
        self.failure = failure


class Inquiry:
    """One server under question: how it behaves, and what its answers have shown.

    `dismissed` are the named sizes that were tried as the limit.
    """

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.baseline = Baseline()
        self.takes_fragments = False
        self.dismissed: set[int] = set()
        self._announced: dict[tuple[Form, int], tuple[bool, int]] = {}
        self._deflates: bool | None = None

    @property
    def refuses_headers(self) -> bool:
        """A size was refused when nothing but its header had been sent."""
        return not all(passed for passed, _ in self._announced.values())

    @property
    def fragment_bytes(self) -> int:
        """A fragment that every message limit and frame limit lets pass, as far as is known."""
        return max(1, min(self.evidence.cap_bytes // FEW_FRAGMENTS, self.evidence.accepted_bytes))

    def ask(
        self,
        form: Form,
        payload_bytes: int = 0,
        *,
        content: Content | None = None,
        fragment_bytes: int | None = None,
        patience: int = 1,
        evidence: bool = False,
    ) -> Steps[tuple[Observation, Reading]]:
        """Try `payload_bytes` in this form.

        Raises:
            Stopped: the trial could not be made.
        """
        trial = Trial(
            form=form,
            payload_bytes=payload_bytes,
            content=content or self.baseline.content,
            baseline=self.baseline,
            fragment_bytes=fragment_bytes or self.fragment_bytes,
            patience=PATIENT if evidence else patience,
            evidence=evidence,
        )
        observation = yield trial
        if observation.failure is not None:
            raise Stopped(observation.failure)
        if observation.close is not None:
            sent = {payload_bytes} if form != "announced_in_fragments" else {payload_bytes, payload_bytes - 1, 1}
            self.evidence.named_bytes.update(named_sizes(observation.close.reason, besides=sent))
        return observation, read(trial, observation)

    def passes(self, form: Form, payload_bytes: int, patience: int = 1) -> Steps[bool]:
        """Whether this size is not refused in this form. What an announcement has shown is not asked again."""
        passed, waited = self._announced.get((form, payload_bytes), (True, 0))
        if not passed or patience <= waited:
            return passed
        _, reading = yield from self.ask(form, payload_bytes, patience=patience)
        passed = reading == "accepted"
        if form.startswith("announced"):
            self._announced[form, payload_bytes] = passed, patience
        elif form == "frame" and passed and self.baseline.replies == "echo":
            # An echo is proof; a pong may be overtaken by the close frame, so it counts with patience only.
            self.evidence.accepted_bytes = max(self.evidence.accepted_bytes, payload_bytes)
        return passed

    def passed_below(self, form: Form, payload_bytes: int) -> int:
        """Return the largest size below this one that was announced in this form and not refused; 0 for none."""
        return max(
            (
                size
                for (asked, size), (passed, _) in self._announced.items()
                if asked == form and passed and size < payload_bytes
            ),
            default=0,
        )

    def confirm(self, payload_bytes: int) -> Steps[bool]:
        """Settle by real messages whether this is the largest size that passes, or one more than that."""
        if (yield from self.offer(payload_bytes)):
            yield from self.offer(payload_bytes + 1)
        else:
            yield from self.offer(payload_bytes - 1)
        return self.evidence.is_settled

    def deflates(self) -> Steps[bool]:
        """Whether the server agrees to permessage-deflate (RFC 7692)."""
        if self._deflates is None:
            observation, _ = yield from self.ask("deflated", 1)
            self._deflates = observation.deflate
        return self._deflates

    def offer(self, payload_bytes: int) -> Steps[bool]:
        """Send a real message in one frame, unless its fate is known, and keep what it proves."""
        evidence = self.evidence
        if payload_bytes <= evidence.accepted_bytes:
            return True
        if evidence.refused_bytes is not None and payload_bytes >= evidence.refused_bytes:
            return False
        observation, reading = yield from self.ask("frame", payload_bytes, evidence=True)
        if reading in ("silent_drop", "held_open"):
            reading = yield from self._look_again()
        if reading == "accepted":
            evidence.accepted_bytes = payload_bytes
            return True
        if reading == "silent_drop" and observation.own_messages:
            evidence.remarks.append("Other messages came in place of an answer: perhaps the application's own refusal.")
        evidence.refused_bytes = payload_bytes
        evidence.refusal = refusal_of(observation, reading)
        return False

    def _look_again(self) -> Steps[Reading]:
        """After silence: tell a dropped message from a dead connection, and both from a server that never answers."""
        observation, reading = yield from self.ask("again", 1, patience=PATIENT)
        if reading == "accepted":
            return "accepted" if self.baseline.replies == "none" else "silent_drop"
        if self.baseline.replies == "own" and observation.pong:
            # It is alive and does not answer a message of one byte either: what looked like answers was none.
            self.baseline = msgspec.structs.replace(self.baseline, replies="none")
            self.evidence.always_answers = False
            return "accepted"
        return "held_open"
