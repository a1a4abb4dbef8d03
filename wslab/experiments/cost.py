"""limit_cost: why not just raise it? How much memory a limit lets clients occupy.

A server holds a message until its end arrives. So each connection can make it hold as much as the limit allows, by
sending all but the end. With permessage-deflate it takes far fewer bytes, because what is held is inflated.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import psutil

from wslab.core.arguments import check_number, check_whole
from wslab.core.errors import BadValueError
from wslab.core.knobs import MAX_LIMIT_BYTES, MIB, Knobs
from wslab.core.payloads import make_payload
from wslab.core.records import Footprint
from wslab.core.runs import Run
from wslab.experiments.call import Call
from wslab.experiments.conduct import Bench, Cancel, OnProgress, OnRecord, conduct
from wslab.net.client.client import Client
from wslab.net.recording import Recorder
from wslab.net.server.lab_server import LabServer

CAP_BYTES = 256 * MIB
MAX_CONNECTIONS = 200
FRAGMENT_BYTES = 65_536
MAX_FRAGMENTS = 1000  # some libraries refuse messages of more than a few thousand fragments


def limit_cost(
    limits: Sequence[int] = (64 * 1024, MIB, 4 * MIB, 16 * MIB),
    *,
    half_sent: Sequence[int] = (1, 2, 4, 8),
    compression: Sequence[bool] = (False, True),
    knobs: Knobs | None = None,
    cap_bytes: int = CAP_BYTES,
    timeout_s: float = 30.0,
    progress: OnProgress | None = None,
    on_record: OnRecord | None = None,
    cancel: Cancel | None = None,
) -> Run:
    """Measure a server's memory under each limit while clients leave messages unfinished; return `Footprint` records.

    Each limit gets its own process, so that none inherits memory. It is measured without connections, with all of them
    open and idle, and at each number of half-sent messages, which are text, which compresses well, as long as the limit
    allows.

    Args:
        limits: of messages, in bytes, 1 byte to 1 GiB.
        half_sent: numbers of unfinished messages, one per connection, 1 to 200.
        compression: whether to use permessage-deflate, with which a few bytes on the wire fill the same memory.
        knobs: the server's other knobs. None: the defaults.
        cap_bytes: the most that the server may have to hold; more raises at the call.
        timeout_s: for one message.
        progress, on_record, cancel: as in `payload_sweep`.

    Raises:
        TypeError, ValueError: an argument is out of its bounds. A failure of the network never raises.
    """
    call = Call.taken(limit_cost, locals())
    call.instead("knobs")  # the run has them from its server
    call.target = knobs or Knobs()
    for limit in limits:
        check_whole("limits", limit, low=1, high=MAX_LIMIT_BYTES, unit="bytes each")
    for count in half_sent:
        check_whole("half_sent", count, low=1, high=MAX_CONNECTIONS, unit="messages each")
    check_number("timeout_s", timeout_s, low=0.1, high=3600, unit="seconds")
    most_bytes = max(limits, default=0) * max(half_sent, default=0)
    if most_bytes > cap_bytes:
        raise BadValueError(
            f"limits and half_sent come to {most_bytes:,} bytes, but at most cap_bytes, which is {cap_bytes:,}, may be "
            f"held; lower them, or say cap_bytes={most_bytes} if this machine has the memory"
        )
    stages = list(product(compression, limits))
    counts = sorted(set(half_sent))

    async def measure(bench: Bench) -> None:
        for done, (compressed, limit) in enumerate(stages):
            how = "compressed" if compressed else "plain"
            bench.recorder.step(done, len(stages), f"limit {limit:,} B, {how}")
            changes = {"max_message_bytes": limit, "compression": compressed}
            await bench.server.restart_async("reload", downtime_s=0, **changes)
            await _Stage(bench.server, limit, compressed, timeout_s, bench.recorder).fill(counts)

    return conduct(measure, call)


@dataclass
class _Stage:
    """One process of the server, under one limit."""

    server: LabServer
    limit_bytes: int
    compression: bool
    timeout_s: float
    recorder: Recorder

    async def fill(self, counts: Sequence[int]) -> None:
        """Open a connection per half-sent message, begin the messages, and measure at each count."""
        clients = [
            Client(self.server.url, self.recorder, client=number, compression=self.compression, listens_first=False)
            for number in range(max(counts))
        ]
        message = make_payload("text", self.limit_bytes, cap_bytes=self.limit_bytes)
        fragment_bytes = max(FRAGMENT_BYTES, self.limit_bytes // MAX_FRAGMENTS)
        begun: list[int | None] = []
        try:
            self._measure(clients, begun)
            for client in clients:
                await client.open()
            for count in [0, *counts]:
                begun += [
                    await client.begin_message(message, fragment_bytes, timeout_s=self.timeout_s)
                    for client in clients[len(begun) : count]
                ]
                self._measure(clients, begun)
        except psutil.NoSuchProcess:
            pass  # killed for its memory, perhaps; the closures say when
        finally:
            await asyncio.gather(*(client.close() for client in clients))

    def _measure(self, clients: Sequence[Client], begun: Sequence[int | None]) -> None:
        wire_bytes = [count for count in begun if count is not None]
        self.recorder.emit(
            Footprint(
                at_s=self.recorder.now(),
                start=len(self.server.restarts) + 1,
                resident_bytes=psutil.Process(self.server.pid).memory_info().rss,
                max_message_bytes=self.limit_bytes,
                compression=self.compression,
                connections=sum(client.is_open for client in clients),
                half_sent=len(wire_bytes),
                sent_payload_bytes=len(wire_bytes) * self.limit_bytes,
                sent_wire_bytes=sum(wire_bytes),
            )
        )
