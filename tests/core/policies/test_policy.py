"""What a policy may yield, and how it ends."""

from __future__ import annotations

import math
from itertools import islice
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wslab.core.errors import PolicyError
from wslab.core.policies.policy import checked
from wslab.core.policies.textbook import constant, full_jitter, named, registry


@pytest.mark.parametrize("bad", [-0.001, math.inf, -math.inf, math.nan, None, "1", True])
def test_checked_names_policy_and_attempt_of_what_is_no_delay(bad: Any) -> None:
    delays = checked(iter([0.5, bad]), "mine")
    assert next(delays) == 0.5
    with pytest.raises(PolicyError, match=r"'mine' yielded .* before attempt 2"):
        next(delays)


def test_checked_ends_where_the_policy_ends() -> None:
    assert list(checked(iter([0, 1]), "mine")) == [0.0, 1.0]


@given(st.integers(1, 50), st.integers())
def test_giving_up_after_ends_the_same_delays_earlier(max_attempts: int, seed: int) -> None:
    endless = full_jitter()
    ending = endless.giving_up_after(max_attempts)
    assert list(ending.delays(Random(seed))) == list(islice(endless.delays(Random(seed)), max_attempts))


def test_giving_up_after_no_attempt_at_all_is_refused() -> None:
    with pytest.raises(ValueError, match="max_attempts is 0, but must be at least 1 attempts; None means no end"):
        named("full_jitter", max_attempts=0)


def test_wait_adds_a_honoured_retry_after_to_the_delay() -> None:
    assert registry().wait_s(5.0, 30.0) == 35.0
    assert registry().wait_s(5.0, None) == 5.0


def test_wait_ignores_retry_after_where_the_policy_does() -> None:
    assert constant(delay_s=5).wait_s(5.0, 30.0) == 5.0
