"""The words of a verdict follow its facts, and say what was not shown."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from wslab.core.limits.conclusions import conclude
from wslab.core.limits.evidence import LimitEvidence
from wslab.core.limits.verdicts import Costs, Failure, OverLimit, Refusal, Verdict

REFUSAL = Refusal(over_limit="close_frame", close_code=1009)


def concluded(**known: Any) -> Verdict:
    return conclude(LimitEvidence(cap_bytes=2**20, **known), url="ws://localhost/", costs=Costs())


def settled(accepted_bytes: int, **known: object) -> Verdict:
    return concluded(accepted_bytes=accepted_bytes, refused_bytes=accepted_bytes + 1, **{"refusal": REFUSAL, **known})


@pytest.mark.parametrize("over_limit", get_args(OverLimit))
def test_explanation_tells_every_refusal_apart(over_limit: OverLimit) -> None:
    others = [settled(100, refusal=Refusal(over_limit=other)).explanation for other in get_args(OverLimit)]
    mine = settled(100, refusal=Refusal(over_limit=over_limit)).explanation
    assert others.count(mine) == 1
    assert "Messages up to 100 bytes pass" in mine


@pytest.mark.parametrize("field", ["counts", "text_unit", "compression_counts"])
def test_explanation_leaves_out_what_is_not_known(field: str) -> None:
    full = {"counts": "both", "text_unit": "bytes", "compression_counts": "both", "max_fragmented_bytes": 4000}
    less = settled(100, **{name: value for name, value in full.items() if name != field})
    assert len(less.explanation) < len(settled(100, **full).explanation)


@pytest.mark.parametrize(
    ("accepted_bytes", "known", "inclusive", "remark"),
    [
        (65_535, {}, None, "exclusive"),
        (65_536, {}, None, "inclusive"),
        (777_777, {}, None, None),
        (65_535, {"named_bytes": {65_536}}, False, None),
        (65_536, {"named_bytes": {65_536}}, True, None),
        (65_536, {"configured_bytes": 65_536}, True, None),
        (65_536, {"configured_bytes": 70_000, "named_bytes": {65_536}}, None, "said to be 70,000"),
    ],
)
def test_inclusive_only_where_a_number_is_known(
    accepted_bytes: int, known: dict[str, object], inclusive: bool | None, remark: str | None
) -> None:
    verdict = settled(accepted_bytes, **known)
    assert verdict.inclusive is inclusive
    assert any(remark in each for each in verdict.remarks) if remark else not verdict.remarks


def test_failure_keeps_what_was_established() -> None:
    failure = Failure(status="went_away", explanation="It is gone.")
    verdict = concluded(accepted_bytes=4000, failure=failure)
    assert (verdict.status, verdict.max_single_frame_bytes) == ("went_away", 4000)
    assert "4,000 bytes had passed" in verdict.explanation


def test_failure_after_the_limit_was_found_is_a_remark() -> None:
    verdict = settled(100, failure=Failure(status="went_away", explanation="It is gone."))
    assert verdict.status == "limit_found"
    assert any("It is gone." in remark for remark in verdict.remarks)


def test_explanation_quotes_no_control_characters() -> None:
    verdict = settled(100, refusal=Refusal(over_limit="close_frame", close_code=1009, close_reason="\x1b[2Jgone"))
    assert verdict.explanation.isprintable()
    assert verdict.close_reason == "\x1b[2Jgone"


def test_verdict_tells_no_secret_that_a_server_repeats() -> None:
    refusal = Refusal(over_limit="close_frame", close_code=1008, close_reason="no swordfish", close_frame_hex="8800")
    evidence = LimitEvidence(
        cap_bytes=2**20, accepted_bytes=100, refused_bytes=101, refusal=refusal, remarks=["swordfish"]
    )
    verdict = conclude(
        evidence, url="ws://localhost/", costs=Costs(), redact=lambda text: text.replace("swordfish", "…")
    )
    assert "swordfish" not in str(verdict)
    assert (verdict.close_reason, verdict.close_frame_hex) == ("no …", None)


def test_refusal_that_awaits_its_control_is_no_limit() -> None:
    failure = Failure(status="cancelled", explanation="The search was stopped.")
    verdict = settled(100, awaits_control=True, failure=failure)
    assert verdict.status == "cancelled"
    assert "not yet held against a control" in verdict.explanation


@pytest.mark.parametrize(
    ("reading", "blocking", "words"),
    [
        ({1009: 4}, {1009: 4}, "was told 1009 4 of 4 times, whether it read while sending or not"),
        ({1009: 4}, {1009: 1, 1006: 3}, "was told 1009 1 of 4 times, 1006 3 of 4 times"),
    ],
)
def test_explanation_says_what_each_kind_of_client_is_told(
    reading: dict[int, int], blocking: dict[int, int], words: str
) -> None:
    verdict = settled(100, after_refusal="varies", reading_client_told=reading, blocking_client_told=blocking)
    assert words in verdict.explanation


def test_one_byte_is_singular() -> None:
    assert "up to 1 byte pass" in settled(1).explanation
