"""The starts of a lab server: one process after another at the same address, and their accounts of connections."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Iterable

from wslab.core.knobs import Knobs
from wslab.core.records import Account, RestartKind
from wslab.net.listening import Reservation
from wslab.net.server.process import ServerProcess

GOING_AWAY = 1001

SUCCESSION_S = 0.05
"""How often `died` checks whether a dismissed process has been replaced."""


class Starts:
    """All starts of one server, on the background loop.

    Args:
        host, port, name, origins: as in `LabServer`.

    Attributes:
        accounts: by connection id, as reported so far.
        serving: the current process; None before the first and after the end.

    Raises:
        LabServerError: the port cannot be bound.
    """

    def __init__(self, host: str, port: int, name: str, origins: tuple[str, ...]) -> None:
        self.accounts: dict[str, Account] = {}
        self.serving: ServerProcess | None = None
        self._host = host
        self._name = name
        self._origins = origins
        self._reservation = Reservation(host, port)
        self._processes: list[ServerProcess] = []
        self._served: list[ServerProcess] = []  # one per start

    @property
    def port(self) -> int:
        return self._reservation.port

    @property
    def pid(self) -> int:
        """The process id of the serving process."""
        return self._process().pid

    @property
    def alive(self) -> bool:
        """Whether there is a serving process, and it is running."""
        return self.serving is not None and self.serving.alive

    @property
    def over(self) -> bool:
        """Whether the port was given back."""
        return self._reservation.given_back

    async def prepare(self) -> ServerProcess:
        """Start a process that is ready to serve on command."""
        process = await ServerProcess.prepare(self._host, self.port, self._note)
        self._processes = [*(old for old in self._processes if old.alive), process]
        return process

    async def take_down(self, kind: RestartKind, knobs: Knobs) -> float:
        """Make the serving process leave, or kill it, and return the time at which its listener was closed."""
        process = self._process()
        if kind == "crash":
            process.kill()
            await process.ended()
            return time.monotonic()
        code, reason = knobs.restart_code, knobs.restart_reason
        process.leave("restart", code, reason, drain_s=knobs.drain_s, drain_batch=knobs.drain_batch)
        return await process.down()

    async def bring_up(
        self, process: ServerProcess, knobs: Knobs, *, at: float = 0.0, hurry: asyncio.Event | None = None
    ) -> float | None:
        """Make `process` serve from the time `at`, and stand in until then if the knobs say so; return the actual time.

        Setting `hurry` makes it listen at once. If `at` is infinite it never does, and this returns None.
        """
        self.serving = process
        standing_in = at > time.monotonic() and knobs.while_down != "refuse"
        if standing_in:
            self._listen(process, knobs, standing_in=True)
        if at == math.inf:
            return None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for((hurry or asyncio.Event()).wait(), max(0.0, at - time.monotonic()))
        return await process.open() if standing_in else self._listen(process, knobs, standing_in=False)

    async def tune(self, knobs: Knobs, *, open_ones_too: bool) -> None:
        """Make the serving process obey new knobs."""
        await self._process().tune(knobs, open_ones_too=open_ones_too)

    async def end(self, *, patience_s: float) -> None:
        """Make the serving process close its connections, end all processes, and give the port back."""
        if self.alive:
            self._process().leave("stop", GOING_AWAY, "server stopped")
        for process in self._processes:
            if process is not self.serving:
                process.kill()
        await asyncio.gather(*(process.retire(patience_s) for process in self._processes))
        self._processes.clear()
        self.serving = None
        self._reservation.give_back()

    async def died(self) -> str:
        """Wait until the serving process ends unexpectedly, and return its last words."""
        while (process := self.serving) is not None:
            await asyncio.shield(process.ended())
            if not process.dismissed:
                return process.farewell()
            while self.serving is process:  # until the restart under way has replaced it
                await asyncio.sleep(SUCCESSION_S)
        return "it was stopped"

    async def settle(self, connection_ids: Iterable[str], timeout_s: float) -> None:
        """Wait, at most `timeout_s`, until the accounts of these connections are complete; a crash leaves them open."""
        waiting = set(connection_ids)
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and (waiting := {key for key in waiting if self._may_still_close(key)}):
            await asyncio.sleep(0.002)

    def _process(self) -> ServerProcess:
        assert self.serving is not None, "called only between the start and the stop"
        return self.serving

    def _may_still_close(self, connection_id: str) -> bool:
        account = self.accounts.get(connection_id)
        return account is None or (account.closed_at_s is None and self._served[account.start - 1].alive)

    def _listen(self, process: ServerProcess, knobs: Knobs, *, standing_in: bool) -> float:
        self._served.append(process)
        return process.listen(
            self._reservation,
            knobs,
            start=len(self._served),
            name=self._name,
            origins=self._origins,
            standing_in=standing_in,
        )

    def _note(self, account: Account) -> None:
        self.accounts[account.connection_id] = account
