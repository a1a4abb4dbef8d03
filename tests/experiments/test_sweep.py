"""payload_sweep sends what it was told to, and keeps a row of everything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import wslab
from wslab.core.knobs import Knobs
from wslab.core.ladders import around, bracket, until_refused
from wslab.experiments import Progress
from wslab.net.server.lab_server import LabServer


def test_sweep_shows_the_limit_on_both_its_sides() -> None:
    run = wslab.payload_sweep(Knobs(max_message_bytes=5000), around(5000, 2), repeats=2)
    assert [(send.payload_bytes, send.outcome) for send in run.sends] == [
        (size, "accepted" if size <= 5000 else "closed") for size in around(5000, 2) for _ in range(2)
    ]
    assert {send.close_code for send in run.sends if send.outcome == "closed"} == {1009}


def test_sweep_that_closes_in_finds_the_exact_limit() -> None:
    run = wslab.payload_sweep(Knobs(max_message_bytes=77_777), until_refused(1024, 2**20))
    assert bracket(run.sends) == (77_777, 77_778)


@pytest.mark.parametrize("payload", ["text", "multibyte", "json", "binary"])
def test_limit_counts_bytes_whatever_the_payload(payload: str) -> None:
    run = wslab.payload_sweep(Knobs(max_message_bytes=3000), [3000, 3001], payload=payload)
    assert [send.outcome for send in run.sends] == ["accepted", "closed"]
    assert {send.payload_kind for send in run.sends} == {payload}


def test_file_is_sent_from_its_beginning(tmp_path: Path) -> None:
    path = tmp_path / "payload.bin"
    path.write_bytes(bytes(range(100)))
    run = wslab.payload_sweep(Knobs(), [10, 100], payload=path)
    assert [(send.payload_bytes, send.reply_bytes, send.payload_kind) for send in run.sends] == [
        (10, 10, "file"),
        (100, 100, "file"),
    ]


def test_shared_connection_is_opened_anew_only_after_a_closure() -> None:
    run = wslab.payload_sweep(Knobs(max_message_bytes=100), [10, 20, 101, 30], connection="shared")
    assert [send.outcome for send in run.sends] == ["accepted", "accepted", "closed", "accepted"]
    assert len(run.attempts) == 2
    own = wslab.payload_sweep(Knobs(max_message_bytes=100), [10, 20, 101, 30])
    assert len(own.attempts) == 4


def test_sweep_of_a_server_that_is_gone_is_rows() -> None:
    run = wslab.payload_sweep("ws://127.0.0.1:9/", [1, 2])
    assert [send.outcome for send in run.sends] == ["unopened", "unopened"]
    assert [attempt.outcome for attempt in run.attempts] == ["refused", "refused"]


def test_sweep_reports_its_progress() -> None:
    steps: list[Progress] = []
    wslab.payload_sweep(Knobs(), [1, 2, 3], progress=steps.append)
    assert [(step.done, step.total) for step in steps] == [(1, 3), (2, 3), (3, 3)]


def test_run_knows_how_it_was_measured() -> None:
    with LabServer(max_message_bytes=10) as server:
        info = wslab.payload_sweep(server, [1], seed=5).info
        assert (info.experiment, info.seed, info.url, info.knobs) == ("payload_sweep", 5, server.url, server.knobs)
    assert {"python", "wslab", "websockets"} <= set(info.versions)
    assert info.clock_resolution_s > 0
    assert info.parameters["payload"] == "text"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sizes": [-1]}, "payload size is -1"),
        ({"sizes": [2**40]}, r"1,099,511,627,776.*cap_bytes"),
        ({"sizes": [1], "repeats": 0}, "repeats is 0"),
        ({"sizes": [1], "payload": "txt"}, "'text'"),
        ({"sizes": [1], "payload": "./README.md"}, "for a file, give a pathlib.Path"),
        ({"sizes": [1], "connection": "one"}, "Known: 'per_message'"),
        ({"sizes": [1], "timeout_s": 0}, "timeout_s is 0"),
        ({"sizes": [1], "confirm": "pong"}, "Known: 'reply'"),
        ({"sizes": [1], "target": "http://127.0.0.1/"}, "ws://"),
    ],
)
def test_bad_argument_teaches(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wslab.payload_sweep(**({"target": Knobs()} | arguments))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"sizes": 1024}, r"sizes is 1024, .* write \[1024\]"),
        ({"sizes": until_refused}, "sizes is <function until_refused.*call a ladder"),
        ({"sizes": [1], "payload": 5}, "payload is 5, .*pathlib.Path"),
        ({"sizes": [1], "compression": "yes"}, "compression is 'yes'"),
        ({"sizes": [1], "seed": "a"}, "seed is 'a'"),
    ],
)
def test_argument_of_another_kind_teaches(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(TypeError, match=message):
        wslab.payload_sweep(Knobs(), **arguments)


def test_sizes_that_hold_none_are_refused() -> None:
    used_up = until_refused(1, 2)
    wslab.payload_sweep(Knobs(), used_up)
    none: list[int] = []
    for sizes in (used_up, none):
        with pytest.raises(ValueError, match="sizes is empty, or a generator that is used up"):
            wslab.payload_sweep(Knobs(), sizes)


def test_target_of_another_kind_is_refused() -> None:
    with pytest.raises(TypeError, match="must be a LabServer"):
        wslab.payload_sweep(8765, [1])  # type: ignore[arg-type]


def test_file_shorter_than_the_size_says_so(tmp_path: Path) -> None:
    path = tmp_path / "short.bin"
    path.write_bytes(b"x")
    with pytest.raises(ValueError, match="payload size is 2, but must be between 0 and 1 bytes; the file has no more"):
        wslab.payload_sweep(Knobs(), [2], payload=path)
