"""LabServer: start, tune, restart and stop a WebSocket server in a child process.

Its restarts are real: a real close frame, real refused connections while it is down, a real SIGKILL for a crash. Nor
does it share an interpreter lock with the client that measures it. The successor's interpreter starts before its
predecessor stops, so that the downtime is the knob's and not Python's start-up time.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

from msgspec.structs import replace

from wslab.core.arguments import check_choice, check_number
from wslab.core.errors import BadValueError, LabServerError
from wslab.core.knobs import Knobs, changed
from wslab.core.records import Account, Restart, RestartKind
from wslab.net import runtime
from wslab.net.listening import check_listener
from wslab.net.replay import NO_SERVER, NOWHERE, replaying
from wslab.net.server.starts import Starts


class LabServer:
    """A WebSocket server on this machine, under `Knobs`; a context manager, sync and async.

    >>> with LabServer(max_message_bytes=65_536) as server:
    ...     server.url.startswith("ws://127.0.0.1:")
    True

    Args:
        knobs: its behaviour; further keyword arguments replace single knobs.
        host: the address to listen on. Anything but loopback needs `expose=True`, since anyone who reaches it may use
            it.
        port: 0 takes a free one. The server keeps it through every restart, until `stop`.
        name: the beginning of every `connection_id`; several servers in one run need different names.
        origins: pages that may connect, besides those of this machine (http or https, localhost or loopback, any port),
            each as in the page's `location.origin`, such as "https://hub.example.org". Any site's page can reach
            loopback, so there is no wildcard. Programs send no Origin and are admitted.

    Attributes:
        listeners: called on the background loop with each step of a restart: requested, down, up.

    Raises:
        TypeError, ValueError: a knob, the host or the port is out of bounds.
        LabServerError: the port is in use, or the child process did not start; the message says why.
    """

    def __init__(
        self,
        knobs: Knobs | None = None,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        expose: bool = False,
        name: str = "",
        origins: Sequence[str] = (),
        **changes: Any,
    ) -> None:
        self.knobs = changed(Knobs() if knobs is None else knobs, changes)
        check_listener(host, port, origins, expose=expose)
        self.host = host
        self.name = name
        self.origins = tuple(origins)
        self._wanted_port = port
        self._starts: Starts | None = None
        self._restarts: list[Restart] = []
        self.listeners: list[Callable[[Restart], None]] = []
        self._changing = asyncio.Lock()

    # Blocking calls; each has an async variant, whose name ends in `_async`.

    def start(self) -> Self:
        """Start the server, and return it once it listens. In a replay, nothing is started (see `wslab.net.replay`)."""
        if not replaying():
            runtime.run(self.start_async())
        return self

    def restart(self, kind: RestartKind = "graceful", *, downtime_s: float | None = None, **changes: Any) -> Restart:
        """Restart on the same port, and return the restart once the server listens again (see `comes_back`).

        Args:
            kind: "graceful" closes every connection with `knobs.restart_code`, goes down, and comes up; "crash" kills
                the process; "reload" is graceful and comes up with the changed knobs.
            downtime_s: of this restart. None: the knob's.
            changes: knobs that change with the restart ("reload" only).

        Raises:
            ValueError: unknown kind or knob, or changes with a kind other than "reload".
            LabServerError: the server was not started, was stopped, or did not come up again.
        """
        return runtime.run(self.restart_async(kind, downtime_s=downtime_s, **changes))

    def tune(self, *, open_ones_too: bool = False, **changes: Any) -> None:
        """Change knobs without a restart, for connections opened from now on.

        Args:
            open_ones_too: apply limits and replies to open connections as well.

        Raises:
            ValueError: a knob is unknown or out of bounds.
            LabServerError: the server is not running.
        """
        runtime.run(self.tune_async(open_ones_too=open_ones_too, **changes))

    def stop(self) -> None:
        """Close every connection with 1001, end the process and give the port back. Stopping twice does nothing."""
        if self._starts is not None:
            runtime.run(self.stop_async())

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        if not replaying():
            await runtime.hand_over(self.start_async())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._starts is not None:
            await runtime.hand_over(self.stop_async())

    # State and observations

    @property
    def port(self) -> int:
        """The TCP port, the same through every restart."""
        return self._running().port

    @property
    def url(self) -> str:
        """The URL for clients; in a replay, it leads nowhere. Raises LabServerError unless the server is running."""
        if replaying():
            return NOWHERE
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ws://{host}:{self.port}/"

    @property
    def pid(self) -> int:
        """The process id of the current child process."""
        return self._running().pid

    @property
    def alive(self) -> bool:
        """Whether the current child process is running; False before the start and after the stop."""
        return self._starts is not None and self._starts.alive

    @property
    def accounts(self) -> tuple[Account, ...]:
        """The server's account of each connection so far; times are on the machine's monotonic clock."""
        return () if self._starts is None else tuple(self._starts.accounts.values())

    @property
    def restarts(self) -> tuple[Restart, ...]:
        """All restarts so far; times are on the machine's monotonic clock."""
        return tuple(self._restarts)

    def __repr__(self) -> str:
        return f"<LabServer {self.url}>" if self.alive else "<LabServer, not running>"

    # On the background loop

    async def start_async(self) -> None:
        if self._starts is not None:
            self._running()
            raise LabServerError("this server is already started")
        self._starts = Starts(self.host, self._wanted_port, self.name, self.origins)
        try:
            await self._starts.bring_up(await self._starts.prepare(), self.knobs)
        except BaseException:
            await self.stop_async()
            raise

    async def restart_async(
        self, kind: RestartKind = "graceful", *, downtime_s: float | None = None, **changes: Any
    ) -> Restart:
        check_choice("kind", kind, ["graceful", "crash", "reload"])
        check_number("downtime_s", downtime_s, low=0, high=600, unit="seconds", optional=True)
        if changes and kind != "reload":
            raise BadValueError(f"a {kind} restart keeps its knobs; to change {', '.join(changes)}, use kind='reload'")
        knobs = changed(self.knobs, changes)
        self._running()
        hurry = asyncio.Event()
        restarting = self._restart(kind, knobs if changes else None, downtime_s, hurry)
        return await runtime.to_the_end(restarting, on_cancel=hurry.set)

    async def _restart(
        self, kind: RestartKind, knobs_after: Knobs | None, downtime_s: float | None, hurry: asyncio.Event
    ) -> Restart:
        """Restart; setting `hurry` ends the downtime, so that an interrupted caller still has a server."""
        knobs = knobs_after or self.knobs
        async with self._changing:
            starts = self._running()
            successor = await starts.prepare()
            number, requested_at_s = len(self._restarts) + 1, time.monotonic()
            restart = Restart(number=number, kind=kind, requested_at_s=requested_at_s, knobs_after=knobs_after)
            self._restarts.append(restart)  # recorded even if it is interrupted
            self._tell(restart)
            down_at = await starts.take_down(kind, self.knobs)
            restart = self._tell(replace(restart, down_at_s=down_at))
            self.knobs = knobs
            wanted_s = knobs.downtime_s if downtime_s is None else downtime_s
            at = down_at + wanted_s if knobs.comes_back else math.inf
            up_at = await starts.bring_up(successor, knobs, at=at, hurry=hurry)
            return self._tell(replace(restart, up_at_s=up_at))

    async def tune_async(self, *, open_ones_too: bool = False, **changes: Any) -> None:
        knobs = changed(self.knobs, changes)
        self._running()
        await runtime.to_the_end(self._tune(knobs, open_ones_too=open_ones_too))

    async def _tune(self, knobs: Knobs, *, open_ones_too: bool) -> None:
        async with self._changing:
            await self._running().tune(knobs, open_ones_too=open_ones_too)
            self.knobs = knobs

    async def stop_async(self) -> None:
        if self._starts is not None:
            await self._starts.end(patience_s=self.knobs.close_timeout_s + 1)

    async def died(self) -> str:
        """Wait until the server's process ends unexpectedly, and return its last words. Restarts do not count."""
        return "it was not started" if self._starts is None else await self._starts.died()

    async def settle(self, connection_ids: Iterable[str], timeout_s: float = 1.0) -> None:
        """Wait, at most `timeout_s`, until the accounts of these connections are complete; a crash leaves them open."""
        if self._starts is not None:
            await self._starts.settle(connection_ids, timeout_s)

    def _tell(self, restart: Restart) -> Restart:
        """Record the latest step of a restart, call the listeners, and return it."""
        self._restarts[-1] = restart
        for listener in tuple(self.listeners):
            listener(restart)
        return restart

    def _running(self) -> Starts:
        if self._starts is None:
            not_started = "this server was not started; use it in a with statement, or call start()"
            raise LabServerError(NO_SERVER if replaying() else not_started)
        if self._starts.over:
            raise LabServerError("this server was stopped; make a new LabServer")
        return self._starts
