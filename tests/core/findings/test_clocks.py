"""A watch of servers whose behaviour is known: what is found is that behaviour, and nothing else."""

from __future__ import annotations

import functools
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wslab.core.findings import Finding, find
from wslab.core.records import Closure, Pause, Ping, Record

from .making import attempt, closure, send
from .simulated_watch import CLIENT, MESSAGES, SERVER, WAY_S, SimulatedServer, watch

EXPLANATIONS: dict[str, tuple[SimulatedServer, str]] = {
    "idle timeout, any traffic counts": (SimulatedServer(idle_s=60), "idle_timeout"),
    "idle timeout, what the client sends counts": (SimulatedServer(idle_s=60, counts=CLIENT), "idle_timeout"),
    "idle timeout, what the server sends counts": (SimulatedServer(idle_s=60, counts=SERVER), "idle_timeout"),
    "idle timeout, what the server sends counts, and it is silent": (
        SimulatedServer(idle_s=60, counts=SERVER, replies=False),
        "idle_timeout",
    ),
    "idle timeout, messages count": (SimulatedServer(idle_s=60, counts=MESSAGES), "idle_timeout"),
    "idle timeout, only the server's messages count": (
        SimulatedServer(idle_s=60, counts=frozenset({"server's messages"})),
        "idle_timeout",
    ),
    "idle timeout, looked at every 20 s": (SimulatedServer(idle_s=60, tick_s=20), "idle_timeout"),
    "a short idle timeout": (SimulatedServer(idle_s=5), "idle_timeout"),
    "a long idle timeout": (SimulatedServer(idle_s=300), "idle_timeout"),
    "maximum age": (SimulatedServer(max_age_s=60), "max_age"),
    "maximum age with jitter": (SimulatedServer(max_age_s=60, jitter=0.2), "max_age"),
    "maximum age since the first message": (
        SimulatedServer(max_age_s=60, age_from="client's messages"),
        "max_age",
    ),
    "the server's keepalive": (SimulatedServer(ping_s=20, pong_s=20), "server_keepalive"),
    "one restart": (SimulatedServer(instants_s=(100,)), "all_at_once"),
    "closed each minute": (SimulatedServer(instants_s=tuple(range(60, 900, 60))), "all_at_once"),
    "a ping is not tolerated": (SimulatedServer(hates="client's pings"), "not_tolerated"),
    "a message is not tolerated": (
        SimulatedServer(hates="client's messages", end={"received": 1008, "sent": 1008}),
        "not_tolerated",
    ),
    "a cap on the rate": (SimulatedServer(max_per_s=5), "too_fast"),
    "a cap on messages per connection": (SimulatedServer(max_messages=30), "too_many"),
    "the network": (SimulatedServer(mean_life_s=120), "one_by_one"),
}


@functools.cache
def watched(name: str) -> list[Finding]:
    server, rule = EXPLANATIONS[name]
    return told(watch(server, until_s=200 if rule in ("not_tolerated", "too_fast") else 900))


def told(records: Iterable[Record]) -> list[Finding]:
    return [finding for finding in find(records) if finding.rule != "server_said"]


@pytest.mark.parametrize("name", EXPLANATIONS)
def test_each_explanation_is_found_and_no_other(name: str) -> None:
    rule = EXPLANATIONS[name][1]
    assert [finding.rule for finding in watched(name)] == [rule]
    assert watched(name)[0].sure == ("likely" if rule == "one_by_one" else "shown")


@pytest.mark.parametrize("name", ["a cap on the rate", "a cap on messages per connection", "a ping is not tolerated"])
def test_watch_that_ends_before_an_answer_is_seen_blames_nothing_else(name: str) -> None:
    """What was sent last has not been survived: nobody looked for long enough."""
    server, rule = EXPLANATIONS[name]
    ends_s = [record.closed_at_s for record in watch(server, until_s=600) if isinstance(record, Closure)]
    for end_s in ends_s[5:12]:
        found = told(watch(server, until_s=end_s - WAY_S / 2))
        assert [finding.rule for finding in found] == [rule]


def test_number_of_messages_is_only_possible_where_all_took_as_long() -> None:
    """A cap on a rate over minutes would do the same to clients that send alike."""
    found = told(watch(SimulatedServer(max_messages=30), until_s=430))
    assert [(finding.rule, finding.sure) for finding in found] == [("too_many", "possible")]
    assert found[0].facts == {"max_connection_messages": 30}


COUNTS = {
    "idle timeout, any traffic counts": {"messages": True, "pings": True, "pongs": True},
    "idle timeout, what the server sends counts": {"messages": True, "pings": True, "pongs": False},
    "idle timeout, what the server sends counts, and it is silent": {"messages": False, "pings": True, "pongs": False},
    "idle timeout, messages count": {"messages": True, "pings": False, "pongs": False},
}


@pytest.mark.parametrize("name", COUNTS)
def test_which_traffic_counts_is_told(name: str) -> None:
    counts = watched(name)[0].facts["counts"]
    words = {"messages": "the client's messages", "pings": "the client's pings", "pongs": "the client's unasked pongs"}
    assert {word: counts[words[word]] for word in words} == COUNTS[name]


@pytest.mark.parametrize("idle_s", [0.9, 7.0, 60.0, 350.0])
def test_idle_timeout_lies_in_its_bracket_of_less_than_a_second(idle_s: float) -> None:
    (finding,) = find(watch(SimulatedServer(idle_s=idle_s), interval_s=idle_s / 3, apart_s=1, until_s=8 * idle_s))
    assert finding.facts["low_s"] - 0.1 <= idle_s <= finding.facts["high_s"] + 0.1
    assert finding.facts["high_s"] - finding.facts["low_s"] < 1


def test_idle_timeout_and_maximum_age_are_found_beside_each_other() -> None:
    found = find(watch(SimulatedServer(idle_s=60, max_age_s=600), until_s=3000))
    assert {finding.rule: round(finding.facts["high_s"]) for finding in found} == {"idle_timeout": 60, "max_age": 600}


def test_idle_timeout_and_keepalive_are_found_beside_each_other() -> None:
    """A client that talks and is deaf is ended by the one, a silent one by the other, each in words of its own."""
    server = SimulatedServer(
        idle_s=20,
        counts=MESSAGES | {"client's pings"},
        ping_s=10,
        pong_s=20,
        end={"received": (1001, "idle"), "sent": 1001},
        pong_end={"received": (1011, "keepalive ping timeout"), "sent": 1011},
    )
    found = {finding.rule: finding.facts for finding in find(watch(server, until_s=400))}
    assert (found["idle_timeout"]["low_s"], found["idle_timeout"]["high_s"]) == pytest.approx((20, 20), abs=0.2)
    assert found["server_keepalive"]["ping_timeout_s"] == pytest.approx(20, abs=0.2)


@pytest.mark.parametrize(
    ("reason", "answered", "told"),
    [
        ("keepalive ping timeout", False, ("server_keepalive", "likely")),
        ("", False, ("server_keepalive", "possible")),  # an age explains it as well
        ("", True, ("max_age", "likely")),  # an idle timeout that only pings restart does too
    ],
)
def test_unanswered_pings_are_no_proof_of_an_age(reason: str, answered: bool, told: tuple[str, str]) -> None:
    """All are pinged at 20 s and closed at 50 s of their age; whether it was the pings is seen from who answers."""
    records: list[Record] = []
    for number in range(5):
        asked_s = 7.0 * number + 20
        records.append(closure(number, asked_s - 20, asked_s + 30, received=(1011, reason)))
        answered_at_s = asked_s + 0.01 if answered else None
        records.append(
            Ping(
                client=number,
                connection_id=None,
                sent_by="server",
                sent_at_s=asked_s,
                payload_bytes=4,
                answered_at_s=answered_at_s,
            )
        )
    finding = find(records)[0]
    assert (finding.rule, finding.sure) == told
    if not answered:
        assert finding.facts["ping_timeout_s"] == pytest.approx(30)
        assert [other.explanation for other in finding.instead] == ["a maximum age"]


def test_those_that_answered_pings_are_compared_with() -> None:
    """An idle timeout that pongs restart too, beside pings: only the deaf are closed, and messages might have done."""
    found = find(watch(SimulatedServer(idle_s=8, counts=CLIENT, ping_s=2), interval_s=15, until_s=120))
    (finding,) = [finding for finding in found if finding.rule == "server_keepalive"]
    assert "no connection that answered" not in finding.why
    assert finding.sure == "shown" or "those that answered lived on" in finding.why


@pytest.mark.parametrize(("apart_s", "sure"), [(0.0, "likely"), (3.0, "possible")])
def test_two_ends_are_likely_only_where_they_agree_closely(apart_s: float, sure: str) -> None:
    """Two of a maximum age with jitter may agree by chance, beside a client that pings and was not closed yet."""
    records: list[Record] = [closure(0, 0.0, 60.0), closure(1, 5.0, 65.0 + apart_s), attempt(2, 1.0)]
    for at_s in range(11, 71, 10):
        asked = Ping(
            client=2, connection_id=None, sent_by="client", sent_at_s=at_s, payload_bytes=4, answered_at_s=at_s + 0.01
        )
        records.append(asked)
    assert {finding.sure for finding in find(records) if finding.rule in ("idle_timeout", "max_age")} <= {sure}


def test_silent_clients_alone_do_not_tell_an_idle_timeout_from_a_maximum_age() -> None:
    records: list[Record] = [closure(number, 5.0 * number, 5.0 * number + 60) for number in range(4)]
    (finding,) = find(records)
    assert (finding.rule, finding.sure) == ("idle_or_age", "possible")


@pytest.mark.parametrize(("idle", "rule"), [(True, "idle_timeout"), (False, "max_age")])
def test_connections_that_fall_silent_soon_after_opening_tell_silence_from_age(idle: bool, rule: str) -> None:
    """Each says its last word 1 to 4 s after opening, so that silence and age differ by less than a tenth."""
    records: list[Record] = []
    for number in range(5):
        opened_s = 7.0 * number
        records.append(send(number, opened_s + number))
        records.append(closure(number, opened_s, opened_s + 60 + (number if idle else 0)))
    (finding,) = [finding for finding in find(records) if finding.rule in ("idle_timeout", "max_age", "idle_or_age")]
    assert (finding.rule, finding.facts["low_s"], finding.facts["high_s"]) == (
        rule, pytest.approx(60, abs=0.2), pytest.approx(60, abs=0.2),
    )  # fmt: skip


def test_clients_that_were_opened_together_and_ended_together_do_not_tell_a_clock_from_a_restart() -> None:
    records: list[Record] = [closure(number, 0.001 * number, 60 + 0.001 * number) for number in range(4)]
    assert {finding.rule for finding in find(records)}.isdisjoint({"max_age", "idle_or_age", "all_at_once"})


def test_cap_on_connections_that_closes_the_oldest_is_found() -> None:
    records: list[Record] = []
    for number in range(8):
        records.append(attempt(number, 10.0 * number))
        if number >= 3:
            records.append(closure(number - 3, 10.0 * (number - 3), 10.0 * number + 0.01))
    (finding,) = find(records)
    assert (finding.rule, finding.sure, finding.facts) == ("crowded_out", "shown", {"max_connections": 3})


def test_what_ended_while_the_observer_was_stopped_is_the_observers_gap() -> None:
    pause = Pause(began_at_s=50.0, ended_at_s=80.0, asleep_s=0.0)
    ends = [closure(number, 5.0 * number, 80.0 + 0.01 * number) for number in range(3)]
    own = closure(4, 0.0, 80.5, sent=1011)
    (finding,) = find([pause, *ends, own])
    assert (finding.rule, finding.whose, finding.facts) == ("observer_paused", "observer", {"paused_s": 30.0})


def test_every_two_explanations_differ_in_what_is_found() -> None:
    """The groups are there for this: no two behaviours may look alike to the rules."""
    found = {(watched(name)[0].rule, str(watched(name)[0].facts)) for name in EXPLANATIONS}
    assert len(found) == len(EXPLANATIONS)


@given(st.floats(0.5, 3600), st.integers(2, 6), st.booleans())
def test_server_that_ends_all_at_one_instant_is_never_taken_for_a_clock(at_s: float, number: int, frame: bool) -> None:
    received = 1000 if frame else None
    records = [closure(each, at_s * each / 20, at_s, received=received, sent=received) for each in range(number)]
    assert {finding.rule for finding in find(records)}.isdisjoint({"max_age", "idle_timeout"})


def test_connections_that_end_in_the_moment_they_open_are_told_of_all_the_same() -> None:
    records = [closure(number, 0.3 * number, 0.3 * number) for number in range(4)]
    assert {finding.rule for finding in find(records)}.isdisjoint({"max_age", "idle_timeout", "all_at_once"})


@pytest.mark.parametrize("late_s", [0.0, 0.03, 0.06])
def test_common_end_that_a_busy_client_notices_one_by_one_is_no_clock(late_s: float) -> None:
    """Their ages then agree about as well as their ends do, which shows neither."""
    records = [closure(number, 0.12 * number, 2.1 + late_s * number) for number in range(5)]
    assert {finding.rule for finding in find(records)}.isdisjoint({"max_age", "idle_timeout", "idle_or_age"})


def test_server_that_closes_nobody_is_blamed_for_nothing() -> None:
    assert find(watch(SimulatedServer())) == ()
