"""What to do next: said for every verdict that leaves something to do, and fitting what was found."""

from __future__ import annotations

from typing import get_args

import pytest

from wslab.core.limits.advice import advise
from wslab.core.limits.evidence import LimitEvidence
from wslab.core.limits.verdicts import Failure, FailureStatus, Refusal

FINDS_NOTHING_TO_DO = {"breaks_protocol", "inconsistent", "cancelled"}


def refused(accepted_bytes: int = 4000, *, code: int = 1009, **known: object) -> LimitEvidence:
    refusal = Refusal(over_limit="close_frame", close_code=code)
    known = {"refusal": refusal, **known}
    return LimitEvidence(2**20, accepted_bytes=accepted_bytes, refused_bytes=accepted_bytes + 1, **known)  # type: ignore[arg-type]


@pytest.mark.parametrize("status", get_args(FailureStatus))
def test_every_failure_says_what_to_do_next(status: FailureStatus) -> None:
    evidence = LimitEvidence(2**20, failure=Failure(status=status, explanation="So it is."))
    assert (advise(evidence) is None) is (status in FINDS_NOTHING_TO_DO)


def test_failure_after_the_limit_was_found_leaves_the_limit_to_be_lived_with() -> None:
    said = advise(refused(failure=Failure(status="went_away", explanation="It is gone.")))
    assert said is not None
    assert said.startswith("Keep messages to 4,000 bytes")


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"counts": "message"}, "split larger ones in your protocol"),
        ({"counts": "frame"}, "send larger ones in fragments of at most as many"),
        ({"counts": "both", "max_fragmented_bytes": 9000}, "send larger ones up to 9,000 bytes in fragments"),
        ({"code": 1006}, "looks like a crash"),
        ({"code": 1000}, "1000 looks like an orderly end"),
        ({"refusal": Refusal(over_limit="silent_drop")}, "is never told"),
    ],
)
def test_limit_is_lived_with_by_what_it_counts_and_what_clients_see(known: dict[str, object], words: str) -> None:
    assert words in (advise(refused(**known)) or "")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("accepted_bytes", "words"), [(1, "--max-time 600"), (100_000, "a lower --cap, such as 262144")]
)
def test_search_out_of_time_is_given_more_or_less_to_do(accepted_bytes: int, words: str) -> None:
    failure = Failure(status="out_of_bounds", explanation="Time is up.")
    said = advise(LimitEvidence(2**26, accepted_bytes=accepted_bytes, failure=failure))
    assert said is not None
    assert words in said
    assert ("--cap" in said) is (accepted_bytes > 1)


def test_no_limit_needs_no_advice() -> None:
    assert advise(LimitEvidence(1000, accepted_bytes=1000)) is None
