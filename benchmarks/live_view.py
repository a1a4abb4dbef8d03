"""What a panel's live view costs the kernel: time and bytes per frame, for 200 clients and 50 events a second."""

from __future__ import annotations

import asyncio
import statistics
import time

from jupyter_client.session import Session

from wslab import restart_drill
from wslab.core.knobs import Knobs
from wslab.core.records import Record
from wslab.panels.live import Event, Live, as_event

CLIENTS = 200
EVENTS_PER_S = 50
DURATION_S = 6
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


if __name__ == "__main__":
    records = records_of_a_drill()
    frame_ms, sizes_bytes = asyncio.run(replay(records[CLIENTS:][: EVENTS_PER_S * DURATION_S]))
    print(
        f"live view of {CLIENTS} clients, {EVENTS_PER_S} events a second: {frame_ms:.2f} ms of the kernel per frame, "
        f"promised at most {PROMISED_MS:g}; {statistics.median(sizes_bytes):,.0f} bytes per frame, at most "
        f"{max(sizes_bytes):,} (n = {len(sizes_bytes)}), promised at most {PROMISED_BYTES:,}; "
        f"{burst_bytes(records):,} bytes where all are closed in the same frame"
    )
