"""in_flight_drill: numbered messages in flight while their server restarts, and the fate of each."""

from __future__ import annotations

import asyncio
import itertools

from wslab.core.arguments import check_choice, check_number, check_whole
from wslab.core.knobs import Knobs
from wslab.core.payloads import SAFETY_CAP_BYTES
from wslab.core.records import RestartKind
from wslab.core.runs import Run
from wslab.experiments.call import Call
from wslab.experiments.conduct import Bench, Cancel, Lab, OnProgress, OnRecord, conduct
from wslab.experiments.restarts import Restarts
from wslab.net.client.client import Client
from wslab.net.client.exchange import Confirmation

MAX_SENDERS = 100


def in_flight_drill(
    target: Lab | Knobs,
    *,
    senders: int = 5,
    interval_s: float = 0.002,
    payload_bytes: int = 100,
    confirm: Confirmation = "none",
    kind: RestartKind = "graceful",
    lead_s: float = 0.3,
    progress: OnProgress | None = None,
    on_record: OnRecord | None = None,
    cancel: Cancel | None = None,
) -> Run:
    """Let clients send one message after another, restart their server, and return the run when all are cut off.

    The run holds `Send`, `Closure`, `Account`, `Attempt` and `Restart` records; `wslab.core.deliveries` says for each
    message whether it arrived and whether its sender believes so. No client comes back; for that see `restart_drill`.

    Args:
        target: a running lab server or fleet, or the knobs of one to start for the drill. Its replies prove
            arrivals even if a crash leaves no account.
        senders: 1 to 100.
        interval_s: from the end of one send to the next. 0: as fast as possible.
        payload_bytes: of each message, which begins with its number; at least 20.
        confirm: "none" assumes that a message arrives; "ping" waits after each message for the pong to a ping, which is
            slower but certain.
        kind: as in `restart_drill`.
        lead_s: seconds of sending before the restart.
        progress, on_record, cancel: as in `payload_sweep`.

    Raises:
        TypeError, ValueError: an argument is out of its bounds.
        LabServerError: the server does not run, or did not come up again.
    """
    call = Call.taken(in_flight_drill, locals())
    check_whole("senders", senders, low=1, high=MAX_SENDERS, unit="clients")
    check_number("interval_s", interval_s, low=0, high=10, unit="seconds")
    check_whole("payload_bytes", payload_bytes, low=20, high=SAFETY_CAP_BYTES, unit="bytes")
    check_choice("confirm", confirm, ["none", "ping"])
    check_number("lead_s", lead_s, low=0, high=60, unit="seconds")
    restarts = Restarts(kind, None, {}, 1)
    restarts.check(target)

    async def measure(bench: Bench) -> None:
        clients = [bench.client(client=number) for number in range(senders)]
        sending: list[asyncio.Task[None]] = []
        try:
            await asyncio.gather(*(client.open() for client in clients))
            flows = [_send_on(client, payload_bytes, interval_s, confirm) for client in clients if client.is_open]
            sending.extend(map(asyncio.create_task, flows))
            bench.recorder.step(0, 1, "sending")
            await asyncio.sleep(lead_s)
            await bench.restartable.restart_async(kind)
            await asyncio.gather(*sending)
            bench.recorder.step(1, 1, "cut off")
        finally:
            for task in sending:
                task.cancel()
            await asyncio.gather(*sending, return_exceptions=True)
            await asyncio.gather(*(client.close() for client in clients))

    return conduct(measure, call, fleet=restarts.of_fleet)


async def _send_on(client: Client, payload_bytes: int, interval_s: float, confirm: Confirmation) -> None:
    """Send one numbered message after another until the connection has ended."""
    closed = asyncio.create_task(client.closed())  # it reads; otherwise no close frame would be seen
    try:
        for number in itertools.count(1):
            if closed.done():
                return
            payload = f"{client.client}/{number} ".ljust(payload_bytes, ".")
            await client.send_message(payload, kind="numbered", confirm=confirm)
            await asyncio.sleep(interval_s)
    finally:
        closed.cancel()
