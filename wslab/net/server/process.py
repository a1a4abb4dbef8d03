"""One process of a lab server, from its spawning to its end; each start of the server has a new one."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Self

from wslab.core.errors import LabServerError
from wslab.core.knobs import Knobs
from wslab.core.records import Account
from wslab.net.child import Asides, Child
from wslab.net.control import Ready
from wslab.net.listening import Reservation, new_socket
from wslab.net.server import server_protocol


class ServerProcess(Child):
    """A child process that serves on command. It inherits its listener unbound, and the listener is opened here.

    So the listener opens exactly on time. Only the child keeps it, so it closes when the child dies.

    Attributes:
        start: the start of the server, counted from 1; 0 before.
        dismissed: we told it to leave, or killed it.
    """

    start = 0
    dismissed = False
    _listener: socket.socket

    @classmethod
    async def prepare(cls, host: str, port: int, note: Callable[[Account], None]) -> Self:
        """Start the interpreter, and return when it is ready to serve; `note` is called with each account."""
        listener = new_socket(host)
        try:
            asides: Asides = {server_protocol.Accounted: lambda event: note(event.account)}
            process = await cls.spawn(server_protocol.SERVING, asides, host, str(port), descriptors=[listener.fileno()])
        except BaseException:
            listener.close()
            raise
        process._listener = listener  # noqa: SLF001 (of this class)
        await process.expect(Ready)
        return process

    def listen(
        self,
        reservation: Reservation,
        knobs: Knobs,
        *,
        start: int,
        name: str,
        origins: tuple[str, ...],
        standing_in: bool,
    ) -> float:
        """Open the listener, and return the time at which it was open; see `server_protocol.Listen`.

        Raises:
            LabServerError: the port was lost.
        """
        self.start = start
        with self._listener as listener:
            descriptor = listener.fileno()
            reservation.listen(listener)
            up_at = time.monotonic()
        self.tell(
            server_protocol.Listen(
                descriptor=descriptor, name=name, start=start, knobs=knobs, standing_in=standing_in, origins=origins
            )
        )
        return up_at

    async def open(self) -> float:
        """End standing in, and return the time."""
        self.tell(server_protocol.Open())
        return (await self.expect(server_protocol.ListenerOpened)).at_s

    async def tune(self, knobs: Knobs, *, open_ones_too: bool) -> None:
        """Make it obey new knobs."""
        self.tell(server_protocol.Tune(knobs=knobs, open_ones_too=open_ones_too))
        await self.expect(server_protocol.Tuned)

    def leave(
        self, because: str, code: int, reason: str, *, drain_s: float = 0.0, drain_batch: int | None = None
    ) -> None:
        """Make it close its listener and its connections, and exit."""
        self.dismissed = True
        self._listener.close()  # still open if it never listened
        self.tell(
            server_protocol.Leave(because=because, code=code, reason=reason, drain_s=drain_s, drain_batch=drain_batch)
        )

    async def down(self) -> float:
        """Return the time at which the listener closed after `leave`; for a process that died by itself, now."""
        try:
            return (await self.expect(server_protocol.ListenerClosed)).at_s
        except LabServerError:
            return time.monotonic()

    def kill(self) -> None:
        self.dismissed = True
        super().kill()

    async def ended(self) -> None:
        await super().ended()
        self._listener.close()
