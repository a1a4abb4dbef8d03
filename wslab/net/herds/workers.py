"""A herd's worker as the herd sees it: a process, wherever it runs, what it was ordered, and what it told last."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import chain
from typing import Any, Protocol, Self, TypeVar

import msgspec

from wslab.core.records import Record
from wslab.net import control
from wslab.net.child import Child
from wslab.net.herds.ledger import unpack
from wslab.net.herds.words import WORKER, Command, Disperse, Dispersed, Gather, HandedOver, Tally

E = TypeVar("E", bound=control.Message)


class Process(Protocol):
    """What a herd wants of a worker's process, here or elsewhere: see `wslab.net.child.Child`."""

    @property
    def pid(self) -> int: ...

    @property
    def alive(self) -> bool: ...

    def tell(self, command: Command) -> None: ...

    async def expect(self, kind: type[E]) -> E: ...

    def kill(self) -> None: ...

    async def ended(self) -> None: ...

    async def retire(self, patience_s: float) -> None: ...


class Worker:
    """One worker process, and what it told last."""

    child: Process

    def __init__(self, order: Gather, on_change: Callable[[], None]) -> None:
        self.order = order
        self.ledgers: list[bytes] = []
        self._on_change = on_change
        self.tally = Tally(attempted=0, held=0, away=0, returned=0, resident_bytes=0)
        self.first = self.fullest = self.tally

    @classmethod
    async def spawn(cls, order: Gather, on_change: Callable[[], None]) -> Self:
        worker = cls(order, on_change)
        worker.child = await Child.spawn(WORKER, worker.asides)
        return worker

    @property
    def asides(self) -> Mapping[type[control.Message], Callable[[Any], None]]:
        """The events that come unasked, each with whom to call."""
        return {Tally: self._note, HandedOver: lambda event: self.ledgers.append(event.ledger)}

    @property
    def grown_bytes(self) -> int:
        return self.fullest.resident_bytes - self.first.resident_bytes

    async def ready(self) -> None:
        """Wait until the worker can be told to gather its clients."""
        await self.child.expect(control.Ready)

    def gather(self, begins_at_s: float) -> None:
        self.child.tell(msgspec.structs.replace(self.order, begins_at_s=begins_at_s))
        self._end = asyncio.create_task(self._hear_of_end())

    async def disperse(self) -> Dispersed:
        self.child.tell(Disperse())
        dispersed = await self.child.expect(Dispersed)
        self.ledgers.append(dispersed.ledger)
        await self.child.retire(patience_s=1.0)
        return dispersed

    def records(self) -> Iterator[Record]:
        """Yield what it saw and handed over, in the order of time."""
        return chain.from_iterable(map(unpack, self.ledgers))

    async def check(self) -> None:
        """Raise HerdError, with its last words, if the process has died."""
        if not self.child.alive:
            await self.child.expect(Dispersed)

    async def _hear_of_end(self) -> None:
        await self.child.ended()
        self._on_change()

    def _note(self, tally: Tally) -> None:
        if not self.first.resident_bytes:
            self.first = tally
        if not tally.returned and tally.held >= self.fullest.held:
            self.fullest = tally
        self.tally = tally
        self._on_change()


Spawn = Callable[[Gather, Callable[[], None]], Awaitable[Worker]]
