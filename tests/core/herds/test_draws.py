"""Columns of delays: one definition of a policy, many clients."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import islice
from random import Random

import numpy as np
import pytest

from wslab.core.errors import PolicyError
from wslab.core.herds.draws import columns
from wslab.core.policies.policy import Policy
from wslab.core.policies.textbook import decorrelated_jitter, named


def table(policy: Policy, clients: int, attempts: int, seed: int = 1) -> np.ndarray:
    """Delays, one row per attempt and one column per client."""
    return np.array([np.broadcast_to(column, clients) for column in islice(columns(policy, clients, seed), attempts)])


def test_columns_keep_what_each_client_drew_before() -> None:
    delays = table(decorrelated_jitter(initial_delay_s=1, max_delay_s=1000), 500, 6)
    assert np.all(delays[1:] <= 3 * delays[:-1])
    assert np.unique(delays).size == delays.size


def test_columns_of_a_policy_without_randomness_are_one_delay_for_all() -> None:
    assert [column.ndim for column in islice(columns(named("exponential"), 500, 1), 3)] == [0, 0, 0]


def test_columns_after_the_last_attempt_are_nan() -> None:
    delays = table(named("full_jitter", max_attempts=2), 3, 4)
    assert np.isnan(delays).any(axis=1).tolist() == [False, False, True, True]


def test_columns_of_ones_own_generator_end_for_each_client_by_itself() -> None:
    def halting(rng: Random) -> Iterator[float]:
        while rng.random() < 0.5:
            yield rng.uniform(1, 2)

    ended = np.isnan(table(named(halting), 200, 20))
    assert 0 < ended[0].sum() < ended[1].sum() < 200
    assert np.all(ended[1:] >= ended[:-1]), "who has given up stays so"


@pytest.mark.parametrize("wrong", [-1.0, math.inf, math.nan])
@pytest.mark.parametrize("broadcasts", [True, False])
def test_columns_name_policy_and_attempt_of_what_is_no_delay(wrong: float, broadcasts: bool) -> None:
    def mine(rng: Random) -> Iterator[float]:
        yield rng.uniform(0, 1)
        yield rng.uniform(0, 1) * 0 + wrong

    drawn = columns(Policy("mine", mine, broadcasts=broadcasts), 10, 1)
    next(drawn)
    with pytest.raises(PolicyError, match=r"policy 'mine' yielded .* before attempt 2"):
        next(drawn)


@pytest.mark.parametrize("broadcasts", [True, False])
def test_columns_are_repeated_by_their_seed(broadcasts: bool) -> None:
    policy = Policy("jitter", named("full_jitter").delays, broadcasts=broadcasts)
    assert np.array_equal(table(policy, 100, 5, seed=3), table(policy, 100, 5, seed=3))
    assert not np.array_equal(table(policy, 100, 5, seed=3), table(policy, 100, 5, seed=4))
