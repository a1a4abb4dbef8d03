"""What a watch takes of the machine it runs on: the CPU time of 30 clients, as a share of one core.

The promise: under 1 %. The server is a process of its own and does not count.
"""

from __future__ import annotations

import time

from wslab import Knobs, LabServer, watch
from wslab.core.findings import headline

CLIENTS, SECONDS = 30, 60


def main() -> None:
    with LabServer(Knobs(idle_timeout_s=20, ping_interval_s=10)) as server:
        watch(server, clients=CLIENTS, duration_s=1)  # what is imported and compiled once is not of the watch
        before_s = time.process_time()
        run = watch(server, clients=CLIENTS, duration_s=SECONDS, apart_s=0.3)
        share = (time.process_time() - before_s) / run.info.duration_s
    print(f"watch: {CLIENTS} clients for {run.info.duration_s:.0f} s take {share:.2%} of a core (promised: under 1 %)")
    print(f"       {len(run.records):,} records; {headline(run)}")


if __name__ == "__main__":
    main()
