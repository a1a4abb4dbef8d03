"""The whole story, on real sockets: 1009, the fix, what the fix does to everyone else, and a crash.

A growing message meets the limit. A reload raises it, so every connected client sees 1012, waits and comes back. Then
the message passes. Last, a crash shows the same outage without a close frame: 1006.
"""

from __future__ import annotations

from wslab.core.arguments import check_seed, check_whole
from wslab.core.knobs import MAX_LIMIT_BYTES, Knobs
from wslab.core.ladders import until_refused
from wslab.core.payloads import make_payload
from wslab.core.policies.policy import Delays, Policy
from wslab.core.policies.textbook import full_jitter, named
from wslab.core.runs import Run
from wslab.experiments.call import Call
from wslab.experiments.conduct import Bench, Cancel, OnProgress, OnRecord, conduct
from wslab.experiments.crowd import Crowd
from wslab.net.client.client import Client
from wslab.net.server.lab_server import LabServer

CHAPTERS = 5
RAISED_BY = 4
POLICY = full_jitter(initial_delay_s=1.0, max_delay_s=2.0)
"""Short delays, for a short story; the definition of 1012 asks for a random 5 to 30 s."""


def tell_story(
    server: LabServer | None = None,
    *,
    clients: int = 12,
    max_message_bytes: int = 65_536,
    raised_bytes: int | None = None,
    policy: str | Policy | Delays = POLICY,
    downtime_s: float = 0.5,
    seed: int = 0,
    progress: OnProgress | None = None,
    on_record: OnRecord | None = None,
    cancel: Cancel | None = None,
) -> Run:
    """Tell the whole story and return its run: `Send`, `Closure`, `Attempt`, `Outage`, `Restart`, `Account` records.

    Args:
        server: a running lab server, whose limit and downtime are set first. None: start one.
        clients: clients besides client 0, which sends; 1 to 200.
        max_message_bytes: the limit to find, 1 KiB to 1 MiB.
        raised_bytes: the limit after the reload, larger, at most 1 GiB. None: fourfold.
        policy: when the clients come back: a name, a `Policy`, or a generator function.
        downtime_s: of both restarts.
        seed: of the clients' delays.
        progress: called with each chapter. on_record, cancel: as in `payload_sweep`.

    Raises:
        TypeError, ValueError: an argument is out of its bounds.
    """
    call = Call.taken(tell_story, locals())
    check_whole("clients", clients, low=1, high=200, unit="clients")
    check_whole("max_message_bytes", max_message_bytes, low=1024, high=2**20, unit="bytes")
    raised_bytes = RAISED_BY * max_message_bytes if raised_bytes is None else raised_bytes
    check_whole("raised_bytes", raised_bytes, low=max_message_bytes + 1, high=MAX_LIMIT_BYTES, unit="bytes")
    check_seed(seed)
    chosen = named(policy)
    call.instead("server", raised_bytes=raised_bytes)
    call.target = _staged(server, Knobs(max_message_bytes=max_message_bytes, downtime_s=downtime_s))

    async def measure(bench: Bench) -> None:
        recorder, server = bench.recorder, bench.server
        sender = bench.client()
        async with Crowd(bench.url, recorder, clients, chosen, seed=seed, first_client=1) as crowd:
            recorder.step(0, CHAPTERS, f"{clients} clients connect")
            await crowd.connected()
            recorder.step(1, CHAPTERS, "a message grows until it breaks")
            refused_bytes = await _grow(sender, 2 * max_message_bytes)
            reload = f"the limit is raised to {raised_bytes:,} B: a reload, so everyone is sent away"
            recorder.step(2, CHAPTERS, reload)
            async with crowd.outage():
                await server.restart_async("reload", max_message_bytes=raised_bytes)
            recorder.step(3, CHAPTERS, "the message that broke is sent again")
            await _send(sender, refused_bytes)
            recorder.step(4, CHAPTERS, "the server crashes")
            async with crowd.outage():
                await server.restart_async("crash")
            recorder.step(CHAPTERS, CHAPTERS, "everyone is back")

    return conduct(measure, call)


def _staged(server: LabServer | None, knobs: Knobs) -> LabServer | Knobs:
    """Return the given server, tuned, or the knobs of one to start."""
    if server is None:
        return knobs
    server.tune(max_message_bytes=knobs.max_message_bytes, downtime_s=knobs.downtime_s)
    return server


async def _grow(sender: Client, last_bytes: int) -> int:
    """Send ever larger messages, then narrow down the limit; return the smallest size that was refused."""
    sizes = until_refused(1024, last_bytes)
    size = next(sizes)
    refused_bytes = last_bytes
    try:
        while True:
            passed = await _send(sender, size)
            refused_bytes = refused_bytes if passed else min(refused_bytes, size)
            size = sizes.send(passed)
    except StopIteration:
        return refused_bytes


async def _send(sender: Client, payload_bytes: int) -> bool:
    await sender.open()
    try:
        send = await sender.send_message(make_payload("text", payload_bytes), kind="text")
    finally:
        await sender.close()
    return send.outcome == "accepted"
