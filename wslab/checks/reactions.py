"""The client's cases about a single connection: what it resends, accepts, answers and notices."""

from __future__ import annotations

import asyncio

from wslab.checks.case import Case
from wslab.checks.client_bench import RETURNS_WITHIN_S, ClientBench, first_guest
from wslab.checks.guest import Guest, Said
from wslab.checks.stage import Stage
from wslab.core.checks import CaseOutcome, Evidence
from wslab.core.codes.sources import LESSON_01, LESSON_07, RFC_CLOSE_FRAME, Source

FIRST_MESSAGE_S = 3.0
RESENDS = 4
FLOOD_BYTES = 64 * 2**20
ANSWERS_CLOSE_WITHIN_S = 2.0
NOTICES_WITHIN_S = 45.0
"""Long enough for a ping every 20 s whose pong is awaited for 20 s, the defaults of websockets."""

RFC_PING = Source("RFC 6455 §5.5.2", "https://www.rfc-editor.org/rfc/rfc6455#section-5.5.2")


async def _sends_no_poison_again(bench: ClientBench) -> CaseOutcome:
    """Close with 1009 on the client's first message, as often as it sends the same one again."""
    async with Stage() as stage, bench.program.brought_to(stage) as running:
        guest = await first_guest(stage, running, bench)
        if isinstance(guest, CaseOutcome):
            return guest
        poison = await guest.message(FIRST_MESSAGE_S)
        if poison is None:
            return CaseOutcome(judgement="not applicable", seen="It sends nothing on its own.")
        again = 0
        await guest.close(1009, "wslab check: too big")
        while again < RESENDS and (back := await stage.guest(RETURNS_WITHIN_S)) is not None:
            await back.accept()
            if not await _brings(back, poison):
                break
            again += 1
            await back.close(1009, "wslab check: too big")
    told = f"the message that was refused with 1009 ({poison.payload_bytes:,} bytes)"
    if again >= RESENDS:
        advice = "After 1009, change the message or give it up: the same one meets the same limit."
        seen = f"It resent {told} {again} times, and would go on."
        return CaseOutcome(judgement="fails", seen=seen, advice=advice)
    if again:
        seen = f"It resent {told} {again} times, then stopped."
        return CaseOutcome(judgement="surprises clients", seen=seen)
    return CaseOutcome(judgement="passes", seen=f"It did not resend {told}.")


async def _brings(guest: Guest, poison: Said) -> bool:
    await guest.message(FIRST_MESSAGE_S)
    await asyncio.sleep(0.05)  # for messages right behind it
    return poison in guest.messages


async def _limits_what_it_takes(bench: ClientBench) -> CaseOutcome:
    async with Stage() as stage, bench.program.brought_to(stage) as running:
        guest = await first_guest(stage, running, bench)
        if isinstance(guest, CaseOutcome):
            return guest
        taken = await guest.flood(FLOOD_BYTES)
        await guest.until_closed(1.0)
        closed, is_over = guest.closed, guest.is_over  # read before the client is killed
    evidence = (Evidence(f"{taken:,} of {FLOOD_BYTES:,} bytes sent"),)
    if closed is not None and closed.code == 1009:
        seen = f"A message of {FLOOD_BYTES:,} bytes is too big for it, and it says 1009."
        return CaseOutcome(judgement="passes", seen=seen, evidence=evidence)
    if is_over:
        seen = f"It ends the connection on a message of {FLOOD_BYTES:,} bytes, without 1009."
        return CaseOutcome(
            judgement="informational",
            seen=seen,
            advice="Close with 1009, so that the server knows why.",
            evidence=evidence,
        )
    seen = f"It accepts a message of {FLOOD_BYTES:,} bytes."
    advice = "Limit what it receives: otherwise a faulty server can fill its memory."
    return CaseOutcome(judgement="informational", seen=seen, advice=advice, evidence=evidence)


async def _answers_the_closing_handshake(bench: ClientBench) -> CaseOutcome:
    async with Stage() as stage, bench.program.brought_to(stage) as running:
        guest = await first_guest(stage, running, bench)
        if isinstance(guest, CaseOutcome):
            return guest
        await asyncio.sleep(0.2)
        began_s = asyncio.get_running_loop().time()
        await guest.close(1000, "wslab check", wait_s=ANSWERS_CLOSE_WITHIN_S)
        elapsed_s = asyncio.get_running_loop().time() - began_s
    if guest.closed is not None:
        evidence = (Evidence(f"close frame {guest.closed.code}", round(elapsed_s, 3)),)
        return CaseOutcome(judgement="passes", seen="It answers a close frame with a close frame.", evidence=evidence)
    seen = f"It did not answer a close frame within {ANSWERS_CLOSE_WITHIN_S:g} s: the server has to wait for it."
    return CaseOutcome(
        judgement="fails",
        seen=seen,
        advice="Keep reading while there is nothing to send; libraries then answer by themselves.",
    )


async def _notices_a_vanished_peer(bench: ClientBench) -> CaseOutcome:
    async with Stage() as stage, bench.program.brought_to(stage) as running:
        guest = await first_guest(stage, running, bench)
        if isinstance(guest, CaseOutcome):
            return guest
        guest.answers_pings = False
        began_s = asyncio.get_running_loop().time()
        noticed = await guest.until_closed(NOTICES_WITHIN_S)
        elapsed_s = asyncio.get_running_loop().time() - began_s
    if noticed:
        how = f"with {guest.closed.code}" if guest.closed is not None else "without a close frame"
        seen = f"It gives up a server that has fallen silent after {elapsed_s:.1f} s, {how}."
        return CaseOutcome(judgement="passes", seen=seen)
    seen = f"It did not notice within {NOTICES_WITHIN_S:g} s that the server had fallen silent."
    advice = "Ping, and close with 1011 if no pong comes; otherwise a vanished peer is never noticed."
    return CaseOutcome(judgement="informational", seen=seen, advice=advice)


MESSAGE_CASES = (
    Case(
        "sends_no_poison_again",
        "Closes with 1009 whenever its first message comes.",
        "It does not resend the same message forever.",
        LESSON_07,
        _sends_no_poison_again,
    ),
    Case(
        "limits_what_it_takes",
        "Sends it one message of 64 MiB.",
        "It refuses, with 1009.",
        LESSON_01,
        _limits_what_it_takes,
    ),
    Case(
        "answers_the_closing_handshake_of_a_server",
        "Closes with 1000.",
        "A close frame comes back.",
        RFC_CLOSE_FRAME,
        _answers_the_closing_handshake,
    ),
    Case(
        "notices_a_vanished_peer",
        "Stops answering anything, pings included.",
        "It gives up the connection.",
        RFC_PING,
        _notices_a_vanished_peer,
        lasts_s=NOTICES_WITHIN_S,
    ),
)
