"""A herd's worker, as the herd sees it: a process, wherever it runs, its order, and its latest tally."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, BinaryIO, Protocol, Self, TypeVar, cast

import msgspec

from wslab.core.errors import HerdError
from wslab.core.records import Record
from wslab.net import control
from wslab.net.child import Child
from wslab.net.herds.ledger import unpack
from wslab.net.herds.worker_protocol import WORKER, Command, Disperse, Dispersed, Gather, HandedOver, Tally

E = TypeVar("E", bound=control.Message)


class Process(Protocol):
    """What a herd needs from a worker's process, here or elsewhere: see `wslab.net.child.Child`."""

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
    """One worker process, and its latest tally. If it is lost, the records that it had handed over are kept.

    Fields:
        lost_at: when it ended unexpectedly, on this machine's monotonic clock.
    """

    child: Process

    def __init__(self, order: Gather, on_change: Callable[[], None]) -> None:
        self.order = order
        self.lost_at: float | None = None
        self._pages = bytearray()
        self._ledger: BinaryIO | None = None
        self._on_change = on_change
        self.tally = Tally(attempted=0, held=0, away=0, returned=0, resident_bytes=0)
        self.first = self.fullest = self.tally

    @classmethod
    async def spawn(cls, order: Gather, on_change: Callable[[], None]) -> Self:
        ledger = new_ledger_file()
        worker = cls(msgspec.structs.replace(order, ledger_descriptor=ledger.fileno()), on_change)
        worker._ledger = ledger
        worker.child = await Child.spawn(WORKER, worker.asides, descriptors=[ledger.fileno()])
        return worker

    @property
    def asides(self) -> Mapping[type[control.Message], Callable[[Any], None]]:
        """A callback for each kind of unsolicited event."""
        return {Tally: self._note, HandedOver: lambda event: self._pages.extend(event.page)}

    @property
    def grown_bytes(self) -> int:
        return self.fullest.resident_bytes - self.first.resident_bytes

    async def ready(self) -> None:
        """Wait until the worker can be told to gather its clients."""
        await self.child.expect(control.Ready)

    def gather(self, begins_at_s: float) -> None:
        self.child.tell(msgspec.structs.replace(self.order, begins_at_s=begins_at_s))
        self._end = asyncio.create_task(self._hear_of_end())

    async def disperse(self) -> Dispersed | str:
        """Make it disperse its clients, and return its last event; if it was lost, its last words."""
        try:
            return await self._disperse()
        except HerdError as error:
            self.lost_at = self.lost_at or time.monotonic()
            self.child.kill()
            await self.child.ended()
            return str(error)

    def records(self) -> Iterator[Record]:
        """Return the records that it handed over, in order of time."""
        if self._ledger is not None:
            with self._ledger as ledger:
                ledger.seek(0)
                self._pages.extend(ledger.read())
            self._ledger = None
        return unpack(bytes(self._pages))

    async def _disperse(self) -> Dispersed:
        self.child.tell(Disperse())
        dispersed = await self.child.expect(Dispersed)
        self._end.cancel()
        await self.child.retire(patience_s=1.0)
        return dispersed

    async def _hear_of_end(self) -> None:
        await self.child.ended()
        self.lost_at = time.monotonic()
        last = self.tally  # lost clients count as back, so that nobody waits for them
        self.tally = msgspec.structs.replace(
            last, attempted=self.order.clients, held=0, away=0, returned=last.returned + last.held + last.away
        )
        self._on_change()

    def _note(self, tally: Tally) -> None:
        if not self.first.resident_bytes:
            self.first = tally
        if not tally.returned and tally.held >= self.fullest.held:
            self.fullest = tally
        self.tally = tally
        self._on_change()


def new_ledger_file() -> BinaryIO:
    """Return an unnamed file, in memory if possible; it outlives the worker that writes it, but not this process."""
    if sys.platform == "linux":
        return os.fdopen(os.memfd_create("ledger"), "r+b")
    return cast("BinaryIO", tempfile.TemporaryFile())


Spawn = Callable[[Gather, Callable[[], None]], Awaitable[Worker]]
