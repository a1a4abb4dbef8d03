"""What it costs to record a sweep of 200 messages: making and keeping its rows, as a share of the sweep."""

from __future__ import annotations

import time
from collections.abc import Iterator

import msgspec
from _results import Result, tell

from wslab import Knobs, payload_sweep
from wslab.core.runs import Run
from wslab.net.recording import Recorder

PROMISED_PERCENT = 5


def recording_s(run: Run) -> float:
    """Return the seconds that it takes to make and emit all records of a run once more."""
    fields = [(type(record), msgspec.structs.asdict(record)) for record in run.records]
    recorder = Recorder()
    began = time.perf_counter()
    for kind, values in fields:
        recorder.emit(kind(**values))
    return time.perf_counter() - began


def measure(quick: bool) -> Iterator[Result]:
    percent = []
    for _ in range(3 if quick else 11):
        run = payload_sweep(Knobs(), [1024] * 200, connection="shared")
        percent.append(100 * recording_s(run) / run.info.duration_s)
    yield Result(
        claim="making and keeping the rows of a sweep of 200 messages, as a share of the sweep",
        values=tuple(percent),
        unit="%",
        at_most=PROMISED_PERCENT,
    )


if __name__ == "__main__":
    tell(measure, __doc__)
