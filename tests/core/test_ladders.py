"""Ladders hold the sizes that they promise, and the searches find every limit."""

from __future__ import annotations

from collections.abc import Callable, Generator
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wslab.core.ladders import Bracket, around, bracket, controlled, doubling, linear, narrowing, until_refused
from wslab.core.records import Send, SendOutcome


def search(sizes: Generator[int, bool, Any], limit: int) -> tuple[int | None, list[int]]:
    """Play a server with this limit; return what the search finds and which sizes it tried."""
    return play(sizes, lambda size: size <= limit)


def play(sizes: Generator[int, bool, Any], passes: Callable[[int], bool]) -> tuple[int | None, list[int]]:
    tried = []
    try:
        size = next(sizes)
        while True:
            tried.append(size)
            size = sizes.send(passes(size))
    except StopIteration as found:
        return found.value, tried


@given(st.integers(0, 2**30), st.integers(0, 2**30), st.integers(2, 500))
def test_linear_ladder_goes_from_end_to_end(first: int, span: int, count: int) -> None:
    sizes = linear(first, first + span, count)
    assert (sizes[0], sizes[-1]) == (first, first + span)
    assert sizes == sorted(set(sizes))
    assert len(sizes) <= count


@given(st.integers(1, 2**30), st.integers(0, 2**30))
def test_doubling_ladder_never_more_than_doubles(first: int, span: int) -> None:
    sizes = doubling(first, first + span)
    assert (sizes[0], sizes[-1]) == (first, first + span)
    assert all(low < high <= 2 * low for low, high in pairwise(sizes))


@given(st.integers(0, 2**20), st.integers(0, 50))
def test_around_holds_every_size_within_the_radius(guess: int, radius: int) -> None:
    assert around(guess, radius) == [size for size in range(guess - radius, guess + radius + 1) if size >= 0]


@given(st.data())
def test_narrowing_finds_every_limit_and_has_tried_both_its_sides(data: st.DataObject) -> None:
    low = data.draw(st.integers(0, 2**26))
    high = data.draw(st.integers(low + 1, low + 2**26))
    limit = data.draw(st.integers(low, high - 1))
    found, tried = search(narrowing(low, high), limit)
    assert found == limit
    assert {limit, limit + 1} <= {low, high, *tried}
    assert len(tried) <= (high - low).bit_length()


@given(st.integers(1, 4096), st.integers(0, 2**26), st.integers(0, 2**27))
def test_until_refused_finds_the_limit_or_says_there_is_none(first: int, span: int, limit: int) -> None:
    last = first + span
    found, tried = search(until_refused(first, last), limit)
    assert found == (None if limit >= last else limit)
    assert max(tried) <= last


def a_send(payload_bytes: int, outcome: SendOutcome) -> Send:
    return Send(
        client=0,
        number=1,
        connection_id=None,
        started_at_s=0,
        payload_kind="text",
        payload_bytes=payload_bytes,
        payload_characters=payload_bytes,
        fragment_count=1,
        wire_bytes=payload_bytes + 6,
        outcome=outcome,
        send_s=None,
        round_trip_s=None,
        reply_bytes=None,
        close_code=None,
        close_reason=None,
        error=None,
    )


def test_bracket_is_exact_only_between_neighbours() -> None:
    sends = [a_send(10, "accepted"), a_send(12, "closed"), a_send(11, "timeout"), a_send(9, "unopened")]
    assert bracket(sends) == Bracket(10, 12)
    assert not bracket(sends).is_exact
    assert bracket([*sends, a_send(11, "accepted")]).is_exact
    assert bracket([]) == Bracket(None, None)
    assert not bracket([]).is_exact


@pytest.mark.parametrize("bounds", [(-1, 5), (50, 5)])
def test_until_refused_checks_its_bounds_at_the_call(bounds: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match=r"(first|last)_bytes is"):
        until_refused(*bounds)


def test_bracket_of_what_is_no_sends_says_where_they_are() -> None:
    with pytest.raises(TypeError, match=r"pass run\.sends"):
        bracket(object())  # type: ignore[arg-type]


@given(st.integers(1, 2**20), st.booleans())
def test_controls_do_not_keep_a_search_from_its_limit(limit: int, shared: bool) -> None:
    found, tried = search(controlled(until_refused(1024, 2**20), shared=shared), limit)
    assert found == (limit if limit < 2**20 else None)
    assert tried.count(limit) >= 1


@given(st.integers(1, 10))
def test_search_stops_where_a_small_message_is_refused_as_well(at_most: int) -> None:
    """The server closes each connection after so many messages, whatever their sizes."""
    on_connection = 0

    def passes(_size: int) -> bool:
        nonlocal on_connection
        on_connection = 0 if on_connection == at_most else on_connection + 1
        return on_connection > 0

    found, tried = play(controlled(until_refused(1024, 2**30), shared=True), passes)
    assert found is None
    assert len(tried) == 2 * (at_most + 1), "up to the message that was refused, and as many small ones"
