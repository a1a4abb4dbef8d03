"""Guesses stay in their bracket, and cost no more than bisection and one try."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wslab.core.limits.guesses import growing, named_sizes, next_size


@given(limit=st.integers(1, 2**30), cap=st.integers(1, 2**30))
def test_next_size_finds_every_limit(limit: int, cap: int) -> None:
    low, high = 1, max(cap, limit) + 1
    tries = 0
    while high - low > 1:
        size = next_size(low, high)
        assert low < size < high
        low, high = (size, high) if size <= limit else (low, size)
        tries += 1
    assert low == limit
    assert tries <= max(cap, limit).bit_length() + 1


@given(octave=st.integers(1, 25), below=st.booleans())
def test_next_size_finds_a_power_of_two_in_its_octaves(octave: int, below: bool) -> None:
    limit = max(1, 2**octave - below)
    low, high = 1, 2**26 + 1
    tries = 0
    while high - low > 1:
        size = next_size(low, high)
        low, high = (size, high) if size <= limit else (low, size)
        tries += 1
    assert tries <= 26 - octave + 3


@given(low=st.integers(1, 2**30), cap=st.integers(1, 2**30))
def test_growing_ends_at_the_cap(low: int, cap: int) -> None:
    sizes = [low, *growing(low, cap)]
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == max(low, cap)


@given(size=st.integers(1, 2**40), text=st.text(alphabet="abc :().", max_size=20))
def test_named_sizes_finds_a_number_in_words(size: int, text: str) -> None:
    assert named_sizes(f"{text} {size} bytes") == [size]
    assert named_sizes(f"{text} {size:,} bytes") == [size]
    assert named_sizes(f"{text} {size} bytes", besides=[size]) == []


@given(st.text())
def test_named_sizes_takes_any_reason(reason: str) -> None:
    assert all(size > 0 for size in named_sizes(reason))
