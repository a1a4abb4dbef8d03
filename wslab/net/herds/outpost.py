"""Outpost: a herd's process on a worker of a Dask cluster, and the way between it and the herd.

`Outpost` is there, `FarChild` is here; between them pass the messages of `wslab.net.herds.worker_protocol`,
by calls of the one, which Dask carries. Neither outlives the other for long: see `PATIENCE_S` and `LEASE_S`.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import time
from typing import Any, TypeVar, get_args

from wslab.core.errors import BadValueError, HerdError, in_words
from wslab.net import control, machine
from wslab.net.child import REPLY_TIMEOUT_S, Asides, Child
from wslab.net.herds.worker_protocol import WORKER, Command, Event, Gather

E = TypeVar("E", bound=control.Message)

POLL_S = 5.0

PATIENCE_S = 15.0
"""An outpost silent for so long is lost: it answers every `POLL_S`, even if it has nothing to say."""

LEASE_S = 60.0
"""A process that nobody has listened to for so long has lost its herd, and is ended."""


class Outpost:
    """A Dask actor around a herd's process; all methods run on the loop of the cluster's worker."""

    def __init__(self) -> None:
        self._heard: asyncio.Queue[control.Message] = asyncio.Queue()

    async def start(self, order: Gather, conductor: str) -> int:
        """Start the process, and return its id.

        Raises:
            ValueError: this machine could not hold the clients, or they could not reach the server from it.
        """
        if order.destination.trust is not None:
            order.destination.trust.context()  # its files must lie on this machine too
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
        """Wait for events, `POLL_S` at most, and return them."""
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
    """A process at an outpost, to its herd what a `Child` is.

    Args:
        outpost: the actor's proxy.
        address: of the cluster's worker.
        asides: events that come unasked, each with whom to call.
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

    async def read_clock(self) -> float:
        """Return what the monotonic clock there shows.

        Raises:
            HerdError: nobody is there.
        """
        try:
            async with asyncio.timeout(PATIENCE_S):
                return float(await self._outpost.clock())
        except Exception as error:  # Dask has many for a worker that is gone
            raise HerdError(f"worker {self._address} of the cluster does not answer: {error!r}") from None

    def tell(self, command: Command) -> None:
        self._order("tell", command)

    async def expect(self, kind: type[E]) -> E:
        """Return the next event, which must be of this kind.

        Raises:
            HerdError: the process or the cluster's worker is lost, or says nothing for `REPLY_TIMEOUT_S`.
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
        """Wait until the process is gone, or lost, and everything that it said was heard."""
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
            with contextlib.suppress(Exception):  # where nobody obeys any more, `_hear` finds out
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
            except Exception as error:  # likewise
                events = [control.Failed(error=in_words(error))]
            for event in events:
                if isinstance(event, control.Failed):
                    self.lost = event.error
                else:
                    self._asides.get(type(event), self._events.put_nowait)(event)
        self._events.put_nowait(None)


def check_reach(destination: str, conductor: str, here: str) -> None:
    """Raise ValueError if the destination's address means another machine here than it does to the conductor.

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
