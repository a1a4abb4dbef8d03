"""LabServer: start, tune, restart and stop a WebSocket server in a child process.

A restart is a real one: a real close frame, a real refused connection while it is down, a real SIGKILL for a crash;
and the measured client does not share an interpreter lock with what it measures. The successor's interpreter is
started before its predecessor is stopped, so that the downtime is the knob's and not Python's start-up time.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Any, Self

from msgspec.structs import replace

from wslab.core.arguments import check_choice, check_number, check_origins, check_whole
from wslab.core.errors import BadValueError, LabServerError
from wslab.core.knobs import Knobs, changed
from wslab.core.records import Account, Restart, RestartKind
from wslab.core.routes import is_loopback
from wslab.net import runtime
from wslab.net.replay import NO_SERVER, NOWHERE, replaying
from wslab.net.server.process import ServerProcess
from wslab.net.server.starts import Starts

KINDS: tuple[RestartKind, ...] = ("graceful", "crash", "reload")

SUCCESSION_S = 0.05
"""How often it is looked whether a process that was told to leave has its successor."""


class LabServer:
    """A WebSocket server on this machine, under `Knobs`; a context manager, sync and async.

    >>> with LabServer(max_message_bytes=65_536) as server:
    ...     server.url.startswith("ws://127.0.0.1:")
    True

    Args:
        knobs: how it behaves; further keyword arguments replace single knobs.
        host: the address to listen on. Anything but loopback needs `expose=True`, since all who reach it may use it.
        port: 0 takes a free one. It stays the server's own until `stop`, through every restart.
        name: with which it begins every `connection_id`; several servers in one run need different ones.
        origins: whose pages may connect, beside those that come from this machine itself (http or https, localhost or
            loopback, any port): each as `location.origin` says it in the page, such as "https://hub.example.org". Any
            site's page can reach loopback, hence no wildcard. Programs send no Origin and are let in.

    Attributes:
        listeners: called on the background loop with each restart as far as it has come: requested, down, up.

    Raises:
        TypeError, ValueError: a knob, the host or the port is out of its bounds.
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
        check_whole("port", port, low=0, high=65_535, unit="(a TCP port)", hint="0 takes a free one")
        if not expose and not is_loopback(host):
            raise BadValueError(
                f"host is {host!r}, which other machines can reach; use 127.0.0.1, or say expose=True if they may"
            )
        check_origins(origins)
        self.host = host
        self.name = name
        self.origins = tuple(origins)
        self._wanted_port = port
        self._starts: Starts | None = None
        self._process: ServerProcess | None = None
        self._restarts: list[Restart] = []
        self.listeners: list[Callable[[Restart], None]] = []
        self._changing = asyncio.Lock()

    # The blocking calls; each has an async variant of the same name with `_async`.

    def start(self) -> Self:
        """Start the server and return it once it listens. In a replay nothing is started (see `wslab.net.replay`)."""
        if not replaying():
            runtime.run(self.start_async())
        return self

    def restart(self, kind: RestartKind = "graceful", *, downtime_s: float | None = None, **changes: Any) -> Restart:
        """Restart on the same port, and return what was done once it listens again, if it is to come back at all.

        Args:
            kind: "graceful" closes every connection with `knobs.restart_code`, goes down, and comes up; "crash" kills
                the process; "reload" is graceful and comes up with the changed knobs.
            downtime_s: for this restart; None takes the knob's.
            changes: knobs that the server has from then on ("reload" only).

        Raises:
            ValueError: unknown kind or knob, or changes with another kind than "reload".
            LabServerError: the server was not started, was stopped, or did not come up again.
        """
        return runtime.run(self.restart_async(kind, downtime_s=downtime_s, **changes))

    def tune(self, *, open_ones_too: bool = False, **changes: Any) -> None:
        """Change knobs without a restart, for connections opened from now on.

        Args:
            open_ones_too: apply limits and replies to the open connections as well.

        Raises:
            ValueError: unknown knob or out of bounds.
            LabServerError: the server does not run.
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

    async def __aexit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._starts is not None:
            await runtime.hand_over(self.stop_async())

    # What it is and what it saw

    @property
    def port(self) -> int:
        """The TCP port, the same through every restart."""
        self._check_running()
        assert self._starts is not None
        return self._starts.port

    @property
    def url(self) -> str:
        """Where clients connect: nowhere in a replay. Raises LabServerError unless the server runs."""
        if replaying():
            return NOWHERE
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ws://{host}:{self.port}/"

    @property
    def pid(self) -> int:
        """The process id of the child that serves now."""
        self._check_running()
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process that serves now is there; False before the start and after the stop."""
        return self._process is not None and self._process.alive

    @property
    def accounts(self) -> tuple[Account, ...]:
        """The server's own account of each connection so far; times on the machine's monotonic clock."""
        return () if self._starts is None else tuple(self._starts.accounts.values())

    @property
    def restarts(self) -> tuple[Restart, ...]:
        """What was restarted, how and when; times on the machine's monotonic clock."""
        return tuple(self._restarts)

    def __repr__(self) -> str:
        return f"<LabServer {self.url}>" if self._process else "<LabServer, not running>"

    # The work, on the background loop

    async def start_async(self) -> None:
        if self._starts is not None:
            self._check_running()
            raise LabServerError("this server was started already")
        self._starts = Starts(self.host, self._wanted_port, self.name, self.origins)
        try:
            self._process = await self._starts.prepare()
            await self._starts.bring_up(self._process, self.knobs, at=0.0)
        except BaseException:
            await self.stop_async()
            raise

    async def restart_async(
        self, kind: RestartKind = "graceful", *, downtime_s: float | None = None, **changes: Any
    ) -> Restart:
        check_choice("kind", kind, KINDS)
        check_number("downtime_s", downtime_s, low=0, high=600, unit="seconds", optional=True)
        if changes and kind != "reload":
            raise BadValueError(f"a {kind} restart keeps its knobs; to change {', '.join(changes)}, use kind='reload'")
        knobs = changed(self.knobs, changes)
        self._check_running()
        hurry = asyncio.Event()
        restarting = self._restart(kind, knobs if changes else None, downtime_s, hurry)
        return await runtime.to_the_end(restarting, on_cancel=hurry.set)

    async def _restart(
        self, kind: RestartKind, knobs_after: Knobs | None, downtime_s: float | None, hurry: asyncio.Event
    ) -> Restart:
        """Restart, and come up as soon as `hurry` is set, so that an interrupted caller still has a server."""
        knobs = knobs_after or self.knobs
        async with self._changing:
            assert self._starts is not None
            assert self._process is not None
            successor = await self._starts.prepare()
            began = Restart(
                number=len(self._restarts) + 1,
                kind=kind,
                requested_at_s=time.monotonic(),
                down_at_s=None,
                up_at_s=None,
                knobs_after=knobs_after,
            )
            self._restarts.append(began)  # so that an interrupted restart is on record too
            self._tell(began)
            down_at = await self._starts.take_down(self._process, kind, self.knobs)
            self._tell(replace(began, down_at_s=down_at))
            self.knobs, self._process = knobs, successor
            wanted_s = knobs.downtime_s if downtime_s is None else downtime_s
            at = down_at + wanted_s if knobs.comes_back else math.inf
            up_at = await self._starts.bring_up(successor, knobs, at=at, hurry=hurry)
            self._tell(replace(began, down_at_s=down_at, up_at_s=up_at))
            return self._restarts[-1]

    async def tune_async(self, *, open_ones_too: bool = False, **changes: Any) -> None:
        knobs = changed(self.knobs, changes)
        self._check_running()
        await runtime.to_the_end(self._tune(knobs, open_ones_too=open_ones_too))

    async def _tune(self, knobs: Knobs, *, open_ones_too: bool) -> None:
        async with self._changing:
            assert self._process is not None
            await self._process.tune(knobs, open_ones_too=open_ones_too)
            self.knobs = knobs

    async def stop_async(self) -> None:
        if self._starts is not None:
            await self._starts.end(self._process, patience_s=self.knobs.close_timeout_s + 1)
            self._process = None

    async def died(self) -> str:
        """Wait until the serving process ends by itself or by somebody else's hand, and return its last words.

        Restarts do not count.
        """
        while (process := self._process) is not None:
            await asyncio.shield(process.ended())
            if not process.dismissed:
                return process.farewell()
            while self._process is process:  # until the restart under way has put another in its place
                await asyncio.sleep(SUCCESSION_S)
        return "it was stopped"

    async def settle(self, connection_ids: Iterable[str], timeout_s: float = 1.0) -> None:
        """Wait, at most `timeout_s`, until the accounts of these connections are complete; a crash leaves them open."""
        if self._starts is not None:
            await self._starts.settle(connection_ids, timeout_s)

    def _tell(self, restart: Restart) -> None:
        """Put the latest restart, as far as it has come, on record, and tell it."""
        self._restarts[-1] = restart
        for listener in tuple(self.listeners):
            listener(restart)

    def _check_running(self) -> None:
        if self._starts is None:
            not_started = "this server was not started; use it in a with statement, or call start()"
            raise LabServerError(NO_SERVER if replaying() else not_started)
        if self._process is None and self._starts.over:
            raise LabServerError("this server was stopped; make a new LabServer")
