"""The starts of a lab server: one process after another at the same address, and what they say of their connections."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Iterable

from wslab.core.knobs import Knobs
from wslab.core.records import Account, RestartKind
from wslab.net.server.address import Reservation
from wslab.net.server.process import ServerProcess

GOING_AWAY = 1001


class Starts:
    """All starts of one server, on the background loop.

    Args:
        host, port, name, origins: as of `LabServer`.

    Attributes:
        accounts: by connection id, as they are told.

    Raises:
        LabServerError: the port cannot be bound.
    """

    def __init__(self, host: str, port: int, name: str, origins: tuple[str, ...]) -> None:
        self.accounts: dict[str, Account] = {}
        self._host = host
        self._name = name
        self._origins = origins
        self._reservation = Reservation(host, port)
        self._processes: list[ServerProcess] = []
        self._served: list[ServerProcess] = []  # one for each start

    @property
    def port(self) -> int:
        return self._reservation.port

    @property
    def over(self) -> bool:
        """Whether the port was given back."""
        return self._reservation.given_back

    async def prepare(self) -> ServerProcess:
        """Start a process that can serve at once when it is told to."""
        process = await ServerProcess.prepare(self._host, self.port, self._note)
        self._processes = [*(old for old in self._processes if old.alive), process]
        return process

    async def take_down(self, process: ServerProcess, kind: RestartKind, knobs: Knobs) -> float:
        """Return when the listener was gone."""
        if kind == "crash":
            process.kill()
            await process.ended()
            return time.monotonic()
        code, reason = knobs.restart_code, knobs.restart_reason
        process.leave("restart", code, reason, drain_s=knobs.drain_s, drain_batch=knobs.drain_batch)
        return await process.down()

    async def bring_up(
        self, process: ServerProcess, knobs: Knobs, *, at: float, hurry: asyncio.Event | None = None
    ) -> float | None:
        """Have `process` listen at that time, and stand in until then where the knobs say so; return when it did.

        It does so earlier where `hurry` is set. At an infinite time it never does, and this returns None at once.
        """
        standing_in = at > time.monotonic() and knobs.while_down != "refuse"
        if standing_in:
            self._listen(process, knobs, standing_in=True)
        if at == math.inf:
            return None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for((hurry or asyncio.Event()).wait(), max(0.0, at - time.monotonic()))
        return await process.open() if standing_in else self._listen(process, knobs, standing_in=False)

    async def end(self, serving: ServerProcess | None, *, patience_s: float) -> None:
        """Have the one that serves close its connections, end all processes, and give the port back."""
        if serving is not None and serving.alive:
            serving.leave("stop", GOING_AWAY, "server stopped")
        for process in self._processes:
            if process is not serving:
                process.kill()
        await asyncio.gather(*(process.retire(patience_s) for process in self._processes))
        self._processes.clear()
        self._reservation.give_back()

    async def settle(self, connection_ids: Iterable[str], timeout_s: float) -> None:
        """Wait, at most `timeout_s`, until the accounts of these connections are complete; a crash leaves them open."""
        waiting = set(connection_ids)
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline and (waiting := {key for key in waiting if self._may_still_close(key)}):
            await asyncio.sleep(0.002)

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
