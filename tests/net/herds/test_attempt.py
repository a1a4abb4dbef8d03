"""The answer to a herd's opening handshake is read as it comes, whether it was seen before or not."""

from __future__ import annotations

import pytest
from websockets.utils import accept_key

from wslab.net.handshakes import HandshakeError
from wslab.net.heads import HeadError
from wslab.net.herds.attempt import MAX_HEAD_BYTES, read_answer

KEY, OTHER_KEY = "dGhlIHNhbXBsZSBub25jZQ==", "bm90IHRoZSBrZXkgYXNrZWQ="


def opening(key: str, more: str = "") -> bytes:
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept_key(key)}\r\n{more}\r\n"
    ).encode()


def test_answer_is_read_as_it_comes() -> None:
    answer = opening(KEY, "X-Wslab-Connection: 1-7\r\n")
    assert all(read_answer(answer[:cut], KEY) is None for cut in range(len(answer)))
    assert read_answer(answer + b"\x88\x00", KEY) == (101, None, "1-7", b"\x88\x00")


def test_answer_in_the_same_words_is_still_for_its_own_key() -> None:
    assert read_answer(opening(KEY), KEY) == (101, None, None, b"")
    assert read_answer(opening(OTHER_KEY), OTHER_KEY) == (101, None, None, b"")
    with pytest.raises(HandshakeError, match="Sec-WebSocket-Accept"):
        read_answer(opening(KEY), OTHER_KEY)


def test_answer_behind_an_interim_one_is_read() -> None:
    early = b"HTTP/1.1 103 Early Hints\r\n\r\n"
    assert read_answer(early, KEY) is None
    assert read_answer(early + opening(KEY) + b"\x88\x00", KEY) == (101, None, None, b"\x88\x00")


def test_refusal_says_when_to_come_back() -> None:
    assert read_answer(b"HTTP/1.1 503 Busy\r\nRetry-After: 120\r\n\r\n", KEY) == (503, 120.0, None, b"")


def test_answer_without_an_end_is_refused() -> None:
    with pytest.raises(HeadError, match="more than 16,384 bytes"):
        read_answer(b"HTTP/1.1 200 OK\r\n" + b"x" * MAX_HEAD_BYTES, KEY)
