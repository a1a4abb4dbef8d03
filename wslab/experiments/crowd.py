"""A crowd of clients that stay connected while something happens to their server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from random import Random
from typing import Any, Self

from wslab.core.policy import Policy
from wslab.core.records import Attempt, Outage, Record
from wslab.experiments.conduct import OnProgress, Progress
from wslab.net.client import Client
from wslab.net.reconnect import stay_connected
from wslab.net.recording import Recorder


class Crowd:
    """An async context: inside it the clients connect and reconnect by `policy`; at its end they close with 1000.

    Args:
        first_client: the number of the first of them within the run.
        timeout_s: how long they are waited for, each time.
        client_knobs: of every `Client`.
    """

    def __init__(
        self,
        url: str,
        recorder: Recorder,
        clients: int,
        policy: Policy,
        *,
        seed: int,
        first_client: int = 0,
        timeout_s: float = 60.0,
        progress: OnProgress | None = None,
        **client_knobs: Any,
    ) -> None:
        numbers = range(first_client, first_client + clients)
        self._clients = [Client(url, recorder, client=number, **client_knobs) for number in numbers]
        self._policy = policy
        self._seed = seed
        self._timeout_s = timeout_s
        self._progress = progress
        self._changed = asyncio.Event()
        self._seen = {Attempt: 0, Outage: 0}
        self._recorder = recorder

    async def __aenter__(self) -> Self:
        self._recorder.listeners.append(self._note)
        self._staying = [asyncio.create_task(self._stay(client)) for client in self._clients]
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        for task in self._staying:
            task.cancel()
        await asyncio.gather(*self._staying, return_exceptions=True)
        await asyncio.gather(*(client.close() for client in self._clients))
        self._recorder.listeners.remove(self._note)

    async def connected(self) -> None:
        """Wait until each client has made its first attempt."""
        await self._until(Attempt, len(self._clients), "connected")

    @contextlib.asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        """Wait, after the block has ended their connections, until each of those connected before it is back or away
        for good; after the timeout go on, and leave it to their outages to say who was not back."""
        present = sum(client.is_open for client in self._clients)
        self._seen[Outage] = 0
        yield
        await self._until(Outage, present, "back")

    async def _stay(self, client: Client) -> None:
        # A generator of its own for each client, so that the draws of one do not depend on the timing of the others.
        await stay_connected(client, self._policy, Random(f"{self._seed}/{client.client}"))

    async def _until(self, kind: type[Record], count: int, doing: str) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._timeout_s):
                while True:
                    self._changed.clear()
                    if self._progress is not None:
                        self._progress(Progress(min(self._seen[kind], count), count, doing))
                    if self._seen[kind] >= count:
                        return
                    await self._changed.wait()

    def _note(self, record: Record) -> None:
        match record:
            case Attempt(outage=0, number=1) | Outage():
                self._seen[type(record)] += 1
                self._changed.set()
