"""Questions to one server, and what every stage of the search shares: its manner, its yardstick, what it has met.

Generators, no I/O: each yields a `Trial` and receives its `Observation` (see `wslab.core.limits.proofs` for what that
proves).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from typing import Any, NoReturn, TypeVar

from msgspec.structs import replace

from wslab.core.limits.evidence import LimitEvidence
from wslab.core.limits.guesses import named_sizes
from wslab.core.limits.manner import Manner, Terms
from wslab.core.limits.proofs import read
from wslab.core.limits.trials import Baseline, Content, Ending, Form, Observation, Reading, Trial
from wslab.core.limits.verdicts import Cause, Failure

T = TypeVar("T")
Steps = Generator[Trial, Observation, T]

PATIENT = 20
"""Factor on the waits for silence, wherever the answer depends on them."""

FEW_FRAGMENTS = 1024
"""Where frames may be as large, no message is cut into more: some libraries limit the number of fragments."""


LONG_S = 0.2
"""A refusal that took longer may be due to its time."""

MUCH_LATER = 1.5


class Stopped(Exception):  # noqa: N818 - ends a search, is no error: its failure becomes part of the verdict
    """The search cannot go on."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.explanation)
        self.failure = failure


class Reconsidered(Exception):  # noqa: N818 - starts a search over, is no error
    """What was refused was not refused for its size: the search starts over, in another manner."""


class Inquiry:
    """One server under question: how it behaves, and what its answers have shown.

    Fields:
        small_bytes: of a message that is surely not too big.
        controlled: kinds of refusals whose control has passed, and how long the one had taken that was controlled.
        endings: how connections ended between messages.
        dismissed: named sizes that were tried as the limit. at_s: when the last trial was over.
        asked: messages so far.
        announced: which sizes were refused by their header, and how long that was waited for.
        at_once_bytes: what a limit on bytes per second lets pass at once, where no slower sending helps.
        always_says_no: it refuses in words what is surely not too big.
        late_s: how long to wait for an answer beyond a pong; 0 unless the server is known to answer so late.
        closed: which messages were answered by a closure, in one frame.
        heard: what a message of this size, in one frame, was answered. passed_bytes: the largest that passed so.
        taken_bytes: payload of all messages so far that were not closed.
        doubted: sizes of closures that no control reproduced.
    """

    def __init__(self, evidence: LimitEvidence, terms: Terms | None = None) -> None:
        self.evidence = evidence
        self.terms = terms or Terms()
        self.manner = Manner()
        self.small_bytes = self.terms.least_bytes
        self.baseline = Baseline(content=self.terms.contents[0])
        self.takes_fragments = False
        self.dismissed: set[int] = set()
        self.controlled: dict[tuple[object, ...], float] = {}
        self.endings: list[Ending] = []
        self.heard: dict[int, str] = {}
        self.closed: dict[int, Observation] = {}
        self.refused_by: tuple[Trial, Observation] | None = None
        self.doubted: list[int] = []
        self.passed_bytes = self.taken_bytes = self.asked = 0
        self._asked_at_s: deque[float] = deque(maxlen=256)
        self.at_s = 0.0
        self.announced: dict[tuple[Form, int], tuple[bool, int]] = {}
        self.at_once_bytes: int | None = None
        self.always_says_no = False
        self.late_s = 0.0
        self._deflates: bool | None = None
        self._source = 0
        self._notice: str | None = None

    @property
    def left_s(self) -> float:
        return self.evidence.budget_s - self.at_s

    @property
    def asked_of_late(self) -> int:
        """Trials in the last second."""
        return sum(at_s > self.at_s - 1.0 for at_s in self._asked_at_s)

    @property
    def refuses_headers(self) -> bool:
        """A size was refused when nothing but its header had been sent."""
        return not all(passed for passed, _ in self.announced.values())

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
        fresh: bool = False,
        grace_s: float = 0.0,
        takes_s: float = 0.0,
        source: int | None = None,
        notice: str | None = None,
        **others: Any,
    ) -> Steps[tuple[Observation, Reading]]:
        """Try `payload_bytes` in this form, in the search's manner; `others` are further fields of the trial.

        Raises:
            Stopped: there is no time left for it.
        """
        manner = self.manner
        self._check_time(payload_bytes / manner.bytes_per_s)
        trial = Trial(
            form=form,
            payload_bytes=payload_bytes,
            content=content or self.baseline.content,
            baseline=self.baseline,
            fragment_bytes=self.fragment_bytes if fragment_bytes is None else fragment_bytes,
            fresh=(fresh or manner.fresh) and form != "again",
            grace_s=max(grace_s, manner.grace_s),
            takes_s=0.0 if form.startswith("announced") else max(takes_s, payload_bytes / manner.bytes_per_s),
            source=self._next_source() if source is None else source,
            notice=self._notice or notice,
            **{"pause_s": manner.pause_s, "answer_within_s": self.late_s, **others},
        )
        self._notice = None
        observation = yield trial
        self._heed(trial, observation)
        reading = read(trial, observation)
        if form == "frame" and reading == "accepted" and observation.failure is None:
            self.passed_bytes = max(self.passed_bytes, payload_bytes)
        return observation, reading

    def _check_time(self, takes_s: float) -> None:
        if takes_s < self.left_s:
            return
        rate = self.cause("rate")
        said = "" if rate is None else f"{rate.explanation} "
        said += (
            f"A larger message takes {takes_s:.0f} s as slowly as it must be sent, and {self.left_s:.0f} s are left."
        )
        raise Stopped(Failure(status="closes_on_rate", explanation=said))

    def _heed(self, trial: Trial, observation: Observation) -> None:
        self.at_s = max(self.at_s, observation.at_s)
        self.asked += max(1, observation.passed)
        self._asked_at_s.append(observation.at_s)
        if not trial.is_announcement:
            self.taken_bytes += trial.payload_bytes * (observation.passed or (observation.close_code is None))
        if observation.before is not None:
            self.endings.append(observation.before)
        if trial.form == "frame" and observation.replies:
            self.heard[trial.payload_bytes] = observation.replies[0]
        if observation.close is not None:
            size = trial.payload_bytes
            sent = {size} if trial.form != "announced_in_fragments" else {size, size - 1, 1}
            self.evidence.named_bytes.update(named_sizes(observation.close.reason, besides=sent))

    def adopt(self, notice: str | None = None, **changes: Any) -> NoReturn:
        """Change the manner, and say so before the next trial.

        Raises:
            Reconsidered: always.
        """
        self.manner = replace(self.manner, **changes)
        self._notice = notice
        self.forget()
        raise Reconsidered

    def forget(self) -> None:
        """Forget which sizes were refused, and what was only announced."""
        self.evidence.withdraw_refusal()
        self.announced.clear()
        self.dismissed.clear()
        self.closed.clear()
        self.refused_by = None

    def found(self, cause: Cause) -> None:
        """Keep a cause, unless it is known."""
        known = [(each.kind, each.unit) for each in self.evidence.causes]
        if (cause.kind, cause.unit) not in known:
            self.evidence.causes.append(cause)

    def is_controlled(self, kind: tuple[object, ...], took_s: float) -> bool:
        """Whether a refusal of this kind has passed its control; one that comes later is another, as a clock may do."""
        return kind in self.controlled and took_s <= max(LONG_S, MUCH_LATER * self.controlled[kind])

    def cause(self, kind: str) -> Cause | None:
        return next((cause for cause in self.evidence.causes if cause.kind == kind), None)

    def passed_below(self, form: Form, payload_bytes: int) -> int:
        """Return the largest size below this one that was announced in this form and not refused; 0 for none."""
        return max(
            (
                size
                for (asked, size), (passed, _) in self.announced.items()
                if asked == form and passed and size < payload_bytes
            ),
            default=0,
        )

    def deflates(self) -> Steps[bool]:
        """Whether the server agrees to permessage-deflate (RFC 7692)."""
        if self._deflates is None:
            observation, _ = yield from self.ask("deflated", self.small_bytes)
            self._deflates = observation.deflate
        return self._deflates

    def _next_source(self) -> int:
        self._source += self.manner.from_anywhere
        return self._source
