"""frames_question tells a limit on messages from one on frames, and compression's part in either."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wslab.core.knobs import Knobs
from wslab.core.runs import Run, load
from wslab.experiments import Cancel, Progress, frames_question

KIB = 1024
Passed = dict[tuple[str, str, bool], bool]


def passed(run: Run) -> Passed:
    """Say of each payload, way and compression whether all of it was accepted."""
    found: Passed = {}
    for number, case in enumerate(run.info.parameters["cases"]):
        sends = [send for send in run.sends if send.client == number]
        assert {send.payload_kind for send in sends} == {case["payload"]}
        assert {send.compression for send in sends} == {case["compression"]}
        accepted = [send.outcome for send in sends] == ["accepted"] * case["sends"]
        found[case["payload"], case["way"], case["compression"]] = accepted
    return found


def ways_that_pass(run: Run, payload: str, compression: bool) -> list[str]:
    return [
        way for (kind, way, deflate), did in passed(run).items() if did and (kind, deflate) == (payload, compression)
    ]


ALL = ["one frame", "fragments", "messages"]


@pytest.mark.parametrize(
    ("knobs", "payload", "plain", "compressed"),
    [
        # A limit on messages counts them whole and inflated, however they come.
        ({"max_message_bytes": 64 * KIB}, "text", ["messages"], ["messages"]),
        ({"max_message_bytes": 64 * KIB}, "binary", ["messages"], ["messages"]),
        # A limit on frames does not see the whole.
        ({"max_message_bytes": None, "max_frame_bytes": 64 * KIB}, "text", ALL[1:], ALL[1:]),
        # Incompressible pieces that fit exactly no longer do once deflate has lengthened them.
        ({"max_message_bytes": None, "max_frame_bytes": 16 * KIB}, "binary", ALL[1:], []),
        ({"max_message_bytes": None}, "text", ALL, ALL),
    ],
)
def test_ways_that_pass_tell_the_limit(
    knobs: dict[str, Any], payload: str, plain: list[str], compressed: list[str]
) -> None:
    run = frames_question(Knobs(compression=True, **knobs), 100_000, piece_bytes=16 * KIB, payloads=[payload])
    assert ways_that_pass(run, payload, False) == plain
    assert ways_that_pass(run, payload, True) == compressed


def test_legal_message_is_refused_because_it_was_compressed() -> None:
    run = frames_question(Knobs(max_message_bytes=65_536, compression=True), 65_500, payloads=["binary"])
    assert ways_that_pass(run, "binary", False) == ALL
    assert ways_that_pass(run, "binary", True) == ["messages"]


def test_content_is_cut_as_the_case_says(tmp_path: Path) -> None:
    run = frames_question(Knobs(compression=True), 50_000, piece_bytes=20_000, payloads=["text"], compression=[False])
    assert [(send.payload_bytes, send.fragment_count) for send in run.sends] == [
        *((50_000, 1), (50_000, 3)),
        *((20_000, 1), (20_000, 1), (10_000, 1)),
    ]
    assert load(run.save(tmp_path / "run.jsonl")) == run


def test_way_that_fails_is_left_at_its_first_piece() -> None:
    run = frames_question(Knobs(max_message_bytes=1000), 5000, piece_bytes=2000, compression=[False], payloads=["text"])
    assert [send.outcome for send in run.sends] == ["closed"] * 3


def test_server_that_is_gone_is_rows() -> None:
    run = frames_question("ws://127.0.0.1:9/", 10, payloads=["text"], compression=[False])
    assert [send.outcome for send in run.sends] == ["unopened"] * 3


def test_progress_and_cancel() -> None:
    steps: list[Progress] = []
    cancel = Cancel()

    def note(step: Progress) -> None:
        steps.append(step)
        cancel.cancel()

    run = frames_question(Knobs(), 10, progress=note, cancel=cancel)
    assert run.info.partial
    assert steps[0] == Progress(1, 12, "text as one frame passed")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"payload_bytes": 0}, "payload_bytes is 0, but must be at least 1 bytes"),
        ({"piece_bytes": 10}, "piece_bytes is 10, but must be at least 25 bytes"),
        ({"payloads": ["texd"]}, "payload is 'texd'; did you mean 'text'"),
        ({"payload_bytes": 2**40}, "cap_bytes=1099511627776 allows this size"),
    ],
)
def test_bad_argument_raises_at_the_call(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        frames_question(Knobs(), **({"payload_bytes": 100_000} | arguments))
