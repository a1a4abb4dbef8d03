"""Answers of one kind are alike whatever number or identifier is in them, and a no is found in words."""

from __future__ import annotations

import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wslab.core.limits.likeness import MAX_REPLY_CHARACTERS, Grain, finest_grain, kind_of, reply_text, says_no


@given(size=st.integers(1, 10**9), token=st.uuids(), filler=st.integers(1, 300))
def test_numbers_identifiers_and_filler_make_no_other_kind(size: int, token: UUID, filler: int) -> None:
    def answer(number: int, name: str, count: int) -> str:
        return json.dumps({"ok": True, "bytes": number, "id": name, "echo": "a" * count})

    other = answer(7, "6f1c2e7a-30cc-4a4e-8a53-0b2f5d2f9d11", 1)
    assert kind_of(answer(size, str(token), filler), "words") == kind_of(other, "words")


@pytest.mark.parametrize(
    "no",
    [
        '{"error": "message too long, dropping"}',
        '{"type": "error", "code": "PAYLOAD_TOO_LARGE: too large"}',
        "ERR max 1000",
        "Rejected: exceeds limit",
        "413",
        "message is too big",
    ],
)
def test_no_in_words(no: str) -> None:
    assert says_no(no, unlike='{"ok": true}')
    assert not says_no(no, unlike=no)


@pytest.mark.parametrize("yes", ["ok", '{"ok": true}', "got 17 bytes", "pong", ""])
def test_anything_else_is_no_no(yes: str) -> None:
    assert not says_no(yes, unlike=None)


@given(st.text(), st.sampled_from(["words", "shape", "content"]))
def test_any_reply_has_a_kind(reply: str, grain: Grain) -> None:
    assert kind_of(reply, grain) == kind_of(reply, grain)


@given(st.binary(max_size=1000), st.booleans())
def test_kept_text_is_bounded(head: bytes, is_text: bool) -> None:
    assert len(reply_text(head, is_text=is_text)) <= MAX_REPLY_CHARACTERS


def test_grain_is_the_finest_that_answers_to_one_size_share() -> None:
    assert finest_grain([["ok 1"], ["ok 2"]]) == "words"
    assert finest_grain([['{"say": "red"}'], ['{"say": "blue"}']]) == "shape"
    assert finest_grain([["red"], ["blue"]]) == "content"
