"""Payloads have exactly the size that was asked for, and are what they claim to be."""

from __future__ import annotations

import json
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wslab.core.payloads import KINDS, SAFETY_CAP_BYTES, make_payload, payload_size


@given(st.sampled_from(sorted(KINDS)), st.integers(0, 5000))
def test_payload_has_exactly_the_size(kind: str, size: int) -> None:
    payload = make_payload(kind, size)
    assert len(payload.encode() if isinstance(payload, str) else payload) == size


@given(st.integers(1, 200))
def test_json_is_json(size: int) -> None:
    json.loads(make_payload("json", size))


def test_binary_does_not_compress_and_repeats_by_seed() -> None:
    first = make_payload("binary", 10_000, seed=1)
    assert isinstance(first, bytes)
    assert len(zlib.compress(first)) > 9_900
    assert first == make_payload("binary", 10_000, seed=1) != make_payload("binary", 10_000, seed=2)


def test_multibyte_has_a_third_of_the_characters() -> None:
    assert len(make_payload("multibyte", 9000)) == 3000


def test_payload_over_the_cap_names_the_cap_and_how_to_raise_it() -> None:
    with pytest.raises(ValueError, match=r"67,108,865.*67,108,864 bytes.*cap_bytes=67108865"):
        make_payload("text", SAFETY_CAP_BYTES + 1)


@pytest.mark.parametrize("size", [-1, 1.5, "10", True])
def test_absurd_size_raises(size: object) -> None:
    with pytest.raises((TypeError, ValueError), match="payload_bytes"):
        make_payload("text", size)  # type: ignore[arg-type]


def test_unknown_kind_names_the_nearest() -> None:
    with pytest.raises(ValueError, match="'binary'"):
        make_payload("binery", 1)


def test_cap_is_no_remedy_for_a_size_below_zero() -> None:
    with pytest.raises(ValueError, match=r"payload_bytes is -1, but must be at least 0 bytes$"):
        make_payload("text", -1)


def test_text_that_is_no_unicode_is_named() -> None:
    with pytest.raises(ValueError, match=r"payload has .* at character 2, .* send bytes"):
        payload_size("ab\ud800")
