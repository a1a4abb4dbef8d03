"""The roles of a watch."""

from __future__ import annotations

from itertools import islice, pairwise

import pytest

from wslab.core.watch.roles import BURST_MESSAGES, MIN_CLIENTS, ROLES, roles


def test_smallest_watch_has_a_control_for_each_kind_of_traffic() -> None:
    chosen = roles(MIN_CLIENTS)
    assert {role.deed for role in chosen} == {None, "ping", "message"}
    assert [role.name for role in chosen].count("silent") == 2


def test_larger_watch_begins_anew() -> None:
    assert roles(2 * len(ROLES)) == [*ROLES, *ROLES]


def test_stretching_role_is_silent_twice_as_long_each_time() -> None:
    stretching = next(role for role in ROLES if role.rhythm == "stretching")
    silences_s = list(islice(stretching.steps(16), 10))
    assert silences_s[0] == 1
    assert all(later == 2 * earlier for earlier, later in pairwise(silences_s))


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_role_sends_no_more_than_it_says(role: object) -> None:
    assert role in ROLES
    one = next(each for each in ROLES if each == role)
    sent, at_s = 0, 0.0
    for step_s in one.steps(10):
        at_s += step_s
        if at_s > 600:
            break
        sent += 1
    # A stretching role begins faster than that, and a burst may lie across the end.
    assert sent <= one.messages_per_min(10) * 10 + BURST_MESSAGES
