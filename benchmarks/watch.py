"""What a watch takes of the machine it runs on: the CPU time of 30 clients, as a share of one core.

The promise: under 1 %. The server is a process of its own and does not count.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from _results import Result, tell

from wslab import Knobs, LabServer, watch

CLIENTS, SECONDS = 30, 60
QUICK_SECONDS = 6
PROMISED_PERCENT = 1


def measure(quick: bool) -> Iterator[Result]:
    percent = []
    for _ in range(1 if quick else 3):
        with LabServer(Knobs(idle_timeout_s=20, ping_interval_s=10)) as server:
            watch(server, clients=CLIENTS, duration_s=1)  # what is imported and compiled once is not of the watch
            before_s = time.process_time()
            run = watch(server, clients=CLIENTS, duration_s=QUICK_SECONDS if quick else SECONDS, apart_s=0.3)
            percent.append(100 * (time.process_time() - before_s) / run.info.duration_s)
    yield Result(
        claim=f"a watch of {CLIENTS} clients for {run.info.duration_s:.0f} s, as a share of one core",
        values=tuple(percent),
        unit="%",
        at_most=PROMISED_PERCENT,
    )


if __name__ == "__main__":
    tell(measure, __doc__)
