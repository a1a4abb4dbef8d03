"""Record the runs in this folder anew: `.venv/bin/python data/record.py`. Each is what one call of the kit returned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from wslab import Knobs, Run, ladders, payload_sweep, restart_drill, tell_story

RECORDINGS: dict[str, Callable[[], Run]] = {
    "story": lambda: tell_story(clients=12, max_message_bytes=65_536),
    "sweep-until-refused": lambda: payload_sweep(Knobs(max_message_bytes=100_000), ladders.until_refused(1024, 2**20)),
    "restart-graceful": lambda: restart_drill(Knobs(downtime_s=0.5), clients=12, kind="graceful"),
    "restart-crash": lambda: restart_drill(Knobs(downtime_s=0.5), clients=12, kind="crash"),
}

if __name__ == "__main__":
    for name, record in RECORDINGS.items():
        run = record()
        print(run.save(Path(__file__).parent / f"{name}.jsonl"), run)
