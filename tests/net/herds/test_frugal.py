"""What the herd reads and writes is what an independent implementation writes and reads."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.frames import Frame, Opcode
from websockets.utils import accept_key

from wslab.core.records import Close
from wslab.net.herds.frugal import (
    MAX_HEAD_BYTES,
    FrameError,
    HandshakeError,
    close_payload,
    new_key,
    read_answer,
    read_close,
    read_frame_head,
    request,
)

KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # RFC 6455 §1.3
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
UPGRADE = (
    f"HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nCONNECTION: upgrade\r\nSec-WebSocket-Accept: {ACCEPT}"
)

messages = st.tuples(st.sampled_from([Opcode.TEXT, Opcode.BINARY, Opcode.CONT]), st.binary(max_size=70_000))
controls = st.tuples(st.sampled_from([Opcode.PING, Opcode.PONG, Opcode.CLOSE]), st.binary(max_size=125))


@given(st.lists(messages | controls, max_size=5))
def test_frame_heads_are_those_that_were_written(frames: list[tuple[Opcode, bytes]]) -> None:
    stream = b"".join(Frame(opcode, payload).serialize(mask=False) for opcode, payload in frames)
    at, read = 0, []
    while (head := read_frame_head(stream, at)) is not None:
        read.append((head.opcode, stream[head.begin : head.end]))
        at = head.end
    assert read == frames
    assert at == len(stream)


@given(messages | controls)
def test_frame_head_that_is_incomplete_is_waited_for(frame: tuple[Opcode, bytes]) -> None:
    stream = Frame(*frame).serialize(mask=False)
    begin = len(stream) - len(frame[1])
    assert all(read_frame_head(stream[:cut]) is None for cut in range(begin))
    assert read_frame_head(stream[:begin]) is not None


@given(st.sampled_from([1000, 1001, 1012, 1014, 3000, 4999]), st.text(max_size=30))
def test_close_payload_is_read_as_it_was_written(code: int, reason: str) -> None:
    close = Close(code=code, reason=reason)
    assert read_close(close_payload(close)) == close


def test_empty_close_frame_is_1005() -> None:
    assert close_payload(Close(code=1005)) == b""
    assert read_close(b"") == Close(code=1005)


@pytest.mark.parametrize(
    ("payload", "code"),
    [(b"\x03", 1002), (b"\x03\xed", 1002), (b"\x00\x01", 1002), (b"\x03\xe8\xff", 1007)],
    ids=["one byte", "1005 on the wire", "code 1", "no UTF-8"],
)
def test_close_payload_that_none_may_send_fails_the_connection(payload: bytes, code: int) -> None:
    with pytest.raises(FrameError) as failure:
        read_close(payload)
    assert failure.value.code == code


def test_answer_is_read_as_it_comes() -> None:
    answer = (UPGRADE + "\r\nX-Wslab-Connection: 1-7\r\n\r\n").encode()
    assert all(read_answer(answer[:cut], KEY) is None for cut in range(len(answer)))
    assert read_answer(answer + b"\x88\x00", KEY) == (101, None, "1-7", b"\x88\x00")


@pytest.mark.parametrize(("retry_after", "seconds"), [("120", 120.0), ("Fri, 31 Dec 1999 23:59:59 GMT", None)])
def test_retry_after_is_read_where_it_is_in_seconds(retry_after: str, seconds: float | None) -> None:
    answer = read_answer(f"HTTP/1.1 503 Busy\r\nRetry-After: {retry_after}\r\n\r\n".encode(), KEY)
    assert answer is not None
    assert (answer.status, answer.retry_after_s) == (503, seconds)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (UPGRADE.replace(ACCEPT, accept_key("another")), "Sec-WebSocket-Accept"),
        (UPGRADE.replace("WebSocket", "h2c"), "Upgrade is 'h2c'"),
        (UPGRADE.replace("CONNECTION: upgrade", "Connection: close"), "Connection is 'close'"),
        (UPGRADE + "\r\nSec-WebSocket-Extensions: permessage-deflate", "none was offered"),
        ("SSH-2.0-OpenSSH", "no answer of HTTP/1.1"),
        ("HTTP/1.1 OK", "no answer of HTTP/1.1"),
    ],
)
def test_answer_that_a_client_must_refuse(answer: str, message: str) -> None:
    with pytest.raises(HandshakeError, match=message):
        read_answer(f"{answer}\r\n\r\n".encode(), KEY)


def test_answer_without_an_end_is_refused() -> None:
    with pytest.raises(HandshakeError, match="without an end"):
        read_answer(b"x" * (MAX_HEAD_BYTES + 1), KEY)


def test_request_names_resource_authority_and_key() -> None:
    key = new_key()
    assert request("127.0.0.1:8765", "/chat?room=1", key).startswith(
        b"GET /chat?room=1 HTTP/1.1\r\nHost: 127.0.0.1:8765\r\n"
    )
    assert f"\r\nSec-WebSocket-Key: {key}\r\n".encode() in request("h", "/", key)
    assert key != new_key()
