"""The smallest experiments: one message, and one client that stays connected for a while."""

from __future__ import annotations

import asyncio
from random import Random

from wslab.core.arguments import check_flag, check_number, check_seed
from wslab.core.payloads import SAFETY_CAP_BYTES, payload_size
from wslab.core.policies.policy import Delays, Policy
from wslab.core.policies.textbook import named
from wslab.core.runs import Run
from wslab.experiments.call import Call
from wslab.experiments.conduct import Aim, Bench, Cancel, OnRecord, conduct
from wslab.net.client import reconnect
from wslab.net.client.exchange import Confirmation


def send_message(
    target: Aim,
    payload: str | bytes,
    *,
    fragment_bytes: int | None = None,
    compression: bool = False,
    max_message_bytes: int | None = SAFETY_CAP_BYTES,
    confirm: Confirmation = "reply",
    timeout_s: float = 10.0,
    cap_bytes: int = SAFETY_CAP_BYTES,
    keep_replies: bool = True,
    on_record: OnRecord | None = None,
    cancel: Cancel | None = None,
) -> Run:
    """Open a connection, send one message, close, and return the run: an `Attempt`, a `Send`, a `Closure`.

    To send several on one connection, use `payload_sweep`, or `await` a `wslab.net.client.client.Client`.

    Args:
        target: a running lab server, the knobs of one to start for it, a URL, or a `Target`.
        max_message_bytes, fragment_bytes, confirm, keep_replies, on_record, cancel: as in `payload_sweep`.
        timeout_s: how long to wait for the confirmation, in seconds.
        cap_bytes: a larger payload raises at the call.

    Raises:
        TypeError, ValueError: an argument is out of its bounds. A failure of the network never raises.
    """
    call = Call.taken(send_message, locals())
    check_flag("compression", compression)
    call.instead("payload", payload_bytes=payload_size(payload, cap_bytes=cap_bytes))

    async def measure(bench: Bench) -> None:
        client = bench.client(compression=compression, max_message_bytes=max_message_bytes, keep_replies=keep_replies)
        try:
            await client.open()
            await client.send_message(payload, fragment_bytes=fragment_bytes, confirm=confirm, timeout_s=timeout_s)
        finally:
            await client.close()

    return conduct(measure, call)


def stay_connected(
    target: Aim,
    policy: str | Policy | Delays = "full_jitter",
    *,
    duration_s: float = 10.0,
    ping_interval_s: float | None = None,
    ping_timeout_s: float | None = None,
    seed: int = 0,
    on_record: OnRecord | None = None,
    cancel: Cancel | None = None,
) -> Run:
    """Keep one client connected for `duration_s` seconds, reconnecting by `policy`, and return what it saw.

    Args:
        target: a running lab server, a URL or a `Target`, which you may restart during the run; or the knobs of one to
            start for it.
        policy: when it comes back: a name, a `Policy`, or a generator function.
        duration_s: 0.1 to 3600 seconds; `cancel` and Ctrl-C end it earlier.
        ping_interval_s: seconds between keepalive pings, 0 to 3600; 0: none. None: the target's, else 20.
        ping_timeout_s: seconds to wait for a pong; without one the client closes with 1011. None: the target's, else
            20.
        seed: of the policy's random numbers.

    Raises:
        TypeError, ValueError: an argument is out of its bounds. A failure of the network never raises.
    """
    call = Call.taken(stay_connected, locals())
    check_number("duration_s", duration_s, low=0.1, high=3600, unit="seconds")
    check_seed(seed)
    chosen = named(policy)

    async def measure(bench: Bench) -> None:
        client = bench.pinging(ping_interval_s, ping_timeout_s).client(keepalive=True)
        staying = asyncio.create_task(reconnect.stay_connected(client, chosen, Random(f"{seed}/0")))
        try:
            await asyncio.wait([staying], timeout=duration_s)
        finally:
            staying.cancel()
            await asyncio.gather(staying, return_exceptions=True)
            await client.close()

    return conduct(measure, call, ends_with_server=False)  # how it fares without a server is the point
