"""What products say is read as they mean it: as it stands in their source, and as they were made to say it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wslab.captures.texts import TABLE, read_statement, read_text
from wslab.captures.texts.phrase import Phrase
from wslab.core.records import Statement

RECORDED = Path(__file__).parents[2] / "data" / "captures" / "texts.jsonl"
SAID = [json.loads(line) for line in RECORDED.read_text(encoding="utf-8").splitlines()]

IN_TABLE = {"starlette": "Starlette", "haproxy": "HAProxy", "chromium": "Chromium", "bun": "Bun"}
NOBODYS = {"a CloseEvent", "a browser", "the operating system"}

MEANS: dict[str, dict[str, object]] = {
    "over the server's limit": {"close_code": 1009, "told_by": "received"},
    "over one's own limit": {"close_code": 1009, "told_by": "sent"},
    "restart": {"close_code": 1012, "told_by": "received"},
    "crash": {"close_code": 1006, "told_by": "assumed"},
    "rejected": {"http_status": 503},
}
SAYS_LESS = {
    ("tornado", "over the server's limit"),
    ("tornado", "restart"),
    ("tornado", "crash"),
    ("undici", "rejected"),
    ("nginx", "crash"),
    ("haproxy", "crash"),
}
"""Products whose words hold neither code nor status in these situations."""


def example(phrase: Phrase) -> str:
    return f"{phrase.subject}: {phrase.example[:50]}"


@pytest.mark.parametrize("phrase", TABLE, ids=example)
def test_each_phrase_is_found_in_its_own_example_and_no_earlier_one_is(phrase: Phrase) -> None:
    statement = read_statement(phrase.example)
    assert statement is not None
    assert (statement.subject, statement.meaning) == (phrase.subject, phrase.meaning)


@pytest.mark.parametrize("phrase", TABLE, ids=example)
def test_each_phrase_names_a_file_at_a_commit_or_a_document(phrase: Phrase) -> None:
    assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}:[\w./+-]+|https://\S+", phrase.source)
    assert phrase.meaning.endswith(".")
    assert phrase.close_code is None or phrase.told_by is not None


def test_at_least_twenty_products_are_known() -> None:
    assert len({phrase.subject for phrase in TABLE} - NOBODYS) >= 20


@pytest.mark.parametrize("line", SAID, ids=lambda line: f"{line['product']}, {line['situation']}")
def test_what_products_said_here_is_read_as_what_they_met(line: dict[str, str]) -> None:
    product = IN_TABLE.get(line["product"], line["product"])
    statements = read_text(line["words"]).statements
    assert statements, line["words"]
    assert {statement.subject for statement in statements} <= {product, *NOBODYS}
    if (line["product"], line["situation"]) not in SAYS_LESS:
        told = MEANS.get(line["situation"], {})
        assert any(all(getattr(each, name) == value for name, value in told.items()) for each in statements)


def only(text: str) -> Statement:
    [statement] = read_text(text).statements
    return statement


def test_numbers_are_those_of_the_text() -> None:
    statement = only(
        "received 1009 (message too big) frame with 70000 bytes exceeds limit of 65536 bytes; then sent 1009"
    )
    assert (statement.limit_bytes, statement.payload_bytes, statement.close_code) == (65_536, 70_000, 1009)


def test_unknown_words_are_told_with_what_stands_in_them_and_no_more() -> None:
    statement = only(
        "[fancy-socket 2.1] connection closed with code 1009: maximum size is 4,096 bytes, got 5,000 bytes"
    )
    assert (statement.subject, statement.meaning, statement.told_by, statement.closed_by) == (None, None, None, None)
    assert (statement.close_code, statement.limit_bytes, statement.payload_bytes) == (1009, 4096, 5000)
    assert statement.leaves_open


def test_a_limit_in_unknown_words_about_a_websocket_is_told() -> None:
    statement = only("feed.WebSocketFrameError: Max frame size of 65536 has been exceeded.")
    assert (statement.subject, statement.close_code, statement.limit_bytes) == (None, None, 65_536)


@pytest.mark.parametrize("side", ["received", "sent"])
def test_half_of_what_websockets_says_tells_the_code_and_leaves_open_who_was_first(side: str) -> None:
    statement = only(f"{side} 1009 (message too big)")
    assert (statement.close_code, statement.told_by, statement.closed_by) == (1009, side, None)
    assert "first" in str(statement.leaves_open)


def test_a_code_that_is_never_sent_was_made_up_whoever_says_it() -> None:
    assert only("code = 1006 (connection closed abnormally [internal]), no reason").told_by == "assumed"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello world",
        "listening on port 1009",
        "order 4711 was shipped",
        "GET /index.html 200",
        "took 1012 ms",
        "Traceback (most recent call last):",
        "year 3012, item 1009, room 4000",
        "received 4000 (boxes)",
        "mail rejected: message too big",
    ],
)
def test_a_text_that_speaks_of_no_connection_says_nothing(text: str) -> None:
    assert read_text(text).statements == ()


@pytest.mark.parametrize(
    ("line", "code", "reason"),
    [
        ('{"level":30,"msg":"socket closed","code":1012,"reason":"service restart"}', 1012, "service restart"),
        ('{"event":"disconnect","closeCode":4001,"reason":"unauthorized"}', 4001, "unauthorized"),
        ("Session closed: CloseReason[1001,Going away]", 1001, None),
        ("Abnormal closure: 1006 Connection was closed abnormally", 1006, None),
        ("closed with exit code 1009 additional info: too much", 1009, None),
        ("Verbindung geschlossen: Code 1009 (Nachricht zu groß)", 1009, None),
        ("接続が閉じられました コード: 1012 (サービス再起動)", 1012, None),
        ("\x1b[31mERROR\x1b[0m ws closed 1012 service restart", 1012, None),
    ],
)
def test_a_code_is_found_in_words_of_any_shape(line: str, code: int, reason: str | None) -> None:
    statement = only(line)
    assert (statement.close_code, statement.close_reason, statement.payload_bytes) == (code, reason, None)


@pytest.mark.parametrize(
    "line",
    [
        "user 1012 logged in on websocket server",
        "GET /api/ws/1009 200",
        "listening on ws port 3000",
        "took 1003 ms on websocket",
        "order status: 1000 shipped",
        "close 3000 shares",
        "websocket error at http://127.0.0.1:8080/feed",
        "websocket served by HTTP/1.1 host 192.168.0.1",
    ],
)
def test_a_number_is_no_close_code_where_nothing_says_so(line: str) -> None:
    statement = read_statement(line)
    assert statement is None or (statement.close_code, statement.http_status) in [(None, None), (None, 200)]


def test_the_limit_in_a_reason_is_told_whoever_chose_its_words() -> None:
    statement = only("received 1009 (message too big) Payload of 70000 bytes, max size 65536")
    assert (statement.limit_bytes, statement.payload_bytes) == (65_536, 70_000)


def test_equal_lines_are_one_statement_and_keep_the_first_time() -> None:
    lines = [
        f"2026-11-26T06:00:{second:02} websocket: close 1006 (abnormal closure): unexpected EOF" for second in (1, 2)
    ]
    statement = only("\n".join(lines))
    assert (statement.at, statement.close_code, statement.closed_by) == ("2026-11-26T06:00:01", 1006, "network")


def test_lines_that_differ_in_their_code_alone_are_two_statements() -> None:
    codes = [1009, 1012, 4001]
    lines = [f"12:00:0{code % 10} Connection closed (code {code}): bye" for code in (*codes, *codes)]
    assert [statement.close_code for statement in read_text("\n".join(lines)).statements] == codes


def test_secrets_in_a_line_are_nowhere_in_the_run() -> None:
    line = (
        "2026-11-26T06:00:00 websocket: close 1008 (policy violation): bye wss://ada:hunter2@host/feed?a=topsecret "
        'Cookie: sid=topsecret; "Authorization": "Bearer topsecret", x-api-key=topsecret'
    )
    run = read_text(line)
    assert [statement.close_code for statement in run.statements] == [1008]
    assert not any(word in repr(run) for word in ("topsecret", "hunter2"))


def test_colours_of_a_terminal_do_not_hide_words() -> None:
    assert only("\x1b[31mError:\x1b[0m Unexpected server response: \x1b[1m502\x1b[0m").http_status == 502


@given(st.text(max_size=300))
def test_any_text_is_read(text: str) -> None:
    read_text(text)


@given(st.sampled_from(TABLE), st.text(max_size=40), st.text(max_size=40))
def test_words_around_a_phrase_do_not_change_what_it_says(phrase: Phrase, before: str, after: str) -> None:
    """A prefix and a suffix of a log's own, without line breaks or digits that could join the phrase's."""
    around = [re.sub(r"[\W\d_]+", " ", words) for words in (before, after)]
    line = f"{around[0]} {phrase.example} {around[1]}"
    assert phrase.read(line) is not None or phrase.pattern.endswith("$")
