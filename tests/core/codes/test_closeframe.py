from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from websockets import frames

from wslab.core.codes.closeframe import fields
from wslab.core.records import Close

REASONS = st.text(max_size=40).filter(lambda text: len(text.encode()) <= 123)


@given(code=st.sampled_from([1000, 1001, 1008, 1009, 1011, 1012, 1013, 3000, 4999]), reason=REASONS)
def test_fields_are_the_bytes_that_a_server_sends(code: int, reason: str) -> None:
    body = frames.Close(code, reason).serialize()
    on_the_wire = frames.Frame(frames.Opcode.CLOSE, body).serialize(mask=False)
    assert bytes.fromhex(" ".join(field["bytes"] for field in fields(Close(code=code, reason=reason)))) == on_the_wire


def test_fields_say_what_the_code_means() -> None:
    told = {field["field"]: field["says"] for field in fields(Close(code=1012, reason="new limits"))}
    assert told["status code"] == "1012 Service Restart"
    assert told["reason"] == "new limits"


@given(code=st.integers(), reason=st.text(st.characters(), max_size=300))
def test_fields_of_a_forged_frame_are_told_and_raise_nothing(code: int, reason: str) -> None:
    told = {field["field"]: field for field in fields(Close(code=code, reason=reason))}
    assert all(field["says"].isprintable() or reason for field in told.values())
    if "status code" in told and not 0 <= code <= 65535:
        assert told["status code"]["says"].endswith("cannot hold")
    if len(reason.encode("utf-8", "surrogatepass")) > 123:
        assert told["MASK, length"]["says"].endswith("at most 125 may")
