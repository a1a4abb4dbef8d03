"""What it costs to record a sweep of 200 messages: making and keeping its rows, as a share of the sweep."""

from __future__ import annotations

import statistics
import time

import msgspec

from wslab import Knobs, payload_sweep
from wslab.core.runs import Run
from wslab.net.recording import Recorder

ROUNDS = 11
PROMISED_SHARE = 0.05


def recording_s(run: Run) -> float:
    """Return the seconds that it takes to make and emit all records of a run once more."""
    fields = [(type(record), msgspec.structs.asdict(record)) for record in run.records]
    recorder = Recorder()
    began = time.perf_counter()
    for kind, values in fields:
        recorder.emit(kind(**values))
    return time.perf_counter() - began


if __name__ == "__main__":
    shares = []
    for _ in range(ROUNDS):
        run = payload_sweep(Knobs(), [1024] * 200, connection="shared")
        shares.append(recording_s(run) / run.info.duration_s)
    print(
        f"recording {len(run.records)} rows of a sweep of 200 messages: {statistics.median(shares):.1%} of the sweep "
        f"({min(shares):.1%} to {max(shares):.1%}, n = {ROUNDS}), promised at most {PROMISED_SHARE:.0%}"
    )
