"""Heads are read as they come, within bounds, and what is no head is named."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wslab.net.heads import (
    MAX_FIELDS,
    MAX_INTERIM,
    Fields,
    HeadError,
    ResponseHead,
    read_request,
    read_response,
    retry_after_s,
)

ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="  # RFC 6455 §1.3
OPENING = (
    "HTTP/1.1 101 Switching Protocols\r\nupgrade: WebSocket\r\nCONNECTION: keep-alive, Upgrade\r\n"
    f"Sec-WebSocket-Accept: {ACCEPT}\r\n\r\n"
)


def read(text: str) -> ResponseHead:
    head = read_response(text.encode())
    assert head is not None
    return head


def test_response_is_waited_for_and_what_follows_is_left() -> None:
    answer = OPENING.encode()
    assert all(read_response(answer[:cut]) is None for cut in range(len(answer)))
    head = read_response(answer + b"\x88\x00")
    assert head is not None
    assert (head.version, head.status, head.phrase, head.head_bytes) == ("1.1", 101, "Switching Protocols", len(answer))
    assert head.fields.get("Upgrade") == "WebSocket"
    assert head.fields.options("Connection") == ["keep-alive", "upgrade"]
    assert not head.fields.has("Sec-WebSocket-Protocol")


def test_lines_may_end_in_a_bare_lf_and_fields_come_in_several_lines() -> None:
    head = read("HTTP/1.0 503 \nVia: a\nVia:  b\t\nX-Empty:\n\n")
    assert (head.status, head.phrase) == (503, "")
    assert head.fields.get("via") == "a, b"
    assert head.fields.has("X-Empty")


def test_interim_answers_are_skipped_and_counted() -> None:
    early = "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
    head = read(early * 2 + OPENING)
    assert (head.status, head.interim, head.head_bytes) == (101, (103, 103), len(early * 2 + OPENING))
    assert read_response(early.encode()) is None
    with pytest.raises(HeadError, match=f"more than {MAX_INTERIM} interim answers") as met:
        read(early * (MAX_INTERIM + 1))
    assert met.value.fault == "too_many_interim"


@pytest.mark.parametrize(
    ("received", "words"),
    [
        (b"SSH-2.0-OpenSSH_9.6\r\n", "SSH"),
        (b"\x15\x03\x01\x00\x02\x02\x28", "TLS"),
        (bytes.fromhex("000012 04 00 00000000"), "HTTP/2"),
        (b"\x81\x05hello", "a WebSocket frame"),
        (b"HTTP/2 200\r\n\r\n", "another version"),
        (b"220 mail.example ESMTP\r\n", "SMTP"),
        (b"HTTP/1.1 OK\r\n\r\n", "not HTTP/1.1"),
        (b"\x00", "not HTTP/1.1"),
    ],
)
def test_what_is_no_response_is_named_at_once(received: bytes, words: str) -> None:
    with pytest.raises(HeadError, match=words) as met:
        read_response(received)
    assert met.value.fault == "not_http"


@pytest.mark.parametrize(
    ("received", "fault", "words"),
    [
        (b"HTTP/1.1 200 OK\r\n" + b"x" * 70_000, "too_long", "more than 65,536 bytes"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 70_000 + b"\r\n\r\n", "too_long", "more than 65,536 bytes"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * (MAX_FIELDS + 1) + b"\r\n", "too_long", "257 fields"),
        (b"HTTP/1.1 200 OK\r\nno field\r\n\r\n", "malformed", "not a field"),
        (b"HTTP/1.1 200 OK\r\nX : y\r\n\r\n", "malformed", "not a field"),
        (b"HTTP/1.1 200 OK\r\n folded: y\r\n\r\n", "malformed", "not a field"),
    ],
)
def test_head_beyond_a_bound_says_which(received: bytes, fault: str, words: str) -> None:
    with pytest.raises(HeadError, match=words) as met:
        read_response(received)
    assert met.value.fault == fault


@given(st.binary(max_size=60) | st.binary(max_size=40).map(lambda rest: b"HTTP/1.1 200 OK\r\n" + rest + b"\r\n\r\n"))
def test_any_bytes_are_a_head_the_beginning_of_one_or_none(received: bytes) -> None:
    try:
        head = read_response(received)
    except HeadError:
        return
    assert head is None or head.head_bytes <= len(received)


def test_request_that_is_none_is_named() -> None:
    with pytest.raises(HeadError, match="TLS"):
        read_request(b"\x16\x03\x01\x02\x00")
    with pytest.raises(HeadError, match="not HTTP"):
        read_request(b"hello\r\n\r\n")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("1.5", 1.5),
        ("Fri, 31 Dec 1999 23:59:59 GMT", 9.0),
        ("Fri, 31 Dec 1999 23:59:40 GMT", 0.0),
        ("Fri, 31 Dec 2999 23:59:40 GMT", None),
        ("9" * 400, None),
        ("soon", None),
        ("-1", None),
        ("１２", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str, seconds: float | None) -> None:
    fields = Fields([("Retry-After", value), ("Date", "Fri, 31 Dec 1999 23:59:50 GMT")])
    assert retry_after_s(fields) == seconds
