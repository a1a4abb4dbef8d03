"""resend: one message that must get through, by a client that sends it again after every closure."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from random import Random

from wslab.core.arguments import check_number, check_seed
from wslab.core.payloads import SAFETY_CAP_BYTES, payload_size
from wslab.core.policies.policy import Backoff, Delays, Policy
from wslab.core.policies.textbook import named
from wslab.core.runs import Run
from wslab.experiments.call import Call
from wslab.experiments.conduct import Aim, Bench, Cancel, OnRecord, conduct
from wslab.net.client.client import Client
from wslab.net.client.exchange import Confirmation
from wslab.net.client.reconnect import come_back


def resend(
    target: Aim,
    payload: str | bytes,
    *,
    policy: str | Policy | Delays,
    duration_s: float = 5.0,
    confirm: Confirmation = "reply",
    cap_bytes: int = SAFETY_CAP_BYTES,
    seed: int = 0,
    on_record: OnRecord | None = None,
    cancel: Cancel | None = None,
) -> Run:
    """Send a message until it is accepted, reconnecting by `policy` after each closure; return the run.

    A message that is too big is refused every time. A client that retries after any code resends this poison message
    forever, and without a delay as fast as it can: see cube-js/cube#10246.

    Args:
        target: a running lab server, the knobs of one to start for it, a URL, or a `Target`.
        policy: when to come back, and after which codes: a name, a `Policy`, or a generator function.
        duration_s: when the experiment ends, delivered or not; 0.1 to 600 seconds.
        confirm: as in `payload_sweep`.
        cap_bytes: a larger payload raises at the call.
        seed: of the policy's random numbers.
        on_record, cancel: as in `payload_sweep`.

    Raises:
        TypeError, ValueError: an argument is out of its bounds. A failure of the network never raises.
    """
    call = Call.taken(resend, locals())
    check_number("duration_s", duration_s, low=0.1, high=600, unit="seconds")
    check_seed(seed)
    call.instead("payload", payload_bytes=payload_size(payload, cap_bytes=cap_bytes))
    chosen = named(policy)

    async def deliver(client: Client) -> None:
        backoff = Backoff(chosen, Random(f"{seed}/0"))
        await client.open()
        for number in itertools.count(1):
            send = await client.send_message(payload, confirm=confirm, timeout_s=duration_s)
            if send.outcome != "closed" or not await come_back(client, backoff, await client.closed(), number):
                return

    async def measure(bench: Bench) -> None:
        client = bench.client(keepalive=True)
        try:
            with contextlib.suppress(TimeoutError):  # the run shows that it would go on
                async with asyncio.timeout(duration_s):
                    await deliver(client)
        finally:
            await client.close()

    return conduct(measure, call, ends_with_server=False)
