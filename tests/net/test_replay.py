"""Results come back by what was asked: from a folder, without a server, and never another call's."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import wslab
from wslab.core import recordings
from wslab.core.errors import LabServerError, NotRecordedError
from wslab.core.knobs import Knobs
from wslab.core.policies.policy import Policy, any_code
from wslab.core.policies.textbook import constant, full_jitter
from wslab.core.recordings import RECORD, REPLAY, Asked, behaviour
from wslab.core.runs import load
from wslab.experiments import find_limit, payload_sweep, restart_drill, send_message
from wslab.net import replay
from wslab.net.server.fleet import LabFleet
from wslab.net.server.lab_server import LabServer

LIMITED = Knobs(max_message_bytes=100)


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Keep results in a folder until `begin()`, then replay from it."""

    def begin() -> None:
        monkeypatch.delenv(RECORD)
        monkeypatch.setenv(REPLAY, str(tmp_path))
        monkeypatch.setattr(socket.socket, "bind", None)  # whoever opens one now fails

    monkeypatch.setenv(REPLAY, "0")
    monkeypatch.setenv(RECORD, str(tmp_path))
    return begin


def test_run_comes_back_as_it_was(recorded: Callable[[], None]) -> None:
    run = send_message(LIMITED, "x" * 101)
    recorded()
    assert send_message(LIMITED, "x" * 101) == run


def test_run_on_a_running_server_comes_back_for_one_that_nobody_starts(recorded: Callable[[], None]) -> None:
    with LabServer(LIMITED) as server:
        run = payload_sweep(server, [99, 100, 101])
    recorded()
    with LabServer(LIMITED) as server:
        assert payload_sweep(server, [99, 100, 101]) == run
        assert server.url == replay.NOWHERE


def test_verdict_comes_back_as_it_was(recorded: Callable[[], None]) -> None:
    verdict = find_limit(LIMITED, cap_bytes=1000)
    recorded()
    assert find_limit(LIMITED, cap_bytes=1000) == verdict


def test_same_call_made_again_gets_each_recording_in_its_turn(recorded: Callable[[], None]) -> None:
    runs = [send_message(LIMITED, "x") for _ in range(2)]
    recorded()
    assert [send_message(LIMITED, "x") for _ in range(3)] == [*runs, runs[0]]


@pytest.mark.parametrize(
    "other",
    [
        lambda: payload_sweep(Knobs(max_message_bytes=101), [99, 101]),
        lambda: payload_sweep(LIMITED, [99, 102]),
        lambda: payload_sweep(LIMITED, [99, 101], seed=1),
        lambda: payload_sweep(LIMITED, [99, 101], compression=True),
        lambda: payload_sweep("ws://127.0.0.1:1/", [99, 101]),
        lambda: find_limit(LIMITED),
    ],
    ids=["knobs", "sizes", "seed", "argument", "server", "experiment"],
)
def test_call_that_differs_in_anything_is_told_that_it_was_not_recorded(
    recorded: Callable[[], None], other: Callable[[], Any]
) -> None:
    payload_sweep(LIMITED, [99, 101])
    recorded()
    with pytest.raises(NotRecordedError, match="was not recorded with these arguments"):
        other()


def test_records_of_a_replay_are_heard(recorded: Callable[[], None]) -> None:
    payload_sweep(LIMITED, [99])
    recorded()
    heard: list[Any] = []
    assert payload_sweep(LIMITED, [99], on_record=heard.append).records == tuple(heard)


def test_policies_are_told_apart_by_what_they_do_and_not_by_their_names(recorded: Callable[[], None]) -> None:
    quick = Policy("mine", constant(delay_s=0.05).delays, retries=any_code)
    run = restart_drill(Knobs(downtime_s=0), clients=1, policy=quick)
    recorded()
    assert restart_drill(Knobs(downtime_s=0), clients=1, policy=quick) == run
    for other in (Policy("mine", constant(delay_s=0.06).delays, retries=any_code), Policy("mine", quick.delays)):
        with pytest.raises(NotRecordedError):
            restart_drill(Knobs(downtime_s=0), clients=1, policy=other)


def test_server_of_a_replay_says_that_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REPLAY, "1")
    for lab in (LabServer(), LabFleet()):
        with lab, pytest.raises(LabServerError, match="this is a replay without a server"):
            lab.restart()


@pytest.mark.parametrize(("wanted", "replaying"), [("1", True), ("some/folder", True), ("0", False), ("", False)])
def test_variable_decides_whether_it_is_a_replay(monkeypatch: pytest.MonkeyPatch, wanted: str, replaying: bool) -> None:
    monkeypatch.setenv(REPLAY, wanted)
    assert replay.replaying() is replaying


def test_it_is_a_replay_where_no_socket_is_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.delenv(REPLAY, raising=False)
    monkeypatch.setattr(socket.socket, "bind", refuse)
    replay.sockets_are_available.cache_clear()
    try:
        assert replay.replaying()
    finally:
        replay.sockets_are_available.cache_clear()


def test_exercise_answered_otherwise_in_a_replay_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(REPLAY, "1")
    assert "a replay can only check the first answer and the solution" in repr(wslab.course.check_pieces(17))


def test_fingerprint_is_that_of_the_content_and_not_of_its_order() -> None:
    one = Asked(experiment="a", parameters={"x": 1, "y": [2]}, policy=behaviour(full_jitter()))
    other = Asked(experiment="a", parameters={"y": [2], "x": 1}, policy=behaviour(full_jitter()))
    assert one.fingerprint == other.fingerprint


def test_recordings_tell_when_they_were_made(recorded: Callable[[], None], tmp_path: Path) -> None:
    run = send_message(LIMITED, "x")
    assert list(recordings.infos(tmp_path)) == [run.info]
    (path,) = tmp_path.iterdir()
    assert load(path) == run
