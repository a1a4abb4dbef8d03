"""The body of a close frame is read as the library reads it, and what nobody may send is named."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Close as LibraryClose

from wslab.core.records import Close
from wslab.net.close_bodies import encode_close, read_close


@given(st.sampled_from([1000, 1001, 1009, 1014, 3000, 4999]), st.text(max_size=30))
def test_close_payload_is_read_as_it_was_written(code: int, reason: str) -> None:
    payload = encode_close(Close(code=code, reason=reason))
    assert payload == LibraryClose(code, reason).serialize()
    body = read_close(payload)
    assert (body.close, body.error, body.told_code) == (Close(code=code, reason=reason), None, code)


def test_empty_close_frame_is_1005() -> None:
    assert encode_close(Close(code=1005)) == b""
    assert read_close(b"")[1:] == (1005, "", None)


@pytest.mark.parametrize(
    ("payload", "code", "reason", "answer"),
    [
        (b"\x03", 1005, "", 1002),
        (b"\x03\xed", 1005, "", 1002),
        (b"\x03\xe7why", 999, "why", 1002),
        (b"\x13\x88", 5000, "", 1002),
        (b"\x07\xd0", 2000, "", 1002),
        (b"\x03\xe8\xff", 1000, "\N{REPLACEMENT CHARACTER}", 1007),
    ],
    ids=["one byte", "1005 on the wire", "999", "5000", "2000", "no UTF-8"],
)
def test_close_payload_that_none_may_send_is_read_and_named(
    payload: bytes, code: int, reason: str, answer: int
) -> None:
    body = read_close(payload)
    assert (body.payload, body.code, body.reason) == (payload, code, reason)
    assert body.error is not None
    assert body.error.code == answer
    assert (body.told_code, body.told_reason) == (1006, "")


@given(st.binary(max_size=125))
def test_any_close_payload_is_judged_as_the_library_judges_it(payload: bytes) -> None:
    try:
        LibraryClose.parse(payload)
        verdict: Literal[True] | None = None
    except Exception:  # whatever it raises, it does not take the frame
        verdict = True
    assert (read_close(payload).error is not None) is bool(verdict)


def test_reason_that_does_not_fit_is_not_written() -> None:
    with pytest.raises(ValueError, match="124 bytes"):
        encode_close(Close(code=1000, reason="x" * 124))
