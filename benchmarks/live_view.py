"""What a panel's live view costs the kernel: time and bytes per frame, for 200 clients and 50 events a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

from _results import Result, tell
from jupyter_client.session import Session

from wslab import restart_drill
from wslab.core.knobs import Knobs
from wslab.core.records import Record
from wslab.panels.live import Event, Live, as_event

CLIENTS = 200
EVENTS_PER_S = 50
DURATION_S = 6
QUICK_DURATION_S = 2
PROMISED_MS = 1.0
PROMISED_BYTES = 2048


class Frames:
    """Makes of a frame's events the signed message that a kernel sends; keeps its bytes, and the time of all."""

    def __init__(self) -> None:
        self.sizes_bytes: list[int] = []
        self._session = Session(key=b"a kernel's connection file has one")

    def tell(self, events: list[Event]) -> None:
        data = {"method": "custom", "content": {"events": events}}
        message = self._session.msg("comm_msg", {"comm_id": "0" * 32, "data": data})
        self.sizes_bytes.append(sum(len(part) for part in self._session.serialize(message)))


def records_of_a_drill() -> list[Record]:
    """Return what a live view is told of a real drill, in its order."""
    told: list[Record] = []
    restart_drill(Knobs(downtime_s=1), clients=CLIENTS, on_record=told.append)
    return [record for record in told if as_event(record)]


async def replay(records: list[Record]) -> tuple[float, list[int]]:
    """Tell the records at an even pace; return milliseconds a frame, by the thread's own clock, and bytes of each."""
    frames = Frames()
    live = Live(frames.tell)
    began_s = time.thread_time()
    for record in records:
        live(record)
        await asyncio.sleep(1 / EVENTS_PER_S)
    return (time.thread_time() - began_s) * 1000 / len(frames.sizes_bytes), frames.sizes_bytes


def burst_bytes(records: list[Record]) -> int:
    """Return the bytes of the one frame that tells of everybody's closure at once."""
    frames = Frames()
    closures = [event for record in records if (event := as_event(record)) and event[0] == "closure"]
    frames.tell(closures[:CLIENTS])
    return frames.sizes_bytes[0]


def measure(quick: bool) -> Iterator[Result]:
    records = records_of_a_drill()
    duration_s = QUICK_DURATION_S if quick else DURATION_S
    claim = f"a frame of a live view, {CLIENTS} clients, {EVENTS_PER_S} events a second"
    replays = [asyncio.run(replay(records[CLIENTS:][: EVENTS_PER_S * duration_s])) for _ in range(1 if quick else 5)]
    yield Result(
        claim=f"{claim}: the kernel's time",
        values=tuple(frame_ms for frame_ms, _ in replays),
        unit="ms",
        at_most=PROMISED_MS,
    )
    yield Result(
        claim=f"{claim}: its bytes",
        values=tuple(float(size) for _, sizes_bytes in replays for size in sizes_bytes),
        unit="B",
        at_most=PROMISED_BYTES,
        note=f"{burst_bytes(records):,} where all are closed in one frame",
    )


if __name__ == "__main__":
    tell(measure, __doc__)
