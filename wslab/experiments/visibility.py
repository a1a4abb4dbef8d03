"""closure_visibility: the server sent 1009; what was each client told?

A server that refuses a message either drains, that is, reads on what is still being sent, or ends TCP with unread data,
which the kernel answers with RST. A client that is still sending may then never look at the close frame, although it is
usually in its receive buffer, and reports 1006. So the code that a client sees depends on server, client and size.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from typing import get_args

from wslab.core.arguments import check_choice, check_number, check_whole
from wslab.core.errors import BadValueError
from wslab.core.knobs import MIB, AfterRefusal, Knobs
from wslab.core.payloads import SAFETY_CAP_BYTES
from wslab.core.records import Sighting
from wslab.core.runs import Run
from wslab.core.target import Target
from wslab.experiments.call import Call
from wslab.experiments.conduct import Aim, Bench, Cancel, OnProgress, OnRecord, conduct
from wslab.experiments.servers_side import new_connection
from wslab.fieldguide.clients import CLIENTS, Ask, Order, Subject
from wslab.net.recording import Recorder
from wslab.net.server.lab_server import LabServer


def closure_visibility(
    target: Aim,
    overshoots: Sequence[int] = (1, 9 * 65_536, 4 * MIB),
    *,
    clients: Sequence[str | Subject] = tuple(CLIENTS),
    after_refusals: Sequence[AfterRefusal] = ("drain", "reset"),
    max_message_bytes: int | None = None,
    tries: int = 20,
    timeout_s: float = 10.0,
    progress: OnProgress | None = None,
    on_record: OnRecord | None = None,
    cancel: Cancel | None = None,
) -> Run:
    """Let each client send messages over the limit, and return `Sighting` records of what its application was told.

    The lab server's `Account` records say what it sent. Clients take turns, one try each.

    Args:
        target: a running lab server, the knobs of one to start, or the URL of a server whose limit is known.
        overshoots: bytes over the limit, up to 64 MiB; negative numbers are below it.
        clients: names from `wslab.fieldguide.clients.CLIENTS`, or your own subjects. Clients that are not installed are
            listed in `info.parameters["not_measured"]` with the reason.
        after_refusals: what the lab server does after refusing, see `Knobs`; ignored for a foreign server. With "hold",
            a client that neither reads nor gives up takes `timeout_s` each time.
        max_message_bytes: the limit of a foreign server.
        tries: per client, overshoot and server behaviour, 1 to 1000.
        timeout_s: for one try; a client that is told nothing by then has no close code.
        progress, on_record, cancel: as in `payload_sweep`.

    Raises:
        TypeError, ValueError: an argument is out of its bounds. A failure of the network never raises.
    """
    call = Call.taken(closure_visibility, locals())
    check_whole("tries", tries, low=1, high=1000, unit="tries")
    check_number("timeout_s", timeout_s, low=0.1, high=600, unit="seconds")
    for after_refusal in after_refusals:
        check_choice("after_refusals", after_refusal, get_args(AfterRefusal))
    limit_bytes = _limit_bytes(target, max_message_bytes)
    for overshoot in overshoots:
        check_whole("overshoots", overshoot, low=-limit_bytes, high=SAFETY_CAP_BYTES, unit="bytes each")
    subjects = [_subject(client) for client in clients]
    missing = {subject.name: why for subject in subjects if (why := subject.missing())}
    measured = [subject for subject in subjects if subject.name not in missing]

    call.instead("max_message_bytes", limit_bytes=limit_bytes)
    call.add(not_measured=missing)

    async def measure(bench: Bench) -> None:
        place = _Place(bench.server if bench.lab else None, bench.url, limit_bytes, timeout_s, bench.recorder)
        async with _asking(measured) as asks, place.kept_as_it_was():
            for after_refusal in after_refusals if place.server else (None,):
                await place.tune(after_refusal)
                for done, overshoot in enumerate(overshoots):
                    doing = f"{overshoot:,} B over the limit, server {after_refusal or 'as it is'}"
                    bench.recorder.step(done, len(overshoots), doing)
                    for number in range(1, tries + 1):
                        for name, ask in asks.items():
                            bench.recorder.emit(await place.sight(name, ask, after_refusal, number, overshoot))

    return conduct(measure, call)


@dataclass
class _Place:
    """The server that the subjects send to."""

    server: LabServer | None
    url: str
    limit_bytes: int
    timeout_s: float
    recorder: Recorder

    @contextlib.asynccontextmanager
    async def kept_as_it_was(self) -> AsyncIterator[None]:
        before = self.server.knobs.after_refusal if self.server else None
        try:
            yield
        finally:
            await self.tune(before)

    async def tune(self, after_refusal: AfterRefusal | None) -> None:
        if self.server is not None:
            await self.server.tune_async(after_refusal=after_refusal)

    async def sight(
        self, subject: str, ask: Ask, after_refusal: AfterRefusal | None, number: int, overshoot: int
    ) -> Sighting:
        """Have one subject send one message, and return what it was told."""
        accounts_before = len(self.server.accounts) if self.server else 0
        payload_bytes = self.limit_bytes + overshoot
        started_at_s = self.recorder.now()
        answer = await ask(Order(url=self.url, payload_bytes=payload_bytes), self.timeout_s)
        return Sighting(
            subject=subject,
            after_refusal=after_refusal,
            number=number,
            started_at_s=started_at_s,
            ended_at_s=self.recorder.now(),
            connection_id=await new_connection(self.server, accounts_before, self.recorder) if self.server else None,
            payload_bytes=payload_bytes,
            overshoot_bytes=overshoot,
            close_code=answer.close_code,
            close_reason=answer.close_reason,
            error=answer.error,
        )


def _limit_bytes(target: Aim, max_message_bytes: int | None) -> int:
    """Return the limit of a lab server, or the given limit of a foreign one."""
    if isinstance(target, str | Target):
        check_whole("max_message_bytes", max_message_bytes, low=1, unit="bytes, the limit of the server at this URL")
        limit_bytes = max_message_bytes
    else:
        limit_bytes = (target if isinstance(target, Knobs) else target.knobs).max_message_bytes
    if limit_bytes is None:
        raise BadValueError("target has no limit on messages, so nothing can exceed it; set its max_message_bytes")
    return limit_bytes


def _subject(client: str | Subject) -> Subject:
    if not isinstance(client, str):
        return client
    check_choice("clients", client, CLIENTS)
    return CLIENTS[client]


@contextlib.asynccontextmanager
async def _asking(subjects: Iterable[Subject]) -> AsyncIterator[dict[str, Ask]]:
    """Start all subjects, so that they can take turns."""
    async with contextlib.AsyncExitStack() as stack:
        yield {subject.name: await stack.enter_async_context(subject.asking()) for subject in subjects}
