"""What a search has established so far, complete at any moment for a verdict; and when that proves a limit."""

from __future__ import annotations

from dataclasses import dataclass, field

from wslab.core.limits.verdicts import (
    AfterRefusal,
    Cause,
    CompressionCounts,
    Counts,
    Failure,
    Refusal,
    Status,
    Takes,
    TextUnit,
)

_HIDES_SIZE = (
    "closes_on_rate",
    "closes_on_time",
    "closes_on_count",
    "closes_on_content",
    "closes_at_random",
    "cannot_tell",
    "inconsistent",
)
"""What a search ends with whose refusals show nothing of size."""


@dataclass(slots=True)
class LimitEvidence:
    """What a search has established so far; complete at any moment for a verdict.

    Fields as in `Verdict`, and:
        accepted_bytes: largest real message accepted as one frame. refused_bytes: smallest one refused.
        named_bytes: sizes that close reasons named, besides those sent.
        always_answers: the server replies to messages, so that a dropped one would be noticed. speaks_unasked: it says
            something of its own accord.
        echo_cut_bytes: how much of a larger message its echo holds.
        awaits_control: a refusal has not been held against all its controls, and so proves nothing yet.
        causes: `Verdict.closes_on`. budget_s: how long the search may take.
        through_proxy: TCP is a proxy's, whatever the messages on it are answered.
    """

    cap_bytes: int
    configured_bytes: int | None = None
    budget_s: float = 300.0
    through_proxy: bool = False
    takes: Takes | None = None
    accepted_bytes: int = 0
    refused_bytes: int | None = None
    refusal: Refusal | None = None
    awaits_control: bool = False
    named_bytes: set[int] = field(default_factory=set)
    always_answers: bool = True
    speaks_unasked: bool = False
    max_fragmented_bytes: int | None = None
    counts: Counts | None = None
    text_unit: TextUnit | None = None
    compression_counts: CompressionCounts | None = None
    answer_changes_at_bytes: int | None = None
    answer_below: str | None = None
    answer_above: str | None = None
    echo_cut_bytes: int | None = None
    after_refusal: AfterRefusal | None = None
    reading_client_told: dict[int, int] | None = None
    blocking_client_told: dict[int, int] | None = None
    causes: list[Cause] = field(default_factory=list)
    failure: Failure | None = None
    remarks: list[str] = field(default_factory=list)

    @property
    def is_settled(self) -> bool:
        """The largest accepted and the smallest refused are one byte apart, and nothing says that size is not why."""
        return self.failure_hides_size is None and 0 < self.accepted_bytes == (self.refused_bytes or 0) - 1

    @property
    def is_proven(self) -> bool:
        """It is settled, and the refusal has passed its controls."""
        return self.is_settled and not self.awaits_control

    @property
    def failure_hides_size(self) -> Failure | None:
        """The failure that takes a refusal its meaning, if there is one."""
        if self.failure is not None and self.failure.status in _HIDES_SIZE:
            return self.failure
        return None

    @property
    def refused_in_silence(self) -> bool:
        """No closure tells of a refusal, so that only waiting does."""
        return self.refusal is not None and self.refusal.over_limit in ("silent_drop", "held_open")

    @property
    def status(self) -> Status:
        if self.is_proven:
            return "limit_found"
        if self.failure_hides_size is None and self.refused_bytes is None and self.accepted_bytes >= self.cap_bytes:
            return "no_limit_below_cap"
        return self.failure.status if self.failure else "inconsistent"

    @property
    def inclusive(self) -> bool | None:
        """Whether the known limit itself passes; None where no known number fits what was found."""
        if not self.is_proven:
            return None
        known = self.named_bytes if self.configured_bytes is None else {self.configured_bytes}
        if self.accepted_bytes in known:
            return True
        return False if self.refused_bytes in known else None

    def withdraw_refusal(self) -> None:
        """Forget a refusal that size was not the reason of."""
        self.refused_bytes = self.refusal = None
        self.awaits_control = False
