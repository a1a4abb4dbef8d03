"""limit_cost shows memory that grows with limit and half-sent messages, and stays within its bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from wslab.core.knobs import MIB, Knobs
from wslab.core.records import Footprint
from wslab.core.runs import Run, load
from wslab.experiments import Cancel, Progress, limit_cost

LIMIT = 8 * MIB


@pytest.fixture(scope="module")
def run() -> Run:
    return limit_cost([64 * 1024, LIMIT], half_sent=[4, 2])


def footprints(run: Run, limit_bytes: int, compression: bool) -> list[Footprint]:
    return [
        footprint
        for footprint in run.footprints
        if (footprint.max_message_bytes, footprint.compression) == (limit_bytes, compression)
    ]


@pytest.mark.parametrize("compression", [False, True])
def test_each_half_sent_message_costs_about_its_limit(run: Run, compression: bool) -> None:
    _, idle, two, four = footprints(run, LIMIT, compression)
    # The interpreter has some MiB in stock, and the library may hold a fragment twice.
    assert 2 * LIMIT * 0.5 < two.resident_bytes - idle.resident_bytes < 2 * LIMIT * 2
    assert 2 * LIMIT * 0.8 < four.resident_bytes - two.resident_bytes < 2 * LIMIT * 1.6


def test_small_limit_costs_next_to_nothing(run: Run) -> None:
    _, idle, _, four = footprints(run, 64 * 1024, False)
    assert four.resident_bytes - idle.resident_bytes < LIMIT / 2


def test_stages_are_counted_as_they_were(run: Run) -> None:
    for limit_bytes in (64 * 1024, LIMIT):
        for compression in (False, True):
            stage = footprints(run, limit_bytes, compression)
            assert [(f.connections, f.half_sent) for f in stage] == [(0, 0), (4, 0), (4, 2), (4, 4)]
            assert [f.sent_payload_bytes for f in stage] == [0, 0, 2 * limit_bytes, 4 * limit_bytes]
    assert len({footprint.start for footprint in run.footprints}) == 4, "each in a process of its own"


def test_compression_fills_the_same_memory_with_a_hundredth_of_the_bytes(run: Run) -> None:
    plain, compressed = footprints(run, LIMIT, False)[-1], footprints(run, LIMIT, True)[-1]
    assert plain.sent_wire_bytes > 4 * LIMIT
    assert compressed.sent_wire_bytes < 4 * LIMIT / 100
    assert compressed.sent_payload_bytes == plain.sent_payload_bytes


def test_run_is_kept_in_a_file(run: Run, tmp_path: Path) -> None:
    assert load(run.save(tmp_path / "run.jsonl.gz")) == run


def test_server_that_refuses_the_beginning_leaves_rows() -> None:
    run = limit_cost([100_000], half_sent=[2], compression=[False], knobs=Knobs(max_frame_bytes=1000))
    assert [(f.connections, f.half_sent) for f in run.footprints] == [(0, 0), (2, 0), (0, 0)]
    assert {closure.close_code for closure in run.closures} == {1009}


def test_cancelled_run_keeps_what_was_measured() -> None:
    cancel = Cancel()
    steps: list[Progress] = []
    run = limit_cost(
        [1000], half_sent=[1], progress=steps.append, cancel=cancel, on_record=lambda record: cancel.cancel()
    )
    assert run.info.partial
    assert steps == [Progress(0, 2, "limit 1,000 B, plain")]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"limits": [0]}, "limits is 0, but must be between 1 and 1,073,741,824 bytes each"),
        ({"half_sent": [201]}, "half_sent is 201, but must be between 1 and 200 messages each"),
        (
            {"limits": [64 * MIB], "half_sent": [8]},
            r"come to 536,870,912 bytes, .* cap_bytes=536870912 if this machine",
        ),
        ({"timeout_s": 0}, "timeout_s is 0"),
    ],
)
def test_bad_argument_raises_at_the_call(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        limit_cost(**arguments)
