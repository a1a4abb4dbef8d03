"""Outpost: a herd's process on a worker of a Dask cluster, the channel between it and the herd, and its clock.

`Outpost` is there, `FarChild` is here. They exchange the messages of `wslab.net.herds.worker_protocol` by remote calls
of Outpost, through Dask. Neither outlives the other for long: see `PATIENCE_S` and `LEASE_S`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import time
from collections.abc import Iterable
from typing import Any, NamedTuple, TypeVar, get_args

from wslab.core.errors import BadValueError, HerdError, in_words
from wslab.net import control, machine
from wslab.net.child import REPLY_TIMEOUT_S, Asides, Child
from wslab.net.herds.worker_protocol import WORKER, Command, Event, Gather

E = TypeVar("E", bound=control.Message)

POLL_S = 5.0

PATIENCE_S = 15.0
"""An outpost that is silent for this long is lost: it answers every `POLL_S`, even if there are no events."""

LEASE_S = 60.0
"""A process that nobody has listened to for this long has lost its herd, and is ended."""

EXCHANGES = 16
"""Readings of the clock there for one measurement of its offset."""


class Outpost:
    """A Dask actor with a herd's process; all methods run on the loop of the cluster's worker."""

    def __init__(self) -> None:
        self._heard: asyncio.Queue[control.Message] = asyncio.Queue()

    async def start(self, order: Gather, conductor: str) -> int:
        """Start the process, and return its id.

        Raises:
            ValueError: this machine could not hold the clients, or they could not reach the server from it.
        """
        if order.destination.trust is not None:
            order.destination.trust.context()  # its files must exist on this machine too
        check_reach(order.destination.host, conductor, socket.gethostname())
        machine.check_clients(order.clients)
        everything = dict.fromkeys(get_args(Event | control.Ready | control.Failed), self._heard.put_nowait)
        self._child = await Child.spawn(WORKER, everything)
        self._end = asyncio.create_task(self._hear_of_end())
        self._lease = asyncio.get_running_loop().call_later(LEASE_S, self._child.kill)
        return self._child.pid

    async def clock(self) -> float:
        """Read this machine's monotonic clock."""
        return time.monotonic()

    async def tell(self, command: Command) -> None:
        self._child.tell(command)

    async def hear(self) -> list[control.Message]:
        """Wait for events, for at most `POLL_S`, and return them."""
        self._lease.cancel()
        self._lease = asyncio.get_running_loop().call_later(LEASE_S, self._child.kill)
        events: list[control.Message] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(POLL_S):
                events.append(await self._heard.get())
        while not self._heard.empty():
            events.append(self._heard.get_nowait())
        return events

    async def kill(self) -> None:
        """End the process, and wait until it is gone."""
        self._lease.cancel()
        self._child.kill()
        await self._end

    async def _hear_of_end(self) -> None:
        await self._child.ended()
        try:
            await self._child.expect(control.Failed)
        except HerdError as last_words:
            self._heard.put_nowait(control.Failed(error=str(last_words)))


class FarChild:
    """A process at an outpost, with the interface of `Child`.

    Args:
        outpost: the actor's proxy.
        address: of the cluster's worker.
        asides: a callback for each kind of unsolicited event.
    """

    def __init__(self, outpost: Any, pid: int, address: str, asides: Asides) -> None:
        self.pid = pid
        self.lost: str | None = None
        self._outpost = outpost
        self._address = address
        self._asides = asides
        self._events: asyncio.Queue[control.Message | None] = asyncio.Queue()
        self._orders: set[asyncio.Task[None]] = set()
        self._hearing = asyncio.create_task(self._hear())

    @property
    def alive(self) -> bool:
        return self.lost is None

    async def clock_offset(self) -> ClockOffset:
        """Measure how far the monotonic clock there is ahead of the one here.

        Raises:
            HerdError: the worker does not answer.
        """
        readings = []
        for _ in range(EXCHANGES):
            asked_at = time.monotonic()
            try:
                async with asyncio.timeout(PATIENCE_S):
                    read = float(await self._outpost.clock())
            except Exception as error:  # Dask has many for a worker that is gone
                raise HerdError(f"worker {self._address} of the cluster does not answer: {error!r}") from None
            readings.append(ClockReading(asked_at, read, time.monotonic()))
        return best_offset(readings)

    def tell(self, command: Command) -> None:
        self._order("tell", command)

    async def expect(self, kind: type[E]) -> E:
        """Return the next event, which must be of this kind.

        Raises:
            HerdError: the process or the cluster's worker is lost, or is silent for `REPLY_TIMEOUT_S`.
        """
        try:
            event = await asyncio.wait_for(self._events.get(), REPLY_TIMEOUT_S)
        except TimeoutError:
            raise HerdError(f"worker {self._address} of the cluster does not answer") from None
        if isinstance(event, kind):
            return event
        raise HerdError(f"worker {self._address} of the cluster was lost: {self.lost}")

    def kill(self) -> None:
        self._order("kill")

    async def ended(self) -> None:
        """Wait until the process is gone, or lost, and all its events have been heard."""
        await asyncio.wait([self._hearing])
        while self._orders:
            await asyncio.wait(self._orders)

    async def retire(self, patience_s: float) -> None:
        """Wait for the process to leave by itself; after `patience_s`, kill it."""
        await asyncio.wait([self._hearing], timeout=patience_s)
        self.kill()
        await self.ended()

    def _order(self, method: str, *arguments: Command) -> None:
        async def obeyed() -> None:
            with contextlib.suppress(Exception):  # if the outpost is gone, `_hear` finds out
                async with asyncio.timeout(PATIENCE_S):
                    await getattr(self._outpost, method)(*arguments)

        order = asyncio.create_task(obeyed())
        self._orders.add(order)
        order.add_done_callback(self._orders.discard)

    async def _hear(self) -> None:
        while self.lost is None:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    events = await self._outpost.hear()
            except Exception as error:  # as in clock_offset
                events = [control.Failed(error=in_words(error))]
            for event in events:
                if isinstance(event, control.Failed):
                    self.lost = event.error
                else:
                    self._asides.get(type(event), self._events.put_nowait)(event)
        self._events.put_nowait(None)


class ClockReading(NamedTuple):
    """One reading of a remote clock: asked and answered by the clock here."""

    asked_at: float
    read: float
    answered_at: float


class ClockOffset(NamedTuple):
    """How far a clock is ahead of the one here, and the largest possible error."""

    offset_s: float
    error_s: float


def best_offset(readings: Iterable[ClockReading]) -> ClockOffset:
    """Return the offset by the quickest of several readings.

    The clock was read at some moment between question and answer. Halfway is the best guess, and half the round trip
    the largest possible error (D. L. Mills, RFC 5905 §8 and §10: the clock filter).

    >>> best_offset([ClockReading(10.0, 110.5, 11.0), ClockReading(12.0, 112.25, 12.5)])
    ClockOffset(offset_s=100.0, error_s=0.25)
    """
    quickest = min(readings, key=lambda reading: reading.answered_at - reading.asked_at)
    round_trip_s = quickest.answered_at - quickest.asked_at
    return ClockOffset(quickest.read - (quickest.asked_at + round_trip_s / 2), round_trip_s / 2)


def check_reach(destination: str, conductor: str, here: str) -> None:
    """Raise ValueError if the destination's address means a different machine here than on the conductor.

    >>> check_reach("127.0.0.1", conductor="alba", here="alba")
    >>> check_reach("127.0.0.1", conductor="alba", here="bruno")
    Traceback (most recent call last):
    ...
    wslab.core.errors.BadValueError: the server is at 127.0.0.1, which on bruno is bruno itself; start it where the \
cluster's workers reach it: LabServer(host=…, expose=True) with an address of alba
    """
    address = ipaddress.ip_address(destination)
    if here != conductor and (address.is_loopback or address.is_unspecified):
        raise BadValueError(
            f"the server is at {destination}, which on {here} is {here} itself; start it where the cluster's workers "
            f"reach it: LabServer(host=…, expose=True) with an address of {conductor}"
        )
