from __future__ import annotations

import pytest

from wslab.core.dialogues import Step, as_dialogue, check_answers, parse_answer
from wslab.core.errors import BadTypeError, BadValueError


def test_text_is_said_as_it_stands() -> None:
    assert as_dialogue("< not awaited") == (Step("say", "< not awaited"),)
    assert as_dialogue("") == ()


def test_list_is_a_dialogue() -> None:
    assert as_dialogue(['> {"a": 1}', "< ack", "40", "<stream to='x'>", Step("await", "hi")]) == (
        Step("say", '{"a": 1}'),
        Step("await", "ack"),
        Step("say", "40"),
        Step("say", "<stream to='x'>"),
        Step("await", "hi"),
    )


def test_what_is_no_dialogue_is_named() -> None:
    with pytest.raises(BadTypeError, match="must be a text to send, or a list"):
        as_dialogue([1])  # type: ignore[list-item]
    with pytest.raises(BadValueError, match="has 101 steps"):
        as_dialogue(["x"] * 101)


def test_answer_of_a_command_line() -> None:
    assert parse_answer('{"type":"ping"} => {"type":"pong"}') == ('{"type":"ping"}', '{"type":"pong"}')
    with pytest.raises(BadValueError, match="must be 'heard => said'"):
        parse_answer("2=3")
    with pytest.raises(BadTypeError, match="answers must map"):
        check_answers({"2": 3})  # type: ignore[dict-item]
