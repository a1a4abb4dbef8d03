"""A policy's figure shows every delay that it draws, and ends where the policy ends."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

import pytest

from wslab.core.errors import PolicyError
from wslab.core.policies.textbook import POLICIES, constant, exponential
from wslab.views.axes import describe
from wslab.views.plots import delays_drawn

from .conftest import x_of, y_of


def test_policy_without_jitter_is_one_mark_an_attempt() -> None:
    (ax, *_) = delays_drawn([exponential(initial_delay_s=1, factor=2, max_delay_s=5)], attempts=4, clients=3).axes
    *draws, medians = ax.lines
    assert [set(y_of(line)) for line in draws] == [{1.0}, {2.0}, {4.0}, {5.0}]
    assert list(y_of(medians)) == [1.0, 2.0, 4.0, 5.0]


def test_policy_that_ends_has_no_marks_afterwards() -> None:
    (ax, *_) = delays_drawn([constant(delay_s=1).giving_up_after(2)], attempts=5, clients=2).axes
    assert list(x_of(ax.lines[-1])) == [1, 2]


def test_every_named_policy_can_be_drawn_and_told() -> None:
    figure = delays_drawn(list(POLICIES), clients=5)
    assert [ax.get_title(loc="left").replace("\n", "") for ax in figure.axes if ax.get_visible()] == list(POLICIES)
    assert "full_jitter" in describe(figure)


def test_policy_that_yields_no_delay_is_named() -> None:
    def broken(rng: Random) -> Iterator[float]:
        yield -1

    with pytest.raises(PolicyError, match="'broken'"):
        delays_drawn([broken])


def test_bounds_are_named() -> None:
    with pytest.raises(ValueError, match="attempts is 0"):
        delays_drawn(["constant"], attempts=0)
