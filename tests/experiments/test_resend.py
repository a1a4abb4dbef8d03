"""A message that is too big is resent without end by a client that retries 1009, and once by one that does not."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import wslab
from wslab.core.knobs import Knobs
from wslab.core.policies.policy import Policy

LIMIT = Knobs(max_message_bytes=100)


def eager(rng: Random) -> Iterator[float]:
    while True:
        yield 0.01


def test_poison_message_is_resent_as_long_as_it_may() -> None:
    run = wslab.experiments.resend(
        LIMIT, "x" * 101, policy=Policy("stubborn", eager, retries=lambda code: True), duration_s=0.5
    )
    assert len(run.sends) > 3
    assert {(send.outcome, send.close_code) for send in run.sends} - {("interrupted", None)} == {("closed", 1009)}
    assert run.outages[-1].close_code == 1009


def test_policy_that_takes_1009_for_final_sends_it_once() -> None:
    run = wslab.experiments.resend(LIMIT, "x" * 101, policy=eager)
    (send,), (outage,) = run.sends, run.outages
    assert send.close_code == 1009
    assert (outage.attempts, outage.gave_up) == (0, "eager does not retry 1009")


def test_message_that_fits_is_sent_once() -> None:
    run = wslab.experiments.resend(LIMIT, "x" * 100, policy="none")
    assert [send.outcome for send in run.sends] == ["accepted"]
    assert not run.outages


def test_message_to_nobody_is_unopened() -> None:
    assert wslab.experiments.resend("ws://127.0.0.1:9/", "x", policy="none").sends[0].outcome == "unopened"
