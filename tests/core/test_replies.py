from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wslab.core.replies import Acquaintance, is_echo


def knowing(*messages: bytes) -> Acquaintance:
    known = Acquaintance()
    for message in messages:
        known.learn(message)
    return known


@given(st.binary(min_size=1, max_size=50), st.lists(st.binary(max_size=50), max_size=5))
def test_echo_is_the_answer_whatever_was_heard(payload: bytes, heard: list[bytes]) -> None:
    assert knowing(*heard, payload).judge(payload, payload) == "echo"


@given(st.binary(max_size=100).filter(lambda message: message != b"mine"))
def test_what_was_heard_before_is_unasked(message: bytes) -> None:
    assert knowing(message).judge(b"mine", message) == "unasked"


@pytest.mark.parametrize(
    ("heard", "message", "judgement"),
    [
        ([b"tick 1", b"tick 2"], b"tick 3", "unasked"),
        ([b'{"at": 1700000000.1}'], b'{"at": 1700000031.7}', "unasked"),
        ([b"id 0b61d3cc-0f5d-4d3b-9a2e-3c6b9c6f1a11"], b"id 5f0c2a3e-77aa-4c11-8f0e-0a9b8c7d6e5f", "unasked"),
        ([b'{"op":10}'], b'{"op":0}', "words"),
        ([b"hello"], b"welcome", "words"),
        ([], b"anything", "words"),
    ],
    ids=["counter", "time", "identifier", "kind of message", "other words", "nothing heard"],
)
def test_numbers_that_change_do_not_make_a_message_new(heard: list[bytes], message: bytes, judgement: str) -> None:
    assert knowing(*heard).judge(b"mine", message) == judgement


def test_short_payload_within_another_message_is_an_accident() -> None:
    assert not is_echo(b"a", b"welcome aboard")
    assert is_echo(b"a" * 8, b'{"echo": "aaaaaaaa"}')


def test_memory_of_a_server_that_never_says_the_same_is_bounded() -> None:
    known = knowing(*(bytes(chr(97 + n % 26) * (n + 1), "ascii") for n in range(1000)))
    assert len(known._heard) == 100
