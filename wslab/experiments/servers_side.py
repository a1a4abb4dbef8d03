"""What the lab's own server adds to a run: its restarts as they happen, its account of the connections, its loss."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator

from wslab.core.records import Restart, since
from wslab.net.recording import Recorder
from wslab.net.server.fleet import LabFleet
from wslab.net.server.lab_server import LabServer

Lab = LabServer | LabFleet
"""What an experiment may restart."""

LOST_S = 1.0
"""How long an experiment goes on after it lost its server, so that its clients notice."""

ACCOUNT_PATIENCE_S = 0.5


async def loss(lab: Lab | None, recorder: Recorder, *, ends: bool) -> None:
    """Report the loss of the server, and return a second after it; never return if `ends` is False or it came back."""
    if lab is not None:
        last_words = await lab.died()
        recorder.losses.append(f"the lab server was lost at {recorder.now():.3f} s; {last_words}")
        await asyncio.sleep(LOST_S)
        if ends and not lab.alive:
            return
    await asyncio.Event().wait()


async def new_connection(server: LabServer, accounts_before: int, recorder: Recorder) -> str | None:
    """Return the id of the first connection after so many accounts of the server; None if none comes soon."""
    deadline = recorder.now() + ACCOUNT_PATIENCE_S
    while recorder.now() < deadline:
        if len(accounts := server.accounts) > accounts_before:
            return accounts[accounts_before].connection_id
        await asyncio.sleep(0.001)
    return None


@contextlib.contextmanager
def restarts_told(lab: Lab | None, recorder: Recorder) -> Iterator[None]:
    """Within the block, announce the server's restarts as they begin; their records follow at the end of the run."""

    def tell(restart: Restart) -> None:
        recorder.tell(since(recorder.origin, restart))

    listeners = lab.listeners if lab else []
    listeners.append(tell)
    try:
        yield
    finally:
        listeners.remove(tell)


async def add_servers_side(lab: Lab, recorder: Recorder, restarts_before: int) -> None:
    """Add the server's accounts of the connections that the clients recorded, and its restarts."""
    # The measurement may end before the loss of its server is noticed.
    noticing = [] if recorder.losses else [asyncio.create_task(loss(lab, recorder, ends=False))]
    seen = {record.connection_id for record in recorder.records if hasattr(record, "connection_id")} - {None}
    await lab.settle(seen)
    accounts = [account for account in lab.accounts if account.connection_id in seen]
    for record in (*accounts, *lab.restarts[restarts_before:]):
        recorder.emit(since(recorder.origin, record))
    for task in noticing:
        task.cancel()
    await asyncio.gather(*noticing, return_exceptions=True)
