"""Each rule where it must speak and where it must stay silent."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from wslab.core.findings import find, headline
from wslab.core.findings.finding import SURENESS, quoted
from wslab.core.findings.rules import LEFT, RULES
from wslab.core.records import Record
from wslab.core.runs import load

from . import making as make

Said = set[tuple[str, str]]
DATA = Path(__file__).parents[3] / "data"


def said(records: list[Record]) -> Said:
    return {(finding.rule, finding.sure) for finding in find(records)}


def refused_at(payload_bytes: int, *, code: int | None = 1009, **where: Any) -> list[Record]:
    """A message alone on its connection, which the server then closed."""
    at_s = where.setdefault("opened_at_s", 0.0)
    return [
        make.send(payload_bytes=payload_bytes, outcome="closed", at_s=at_s + 0.01, close_code=code or 1006),
        make.closure(received=code, sent=code, closed_at_s=at_s + 0.1, **where),
    ]


def passed_at(payload_bytes: int, opened_at_s: float) -> list[Record]:
    return [
        make.send(payload_bytes=payload_bytes, at_s=opened_at_s + 0.01),
        make.closure(received=1000, sent=1000, sent_first=True, opened_at_s=opened_at_s, closed_at_s=opened_at_s + 0.1),
    ]


def burst(messages: int, payload_bytes: int, opened_at_s: float, *, died: bool, every_s: float = 0.02) -> list[Record]:
    """Messages on one connection, one after the other; where it died, right after the last of them."""
    times = [opened_at_s + 1 + number * every_s for number in range(messages)]
    ended_at_s = times[-1] + (0.01 if died else 2)
    code: dict[str, Any] = {"received": 1008, "sent": 1008} if died else {"received": 1000, "sent_first": True}
    return [
        *(make.send(payload_bytes=payload_bytes, at_s=at_s) for at_s in times),
        make.closure(opened_at_s=opened_at_s, closed_at_s=ended_at_s, **{"sent": 1000, **code}),
    ]


CASES: dict[str, tuple[Callable[[], list[Record]], Said]] = {
    "1009 and no control": (lambda: refused_at(2000), {("size_refused", "likely")}),
    "1009, and a smaller one passes afterwards": (
        lambda: [*refused_at(2000), *passed_at(1000, 1.0)],
        {("size_refused", "shown")},
    ),
    "1009, and a smaller one had passed before": (
        lambda: [*passed_at(1000, 0.0), *refused_at(2000, opened_at_s=1.0)],
        {("size_refused", "likely")},
    ),
    "no close frame, but a control": (
        lambda: [*refused_at(2000, code=None), *passed_at(1000, 1.0)],
        {("size_refused", "shown")},
    ),
    "1008 on a message as large as one that passed": (
        lambda: [make.send(), make.send(at_s=0.95, outcome="closed"), make.closure(received=1008, sent=1008)],
        {("server_said", "likely")},
    ),
    "ends without a close frame, each behind a message as others that passed": (
        lambda: [
            record
            for client in range(5)
            for record in (
                *(make.send(client, at_s=0.1 + number) for number in range(3 * client + 1)),
                make.send(client, at_s=0.2 + 3 * client, outcome="closed"),
                make.closure(client, opened_at_s=0.01 * client, closed_at_s=0.21 + 3 * client),
            )
        ],
        {("one_by_one", "possible")},
    ),
    "no answer, and the client closes": (
        lambda: [make.send(outcome="timeout"), make.closure(received=1000, sent=1000, sent_first=True)],
        {("unanswered", "cannot tell")},
    ),
    "no answer to one of two alike": (
        lambda: [make.send(), make.send(at_s=0.6, outcome="timeout")],
        {("unanswered", "cannot tell")},
    ),
    "no answer to the larger message, and one to a smaller that came later": (
        lambda: [make.send(), make.send(payload_bytes=9000, at_s=0.6, outcome="timeout"), make.send(at_s=0.9)],
        {("unanswered", "shown")},
    ),
    "no answer to the larger message, which came last": (
        lambda: [make.send(), make.send(payload_bytes=9000, at_s=0.6, outcome="timeout")],
        {("unanswered", "likely")},
    ),
    "no answer was waited for": (lambda: [make.send(outcome="unconfirmed")], set()),
    "1000 right behind an answer": (
        lambda: [make.send(at_s=0.9), make.closure(received=1000, sent=1000)],
        {("closed_behind_an_answer", "possible")},
    ),
    "1000 right behind an answer that says no": (
        lambda: [
            make.send(at_s=0.9, reply='{"status": 413}', round_trip_s=0.05, reply_bytes=15, outcome="closed"),
            make.closure(received=1000, sent=1000),
        ],
        {("closed_behind_an_answer", "likely")},
    ),
    "1000 long after an answer": (
        lambda: [make.send(at_s=0.1), make.closure(received=1000, sent=1000)],
        {("server_said", "cannot tell")},
    ),
    "1000 behind an answer, with a reason": (
        lambda: [make.send(at_s=0.9), make.closure(received=(1000, "bye"), sent=1000)],
        {("server_said", "likely")},
    ),
    "no close frame and no control": (lambda: refused_at(2000, code=None), {("unexplained", "cannot tell")}),
    "a larger one passes: it was not the size": (
        lambda: [*refused_at(2000), *passed_at(3000, 1.0)],
        {("server_said", "likely")},
    ),
    "a small one is refused too, with 1008": (
        lambda: [*refused_at(2000, code=1008), *refused_at(10, code=1008, opened_at_s=1.0)],
        {("server_said", "likely")},
    ),
    "the control was an earlier message on its connection than the refused one": (
        lambda: [
            *(make.send(payload_bytes=10, at_s=0.1 * number) for number in range(1, 4)),
            make.send(payload_bytes=20, at_s=0.4, outcome="closed"),
            make.closure(received=1008, sent=1008, closed_at_s=0.5),
            *passed_at(10, 1.0),
        ],
        {("too_fast", "possible")},
    ),
    "the client's own limit": (
        lambda: [make.closure(sent=1009, received=1009, sent_first=True)],
        {("own_limit", "shown")},
    ),
    "1009 of which the client saw nothing": (
        lambda: [make.closure(connection_id="1-1", tcp_end="reset"), make.account("1-1", sent=1009)],
        {("close_frame_lost", "shown")},
    ),
    "1012 found by reading on": (
        lambda: [make.closure(received=1012, recovered=True, tcp_end="reset")],
        {("close_frame_lost", "shown"), ("announced_restart", "likely")},
    ),
    "1012 that a relay put in": (
        lambda: [make.frame(fate="inserted", close_code=1012), make.closure(received=1012, sent=1012)],
        {("by_relay", "shown")},
    ),
    "1012 through a relay that put in nothing": (
        lambda: [make.injection("latency"), make.closure(received=1012, sent=1012)],
        {("announced_restart", "likely")},
    ),
    "reset where a relay resets a part of the connections": (
        lambda: [make.injection("reset_peer", timeout_s=1.0, toxicity=0.5), make.closure(tcp_end="reset")],
        {("by_relay", "likely")},
    ),
    "reset long after a relay's would have come": (
        lambda: [make.injection("reset_peer"), make.closure(tcp_end="reset")],
        {("unexplained", "cannot tell")},
    ),
    "one 1012": (lambda: [make.closure(received=1012, sent=1012)], {("announced_restart", "likely")}),
    "one 1001": (lambda: [make.closure(received=1001, sent=1001)], {("announced_restart", "possible")}),
    "1001 to all at once": (
        lambda: [make.closure(client=client, opened_at_s=client / 4, received=1001, sent=1001) for client in range(3)],
        {("announced_restart", "likely")},
    ),
    "1001 to three that were opened together: a clock would end them together too": (
        lambda: [make.closure(client=client, received=1001, sent=1001) for client in range(3)],
        {("announced_restart", "possible")},
    ),
    "1001 to three, as far apart as they were opened": (
        lambda: [
            make.closure(client, 5.0 * client, 5.0 * client + 60, received=1001, sent=1001) for client in range(3)
        ],
        {("announced_restart", "possible"), ("idle_or_age", "possible")},
    ),
    "1001, then nobody there": (
        lambda: [make.closure(received=1001, sent=1001), make.attempt(at_s=2.0, outcome="refused", outage=1)],
        {("announced_restart", "shown")},
    ),
    "1000 in a restart on record": (
        lambda: [make.closure(received=1000, sent=1000), make.restart(at_s=0.9)],
        {("announced_restart", "shown")},
    ),
    "1012 by the client": (lambda: [make.closure(received=1012, sent=1012, sent_first=True)], set()),
    "TCP ends, then refused": (
        lambda: [make.attempt(), make.closure(), make.attempt(at_s=2.0, outcome="refused", outage=1)],
        {("crash", "likely")},
    ),
    "TCP ends in a crash on record": (
        lambda: [make.closure(), make.restart("crash", at_s=0.95, down_at_s=0.96)],
        {("crash", "shown")},
    ),
    "TCP ends, and the next attempt opens": (
        lambda: [make.attempt(), make.closure(), make.attempt(at_s=2.0, outage=1)],
        {("unexplained", "cannot tell")},
    ),
    "TCP ends long after a crash": (
        lambda: [make.closure(closed_at_s=9.0), make.restart("crash", at_s=1.0)],
        {("unexplained", "cannot tell")},
    ),
    "a ping of the client's that was not answered": (
        lambda: [make.closure(sent=1011), make.ping(at_s=0.5, sent_by="client")],
        {("own_keepalive", "shown")},
    ),
    "1011 by the client, and no ping": (lambda: [make.closure(sent=1011)], {("client_failed", "likely")}),
    "1011 by the client, whose ping was answered": (
        lambda: [make.closure(sent=1011), make.ping(at_s=0.5, sent_by="client", answered_at_s=0.51)],
        {("client_failed", "likely")},
    ),
    "closed one after the other, quickly": (
        lambda: [
            make.closure(0, opened_at_s=0.0, closed_at_s=0.5, received=1003, sent=1003),
            make.closure(1, opened_at_s=0.51, closed_at_s=0.52, received=1003, sent=1003),
        ],
        {("server_said", "likely")},
    ),
    "1011 by the server": (lambda: [make.closure(received=1011, sent=1011)], {("server_said", "likely")}),
    "the server complains of a frame": (
        lambda: [make.closure(received=1002, sent=1002)],
        {("protocol_error", "likely")},
    ),
    "the client complains of a frame": (
        lambda: [make.closure(received=1007, sent=1007, sent_first=True)],
        {("protocol_error", "likely")},
    ),
    "a private code": (lambda: [make.closure(received=(4001, "go"), sent=4001)], {("server_said", "likely")}),
    "an empty close frame": (lambda: [make.closure(received=1005, sent=1005)], {("server_said", "cannot tell")}),
    "1000 with a reason": (lambda: [make.closure(received=(1000, "idle"), sent=1000)], {("server_said", "likely")}),
    "nobody listens": (lambda: [make.attempt(outcome="refused")], {("unreachable", "shown")}),
    "503 from the first": (
        lambda: [make.attempt(outcome="rejected", http_status=503)],
        {("unreachable", "shown")},
    ),
    "503 while away": (
        lambda: [
            make.attempt(),
            make.closure(received=1012, sent=1012),
            make.attempt(at_s=2.0, outcome="rejected", http_status=503, retry_after_s=2.0, outage=1),
            make.attempt(at_s=4.0, outage=1, number=2),
        ],
        {("announced_restart", "shown"), ("unavailable", "shown")},
    ),
    "the client gives up": (
        lambda: [make.closure(received=1008, sent=1008), make.outage(gave_up="eager does not retry 1008")],
        {("server_said", "likely"), ("stayed_away", "shown")},
    ),
    "the run ends before the client is back": (
        lambda: [make.closure(received=1012, sent=1012), make.outage(gave_up="the run ended first")],
        {("announced_restart", "likely")},
    ),
    "what was sent again was never confirmed": (
        lambda: [
            make.closure(connection_id="1"),
            make.trace(client_retransmissions=5, client_unacknowledged_bytes=900, ended_by="client", end="reset"),
        ],
        {("line_went_silent", "likely")},
    ),
    "sent again, and confirmed": (
        lambda: [make.closure(connection_id="1"), make.trace(client_retransmissions=5)],
        {("unexplained", "cannot tell")},
    ),
    "sent again behind a close frame": (
        lambda: [
            make.closure(connection_id="1", received=1011, sent=1011),
            make.trace(server_retransmissions=5, server_unacknowledged_bytes=4),
        ],
        {("server_said", "likely")},
    ),
    "keepalive probes of TCP met no answer": (
        lambda: [
            make.closure(connection_id="1"),
            make.trace(client_unanswered_probes=9, ended_by="client", end="reset"),
        ],
        {("line_went_silent", "likely")},
    ),
    "the first message after a long silence is answered with RST": (
        lambda: [
            make.send(at_s=1, connection_id="1"),
            make.send(at_s=301, connection_id="1", outcome="unconfirmed"),
            make.closure(connection_id="1", closed_at_s=301.001, tcp_end="reset"),
            make.trace(client_unacknowledged_bytes=16, ended_by="server", end="reset"),
        ],
        {("forgotten", "likely")},
    ),
    "a message soon after another is answered with RST": (
        lambda: [
            make.send(at_s=1, connection_id="1"),
            make.send(at_s=2, connection_id="1", outcome="unconfirmed"),
            make.closure(connection_id="1", closed_at_s=2.001, tcp_end="reset"),
            make.trace(client_unacknowledged_bytes=16, ended_by="server", end="reset"),
        ],
        {("unexplained", "cannot tell")},
    ),
    "the client's close frame crosses the server's 1012": (
        lambda: [make.closure(received=1012, sent=1001, sent_first=True)],
        {("announced_restart", "likely")},
    ),
    "the server echoes a client's own 1012": (
        lambda: [make.closure(received=1012, sent=1012, sent_first=True)],
        set(),
    ),
    "TCP ended in the middle of a message": (
        lambda: [make.closure(connection_id="1"), make.trace(unfinished_bytes=4000, announced_bytes=70_000)],
        {("cut_in_a_message", "possible")},
    ),
    "the client left in the middle of its own message": (
        lambda: [
            make.closure(connection_id="1"),
            make.trace(unfinished_bytes=4000, announced_bytes=70_000, ended_by="client"),
        ],
        {("client_hung_up", "shown")},
    ),
    "the client ended TCP behind its close frame": (
        lambda: [
            make.closure(connection_id="1", sent=1000, received=1000, sent_first=True),
            make.trace(ended_by="client"),
        ],
        set(),
    ),
    "a rule is broken": (
        lambda: [make.trace(violation="the server: a masked frame from a server (RFC 6455 §5.1)")],
        {("broke_the_protocol", "shown")},
    ),
    "a rule seems broken, where frames were guessed": (
        lambda: [make.trace(violation="the server: a masked frame from a server (RFC 6455 §5.1)", guessed=True)],
        set(),
    ),
    "the server takes no more": (
        lambda: [make.closure(connection_id="1"), make.trace(server_zero_windows=3)],
        {("takes_no_more", "possible")},
    ),
    "the server took no more for a moment": (
        lambda: [make.closure(connection_id="1"), make.trace(server_zero_windows=1)],
        {("unexplained", "cannot tell")},
    ),
    "TLS": (lambda: [make.trace(protocol="tls")], {("cannot_be_seen", "cannot tell")}),
    "HTTP/2": (lambda: [make.trace(protocol="http2")], {("cannot_be_seen", "cannot tell")}),
    "a HAR": (lambda: [make.trace(client_address=None, ending_seen=False)], {("cannot_be_seen", "cannot tell")}),
    "begun before the capture, and it lacks bytes": (
        lambda: [make.trace(opening_seen=False, server_missing_bytes=5)],
        {("cannot_be_seen", "cannot tell")},
    ),
    "open when the capture ends": (lambda: [make.trace(ending_seen=False)], {("cannot_be_seen", "cannot tell")}),
    "one direction alone": (lambda: [make.trace(client_bytes=0)], {("cannot_be_seen", "cannot tell")}),
    "a whole trace": (lambda: [make.trace()], set()),
    "a text about a frame that came": (
        lambda: [make.statement(close_code=1009, told_by="received")],
        {("said", "likely")},
    ),
    "a text about a code that was made up": (
        lambda: [make.statement(close_code=1006, told_by="assumed", leaves_open="why")],
        {("said", "possible")},
    ),
    "a text of unknown origin": (
        lambda: [make.statement(None, close_code=1009, leaves_open="whose words")],
        {("said", "cannot tell")},
    ),
    "closed on purpose": (lambda: [make.closure(received=1000, sent=1000, sent_first=True)], set()),
    "nothing": (list, set()),
}


SLOWLY = burst(20, 1000, 100.0, died=False, every_s=2.0)


@pytest.mark.parametrize(
    ("records", "counts"),
    [
        ([*burst(6, 1000, 0.0, died=True), *burst(12, 10, 20.0, died=False)], "bytes"),
        ([*burst(6, 1000, 0.0, died=True), *burst(5, 2000, 20.0, died=False)], "messages"),
        ([*burst(6, 1000, 0.0, died=True), *burst(7, 10, 20.0, died=True)], "messages"),
        ([*burst(4, 1000, 0.0, died=True), *burst(40, 100, 20.0, died=True)], "bytes"),
        ([*burst(6, 1000, 0.0, died=True), *burst(6, 1000, 20.0, died=True)], "messages or of bytes"),
    ],
    ids=["more short ones passed", "as many bytes passed", "alike in number", "alike in bytes", "always the same"],
)
def test_burst_that_is_closed_shows_what_is_counted_where_something_differs(records: list[Record], counts: str) -> None:
    (finding,) = [finding for finding in find([*records, *SLOWLY]) if finding.rule == "too_fast"]
    assert f"a cap on the rate of {counts}." in finding.what
    assert bool(finding.instead) is (counts == "messages or of bytes")


def test_burst_that_another_passed_in_number_and_bytes_is_not_blamed() -> None:
    records = [*burst(6, 1000, 0.0, died=True), *burst(8, 1000, 20.0, died=False), *SLOWLY]
    assert "too_fast" not in {finding.rule for finding in find(records)}


@pytest.mark.parametrize("case", CASES)
def test_rules_say_this_and_no_more(case: str) -> None:
    records, expected = CASES[case]
    assert said(records()) == expected


@pytest.mark.parametrize("case", CASES)
def test_finding_rests_on_records_that_exist(case: str) -> None:
    records = CASES[case][0]()
    for finding in find(records):
        assert finding.evidence
        assert len(set(finding.evidence)) == len(finding.evidence)
        assert all(0 <= number < len(records) for number in finding.evidence)


def test_what_nothing_explains_is_told_with_the_silence_before_it_and_the_ping_without_an_answer() -> None:
    (finding,) = find([make.send(at_s=1), make.closure(closed_at_s=61)])
    assert "after a silence of 60.0 s" in finding.why
    pinged = make.ping(at_s=20, sent_by="server")
    (finding,) = find([pinged, make.closure(closed_at_s=40, received=(1011, "keepalive ping timeout"))])
    assert "A ping of its had met no pong for 20.0 s" in finding.why
    assert finding.advice.startswith("Answer pings")


def test_every_rule_speaks_in_a_case_and_says_when_it_is_silent() -> None:
    named = {rule.__name__ for rule in (*RULES, *LEFT)}
    assert {rule for _, expected in CASES.values() for rule, _ in expected} >= named - CLOCKS
    assert [rule.__name__ for rule in (*RULES, *LEFT) if "Silent:" not in (rule.__doc__ or "")] == []


CLOCKS = {
    "clock",
    "all_at_once",
    "crowded_out",
    "not_tolerated",
    "too_fast",
    "too_many",
    "one_by_one",
    "observer_paused",
}
"""Rules that compare lives: their cases are in test_clocks.py."""


def test_message_closed_with_another_code_is_not_told_as_refused_for_its_size() -> None:
    records = [*passed_at(1000, 0.0), *refused_at(1500, code=1000, opened_at_s=1.0), *refused_at(2000, opened_at_s=2.0)]
    refused = [finding.what for finding in find(records) if finding.rule == "size_refused"]
    assert [what.partition(" with ")[0] for what in refused] == ["The server refuses a message of 2,000 bytes"]


def test_surest_finding_comes_first() -> None:
    records = [make.closure(received=1001, sent=1001), make.closure(client=1, sent=1011), make.closure(client=2)]
    order = [SURENESS.index(finding.sure) for finding in find(records)]
    assert order == sorted(order)
    assert len(order) == 3


def test_each_unsure_finding_says_what_else_it_could_be_or_quotes_its_witness() -> None:
    for records, _ in CASES.values():
        for finding in find(records()):
            assert finding.advice
            if finding.sure in ("possible", "cannot tell"):
                assert finding.instead, finding.what


def test_words_of_a_peer_cannot_steer_a_terminal() -> None:
    (finding,) = find([make.closure(received=(4000, "\x1b[2J\u202egone\n"), sent=4000)])
    assert all(mark.isprintable() for mark in finding.what)
    assert "gone" in finding.what
    assert len(quoted("x" * 1000)) < 200


def test_headline_is_the_surest_finding_and_says_where_it_is_not_sure() -> None:
    assert headline([make.closure(received=1012, sent=1012)]).endswith("(Likely.)")
    assert headline([make.attempt(), make.closure(received=1000, sent=1000, sent_first=True)]).startswith("Nothing")


RECORDED = {
    "restart-crash": "crash",
    "browser-crash": "crash",
    "restart-graceful": "announced_restart",
    "through-nginx-restarts": "announced_restart",
    "browser-oversized": "size_refused",
    "sweep-until-refused": "size_refused",
    "visibility": "close_frame_lost",
}


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_run_is_explained(name: str) -> None:
    assert RECORDED[name] in {finding.rule for finding in find(load(DATA / f"{name}.jsonl"))}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("03e7", "its close frame has code 999"),
        ("03", "its close frame has 1 byte"),
        ("03e8fffe", "its close frame has code 1000 and the reason “"),
    ],
)
def test_close_frame_that_breaks_the_rules_is_quoted(body: str, words: str) -> None:
    closure = msgspec.structs.replace(make.closure(sent=1002, sent_first=True), broken_close_hex=body)
    (finding,) = find([closure])
    assert words in finding.why


@pytest.mark.parametrize("source", ["anything", "javascript:alert(1)", "http://example.org/a"])
def test_source_of_a_statement_that_is_no_address_is_not_cited(source: str) -> None:
    """A run file may have been made by anybody, and say so of its own texts."""
    assert [finding.sources for finding in find([make.statement(source=source)])] == [()]
