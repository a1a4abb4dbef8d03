"""Record the runs in this folder anew: `.venv/bin/python data/record.py`, or only those that are named behind it.

Each is what one call of the kit returned.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from wslab import (
    Knobs,
    Run,
    closure_visibility,
    frames_question,
    ladders,
    limit_cost,
    payload_sweep,
    restart_drill,
    tell_story,
)

RECORDINGS: dict[str, Callable[[], Run]] = {
    "story": lambda: tell_story(clients=12, max_message_bytes=65_536),
    "sweep-until-refused": lambda: payload_sweep(Knobs(max_message_bytes=100_000), ladders.until_refused(1024, 2**20)),
    "restart-graceful": lambda: restart_drill(Knobs(downtime_s=0.5), clients=12, kind="graceful"),
    "restart-crash": lambda: restart_drill(Knobs(downtime_s=0.5), clients=12, kind="crash"),
    "visibility": lambda: closure_visibility(
        Knobs(max_message_bytes=65_536), clients=["wslab", "websockets", "websocket-client"], tries=15
    ),
    "frames-question": lambda: frames_question(
        Knobs(max_message_bytes=65_536, compression=True), payload_bytes=100_000, piece_bytes=16_384
    ),
    "limit-cost": limit_cost,
}

if __name__ == "__main__":
    for name in sys.argv[1:] or RECORDINGS:
        run = RECORDINGS[name]()
        print(run.save(Path(__file__).parent / f"{name}.jsonl"), run)
