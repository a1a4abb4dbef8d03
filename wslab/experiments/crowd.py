"""A crowd of full clients in this process, which stay connected while something happens to their server."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any, Self

from wslab.core.policies.policy import Policy
from wslab.core.records import Attempt, Closure, Outage, Record
from wslab.core.target import Target
from wslab.experiments.gathering import Gathering, Whereabouts
from wslab.net.client.client import Client
from wslab.net.client.reconnect import stay_connected
from wslab.net.recording import Recorder


class Crowd(Gathering):
    """An async context: inside it the clients connect and reconnect by `policy`; at its end they close with 1000.

    Args:
        first_client: the number of the first client within the run.
        timeout_s: how long to wait for them, each time.
        client_knobs: arguments of every `Client`.
    """

    def __init__(
        self,
        target: Target | str,
        recorder: Recorder,
        clients: int,
        policy: Policy,
        *,
        seed: int,
        first_client: int = 0,
        timeout_s: float = 60.0,
        **client_knobs: Any,
    ) -> None:
        super().__init__(recorder, clients, timeout_s)
        self._numbers = range(first_client, first_client + clients)
        self._clients = [
            Client(target, recorder, client=number, keepalive=True, **client_knobs) for number in self._numbers
        ]
        self._policy = policy
        self._seed = seed
        self._changed = asyncio.Event()
        self._attempted = self._closed = self._returned = 0

    async def __aenter__(self) -> Self:
        self._recorder.listeners.append(self._note)
        self._staying = [asyncio.create_task(self._stay(client)) for client in self._clients]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._staying:
            task.cancel()
        await asyncio.gather(*self._staying, return_exceptions=True)
        await asyncio.gather(*(client.close() for client in self._clients))
        self._recorder.listeners.remove(self._note)

    def tally(self) -> Whereabouts:
        held = sum(client.is_open for client in self._clients)
        return Whereabouts(self._attempted, held, self._closed - self._returned, self._returned)

    async def changed(self) -> None:
        await self._changed.wait()
        self._changed.clear()

    async def _stay(self, client: Client) -> None:
        # One generator per client, so that its draws do not depend on the timing of the others.
        await stay_connected(client, self._policy, Random(f"{self._seed}/{client.client}"))

    def _note(self, record: Record) -> None:
        match record:
            case Attempt(client=client, outage=0, number=1) if client in self._numbers:
                self._attempted += 1
            case Closure(client=client) if client in self._numbers:
                self._closed += 1
            case Outage(client=client) if client in self._numbers:
                self._returned += 1
            case _:
                return
        self._changed.set()
