"""A verdict on a terminal: every fact that applies is there, and no other."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from wslab.core.limits.conclusions import conclude
from wslab.core.limits.evidence import LimitEvidence
from wslab.core.limits.verdicts import Cause, Costs, Failure, Refusal, Verdict
from wslab.views.verdicts import render

REFUSAL = Refusal(
    over_limit="close_frame",
    close_code=1009,
    close_reason="too big",
    close_frame_hex="880903f1746f6f20626967",
)


def printed(verdict: Verdict) -> str:
    file = io.StringIO()
    Console(file=file, width=4000).print(render(verdict))
    return file.getvalue()


def concluded(**known: Any) -> Verdict:
    evidence = LimitEvidence(cap_bytes=2**20, **known)
    return conclude(evidence, url="ws://localhost:1/", costs=Costs(connections=7, probe_wire_bytes=1234))


def test_render_holds_every_fact_of_a_limit() -> None:
    verdict = concluded(
        accepted_bytes=65_535,
        refused_bytes=65_536,
        refusal=REFUSAL,
        after_refusal="reset",
        counts="both",
        max_fragmented_bytes=1_000_000,
        text_unit="characters",
        compression_counts="wire",
        configured_bytes=65_536,
    )
    text = printed(verdict)
    for fact in ("65,535 B", "65,536 B", "1,000,000 B", "both", "characters", "wire", "is refused", "1009", "reset"):
        assert fact in text
    assert verdict.explanation in text
    assert "880903f1746f6f20626967" in text
    assert "7 connections, 1,234 B to search" in text


def test_render_holds_what_else_it_closes_on() -> None:
    causes = [
        Cause(kind="rate", unit="messages_per_s", number=9.5, close_code=1008, explanation="It closes on rate."),
        Cause(kind="chance", unit="share", number=0.15, explanation="It closes at random."),
        Cause(kind="content", explanation="It closes on content."),
    ]
    told = {"reading_client_told": {1009: 4}, "blocking_client_told": {1009: 1, 1006: 3}}
    text = printed(concluded(accepted_bytes=2**20, causes=causes, answer_changes_at_bytes=1024, **told))
    facts = ("on rate: 9.5 messages per second", "at random: 15.0% of messages", "on content", "1,024 B")
    for fact in (*facts, "1009: 4 of 4", "1009: 1 of 4, 1006: 3 of 4"):
        assert fact in text


@pytest.mark.parametrize("question", ["largest accepted", "over the limit", "after refusing", "text counts in"])
def test_render_leaves_out_what_does_not_apply(question: str) -> None:
    failure = Failure(status="unauthorized", explanation="It wants a password.", http_status=401)
    text = printed(concluded(failure=failure))
    assert question not in text
    assert "unauthorized" in text
    assert "401" in text
