"""The questions to a plain client: what does its application learn when a connection ends, and when does it end one?

A plain client is a program that connects, sends one message if given a size, and prints a `ClientReport` as one line of
JSON when the connection is over: what its application was told. Each question starts it anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import NamedTuple

import msgspec

from wslab.checks.guest import Guest
from wslab.checks.stage import Stage
from wslab.core.checks import Evidence, Judgement
from wslab.core.fieldguide import Cell
from wslab.core.knobs import MIB, Knobs
from wslab.core.records import Sighting
from wslab.experiments import closure_visibility
from wslab.fieldguide.clients import Ask, ClientReport, Order
from wslab.fieldguide.clients.orders import decode_answer
from wslab.net.guard import KILL, guarded

STARTS_WITHIN_S = 20.0
SETTLED_S = 0.3
LEARNS_WITHIN_S = 15.0
"""Clients commonly wait 10 s for an answer to their close frame."""

NOTICES_WITHIN_S = 50.0
"""A ping every 20 s, answered within 20 s, is a common default."""

REASON = "wslab asks"
NO_REPORT = "it ended without a report"
"""The error of a program that failed, so that nothing is known of what its application was told."""

LIMIT_BYTES, OVERSHOOT_BYTES, TRIES = 65_536, 4 * MIB, 10


class PlainClient(NamedTuple):
    """A plain client as a subject of experiments.

    Args:
        command: starts it; the URL and the size of its message follow.
    """

    name: str
    command: Sequence[str]

    def missing(self) -> str | None:
        return None

    @contextlib.asynccontextmanager
    async def asking(self) -> AsyncIterator[Ask]:
        yield self.ask

    async def ask(self, order: Order, timeout_s: float) -> ClientReport:
        """Run it once; a report without a close code means that its application was told nothing in time."""
        process = await asyncio.create_subprocess_exec(
            *guarded([*self.command, order.url, str(order.payload_bytes)]),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert process.stdout is not None
        try:
            async with asyncio.timeout(timeout_s):
                return decode_answer(await process.stdout.readline())
        except TimeoutError:
            return ClientReport(close_code=None, error=f"nothing within {timeout_s:g} s")
        except msgspec.DecodeError:
            return ClientReport(close_code=None, error=NO_REPORT)
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(KILL)
            await process.wait()


async def ask_how_it_ends(client: PlainClient) -> list[Cell]:
    """Ask what the application learns about each kind of end of an idle connection, all at once."""
    cells = await asyncio.gather(
        _told_of(client, 1009), _told_of(client, 1012), _told_when_cut(client), _notices_a_vanished_peer(client)
    )
    return list(cells)


def ask_about_refusals(client: PlainClient) -> list[Cell]:
    """Ask what the application learns about a message that the server refuses during the send."""
    run = closure_visibility(
        Knobs(max_message_bytes=LIMIT_BYTES),
        (OVERSHOOT_BYTES,),
        clients=[client],
        tries=TRIES,
        timeout_s=STARTS_WITHIN_S,
    )
    refused = [sighting for sighting in run.sightings if sighting.connection_id is not None]
    if silent := sum(sighting.error == NO_REPORT for sighting in refused):
        seen = f"In {silent} of {len(refused)} tries its program ended without a report."
        return [_not_run(question, seen) for question in ("told_after_refusal", "told_after_reset", "refused_send")]
    drained = [sighting for sighting in refused if sighting.after_refusal == "drain"]
    reset = [sighting for sighting in refused if sighting.after_refusal == "reset"]
    return [
        _told_after("told_after_refusal", "reads on", drained),
        _told_after("told_after_reset", "resets the connection", reset),
        _told_of_its_send(refused),
    ]


async def _end(client: PlainClient, end: Callable[[Guest], Awaitable[object]]) -> ClientReport | None:
    """Let it connect, end its connection, and return its report; None if it does not connect."""
    async with Stage() as stage:
        patience_s = STARTS_WITHIN_S + NOTICES_WITHIN_S + LEARNS_WITHIN_S
        asking = asyncio.create_task(client.ask(Order(url=stage.url, payload_bytes=0), patience_s))
        try:
            guest = await stage.guest(STARTS_WITHIN_S)
            if guest is None:
                return None
            await guest.accept()
            await asyncio.sleep(SETTLED_S)
            await end(guest)
            with contextlib.suppress(TimeoutError):
                return await asyncio.wait_for(asking, LEARNS_WITHIN_S)
            return ClientReport(close_code=None, error=f"nothing within {LEARNS_WITHIN_S:g} s")
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)


async def _told_of(client: PlainClient, code: int) -> Cell:
    report = await _end(client, lambda guest: guest.close(code, REASON))
    right = report is not None and report.close_code == code
    whole = right and report is not None and report.close_reason == REASON
    judgement: Judgement = "passes" if whole else "informational" if right else "fails"
    return _cell(f"told_of_{code}", judgement, f"The server closed with {code} and a reason", report)


async def _told_when_cut(client: PlainClient) -> Cell:
    async def cut(guest: Guest) -> None:
        guest.abort()

    report = await _end(client, cut)
    judgement: Judgement = "passes" if report is not None and report.close_code == 1006 else "fails"
    return _cell("told_when_cut", judgement, "The connection ended without a close frame", report)


async def _notices_a_vanished_peer(client: PlainClient) -> Cell:
    waited_s = 0.0

    async def vanish(guest: Guest) -> None:
        nonlocal waited_s
        guest.answers_pings = False
        began_s = asyncio.get_running_loop().time()
        await guest.until_closed(NOTICES_WITHIN_S)
        waited_s = asyncio.get_running_loop().time() - began_s
        if not guest.is_over:
            guest.abort()
            waited_s = NOTICES_WITHIN_S

    report = await _end(client, vanish)
    if report is not None and waited_s >= NOTICES_WITHIN_S:
        seen = f"It had not noticed within {NOTICES_WITHIN_S:g} s that nobody answers."
        return Cell(question="notices_a_vanished_peer", answer="informational", judgement="informational", seen=seen)
    gave_up = f"Nobody answered; it gave up after {waited_s:.0f} s"
    return _cell("notices_a_vanished_peer", "passes", gave_up, report)


def _cell(question: str, judgement: Judgement, what: str, report: ClientReport | None) -> Cell:
    if report is None:
        return _not_run(question, f"No connection came within {STARTS_WITHIN_S:g} s.")
    if report.error == NO_REPORT:
        return _not_run(question, "Its program ended without a report.")
    return Cell(question=question, answer=judgement, judgement=judgement, seen=f"{what}; {_told(report)}.")


def _not_run(question: str, seen: str) -> Cell:
    return Cell(question=question, answer="not run", judgement="not run", seen=seen)


def _told(report: ClientReport) -> str:
    if report.close_code is None:
        return f"the application was told nothing ({report.error})"
    reason = f" and “{report.close_reason}”" if report.close_reason else ""
    error = f", with the error “{report.error}”" if report.error else ""
    return f"the application was told {report.close_code}{reason}{error}"


def _told_after(question: str, what: str, sightings: Sequence[Sighting]) -> Cell:
    if not sightings:
        return _cell(question, "not run", "", None)
    told = [sighting.close_code for sighting in sightings]
    right = told.count(1009)
    judgement: Judgement = "passes" if right == len(told) else "surprises clients"
    refused = f"A server with a limit of {LIMIT_BYTES:,} bytes refused {LIMIT_BYTES + OVERSHOOT_BYTES:,} with 1009"
    seen = f"{refused} and {what}: in {right} of {len(told)} tries the application was told 1009."
    return Cell(
        question=question,
        answer=judgement,
        judgement=judgement,
        seen=seen,
        evidence=tuple(Evidence(words) for words in dict.fromkeys(_sighted(each) for each in sightings)),
    )


def _sighted(sighting: Sighting) -> str:
    report = ClientReport(close_code=sighting.close_code, close_reason=sighting.close_reason, error=sighting.error)
    return _told(report)


def _told_of_its_send(sightings: Sequence[Sighting]) -> Cell:
    if not sightings:
        return _cell("refused_send", "not run", "", None)
    errors = dict.fromkeys(sighting.error for sighting in sightings if sighting.error)
    count = sum(sighting.error is not None for sighting in sightings)
    answer = "raises" if count else "silent"
    seen = f"In {count} of {len(sightings)} tries the application was told of an error of its send, beside the close."
    return Cell(question="refused_send", answer=answer, seen=seen, evidence=tuple(map(Evidence, errors)))
