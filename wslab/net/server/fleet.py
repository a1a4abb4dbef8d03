"""LabFleet: several lab servers behind one address, restarted one after another, as in a rolling deployment.

A client that is sent away may come back at once, since another server accepts it; if that server restarts later, the
client is sent away again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any, Self

from msgspec.structs import replace

from wslab.core.arguments import check_choice, check_whole
from wslab.core.errors import LabServerError
from wslab.core.knobs import Knobs, changed
from wslab.core.records import Account, Restart, RestartKind
from wslab.net import runtime
from wslab.net.relay.switch import Address, Switch
from wslab.net.replay import NO_SERVER, NOWHERE, replaying
from wslab.net.server.lab_server import LabServer


class LabFleet:
    """Lab servers behind a relay; a context manager. A server that is restarting gets no new connections.

    >>> with LabFleet(servers=2, downtime_s=0) as fleet:
    ...     [restart.kind for restart in fleet.restart()]
    ['rolling', 'rolling']

    Args:
        knobs: of each server; further keyword arguments replace single knobs.
        servers: number of servers, 2 to 16.

    Attributes:
        listeners: called on the background loop with each step of each server's restart.

    Raises:
        TypeError, ValueError: a knob or the number is out of bounds.
        LabServerError: a child process did not start; the message says why.
    """

    def __init__(self, knobs: Knobs | None = None, *, servers: int = 3, **changes: Any) -> None:
        check_whole("servers", servers, low=2, high=16, unit="servers")
        self.knobs = changed(Knobs() if knobs is None else knobs, changes)
        self._servers = [LabServer(self.knobs, name=f"{number}.") for number in range(1, servers + 1)]
        self._relay: Switch | None = None
        self.listeners: list[Callable[[Restart], None]] = []
        for server in self._servers:
            server.listeners.append(self._tell)

    # Blocking calls; each has an async variant, whose name ends in `_async`.

    def start(self) -> Self:
        """Start the servers, and return the fleet once all listen. In a replay, nothing is started."""
        if not replaying():
            runtime.run(self.start_async())
        return self

    def restart(
        self, kind: RestartKind = "rolling", *, downtime_s: float | None = None, **changes: Any
    ) -> tuple[Restart, ...]:
        """Restart one server after another, each when the one before it is back, and return the restarts.

        If a server does not come back, the rest are not restarted.

        Args:
            kind: "rolling", the only kind for a fleet.
            downtime_s: of each server. None: the knob's.
            changes: knobs that change with the restart.

        Raises:
            ValueError: another kind, or an unknown knob.
            LabServerError: the fleet is not running, or a server did not come up again.
        """
        return runtime.run(self.restart_async(kind, downtime_s=downtime_s, **changes))

    def stop(self) -> None:
        """Close every connection with 1001 and end all processes. Stopping twice does nothing."""
        if self._relay is not None:
            runtime.run(self.stop_async())

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    # State and observations

    @property
    def url(self) -> str:
        """The URL for clients; in a replay, it leads nowhere. Raises LabServerError unless the fleet is running."""
        if replaying():
            return NOWHERE
        host, port = self._running().address
        return f"ws://{host}:{port}/"

    @property
    def alive(self) -> bool:
        """Whether the processes of all servers are running."""
        return all(server.alive for server in self._servers)

    @property
    def accounts(self) -> tuple[Account, ...]:
        """All servers' accounts of their connections; `connection_id` begins with the server's number."""
        return tuple(account for server in self._servers for account in server.accounts)

    @property
    def restarts(self) -> tuple[Restart, ...]:
        """All restarts of all servers, in order of time."""
        every = [restart for server in self._servers for restart in server.restarts]
        every.sort(key=lambda restart: restart.requested_at_s)
        return tuple(replace(restart, kind="rolling", number=number) for number, restart in enumerate(every, start=1))

    def __repr__(self) -> str:
        return f"<LabFleet of {len(self._servers)}, {self.url if self._relay else 'not running'}>"

    # On the background loop

    async def start_async(self) -> None:
        if self._relay is not None:
            raise LabServerError("this fleet is already started")
        try:
            await asyncio.gather(*(server.start_async() for server in self._servers))
            self._relay = await Switch([]).__aenter__()
            self._admit(self._servers)
        except BaseException:
            await self.stop_async()
            raise

    async def restart_async(
        self, kind: RestartKind = "rolling", *, downtime_s: float | None = None, **changes: Any
    ) -> tuple[Restart, ...]:
        check_choice("kind", kind, ["rolling"])
        self.knobs = changed(self.knobs, changes)
        self._running()
        done_before = len(self.restarts)
        for server in self._servers:
            self._admit(other for other in self._servers if other is not server)
            restart = await server.restart_async("reload" if changes else "graceful", downtime_s=downtime_s, **changes)
            if restart.up_at_s is None:
                break
            self._admit(self._servers)
        return self.restarts[done_before:]

    async def stop_async(self) -> None:
        await asyncio.gather(*(server.stop_async() for server in self._servers))
        if self._relay is not None:
            await self._relay.__aexit__()
            self._relay = None

    async def died(self) -> str:
        """Wait until one of the servers' processes ends unexpectedly; return its last words."""
        waiting = [asyncio.create_task(server.died()) for server in self._servers]
        try:
            ended, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            return ended.pop().result()
        finally:
            for task in waiting:
                task.cancel()

    async def settle(self, connection_ids: Iterable[str], timeout_s: float = 1.0) -> None:
        """Wait, at most `timeout_s`, until the accounts of these connections are complete."""
        theirs = list(connection_ids)
        await asyncio.gather(
            *(
                server.settle((name for name in theirs if name.startswith(server.name)), timeout_s)
                for server in self._servers
            )
        )

    def _tell(self, _: Restart) -> None:
        for listener in tuple(self.listeners):
            listener(self.restarts[-1])  # servers restart one at a time, so it is the latest

    def _admit(self, servers: Iterable[LabServer]) -> None:
        self._running().switch([Address(server.host, server.port) for server in servers])

    def _running(self) -> Switch:
        if self._relay is None:
            not_running = "this fleet is not running; use it in a with statement, or call start()"
            raise LabServerError(NO_SERVER if replaying() else not_running)
        return self._relay
