from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wslab.core.errors import BadTypeError, BadValueError
from wslab.core.templates import FILLER, Template

ENDS = st.text(st.characters(exclude_characters="{}", exclude_categories=["Cs"]), max_size=20)


@given(ENDS, ENDS, st.integers(0, 3000), st.booleans())
def test_message_has_exactly_the_size_that_was_asked_for(before: str, behind: str, more: int, text: bool) -> None:
    source = f"{before}{FILLER}{behind}"
    template = Template(source if text else source.encode())
    made = template.make(template.min_bytes + more)
    assert isinstance(made, str) == text == template.is_text
    encoded = made.encode() if isinstance(made, str) else made
    assert len(encoded) == template.min_bytes + more
    assert encoded.startswith(before.encode())
    assert encoded.endswith(behind.encode())


@given(st.integers(0, 5000))
def test_json_is_valid_at_every_size(more: int) -> None:
    template = Template('{"op": "écho", "data": "{filler}"}')
    assert json.loads(template.make(template.min_bytes + more))["data"] == "a" * more


def test_size_below_the_smallest_says_which_that_is() -> None:
    with pytest.raises(BadValueError, match="11 bytes was requested, but this template takes at least 12 bytes"):
        Template('{"data": "{filler}"}').make(11)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("no hole", "contains {filler} 0 times, but must contain it once"),
        ("{filler}{filler}", "2 times"),
        ('{"n": {filler}}', "is not valid JSON at 7 bytes"),
        ('{"n": 1{filler}}', "is not valid JSON at 9 bytes"),
        (lambda size: "x" * (size + 1), "made 65,537 bytes, but 65,536 were requested"),
        (lambda size: "é" * size, "were requested"),
    ],
)
def test_template_that_makes_no_valid_message_is_refused_when_it_is_made(source: object, words: str) -> None:
    with pytest.raises(BadValueError, match=words):
        Template(source)  # type: ignore[arg-type]


def test_callable_makes_the_messages() -> None:
    def make(payload_bytes: int) -> bytes:
        if payload_bytes < 5:
            raise ValueError("a header takes five")
        return b"HEAD:" + bytes(payload_bytes - 5)

    template = Template(make)
    assert template.min_bytes == 5
    assert template.make(7) == b"HEAD:\0\0"
    assert not template.is_text
    with pytest.raises(BadValueError, match="cannot make a message of 4 bytes: a header takes five"):
        template.make(4)


def test_what_is_no_template_is_named() -> None:
    with pytest.raises(BadTypeError, match="template is int"):
        Template(5)  # type: ignore[arg-type]
    with pytest.raises(BadTypeError, match="made list, but a message is str or bytes"):
        Template(lambda size: [size])  # type: ignore[arg-type,return-value]
