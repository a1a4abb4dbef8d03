"""One restart of somebody's server, and what its clients saw of it: idle ones and busy ones, before, while and after.

The moment before is the control: a connection that ends while nobody restarts anything makes the restart's own closures
uncertain, and that is said.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random
from typing import NamedTuple

from wslab.core.errors import BadValueError, in_words
from wslab.core.policies.policy import Backoff, Policy
from wslab.core.records import Attempt, Closure, Outage, Record, Send
from wslab.core.target import Target
from wslab.net.client.client import Client
from wslab.net.client.reconnect import come_back, stay_connected
from wslab.net.recording import Recorder

IDLE, BUSY = 4, 2
"""Clients of each kind."""

BEFORE_S = 1.0
"""How long they are watched before the restart."""

PARTING_S = 0.7
"""How long the closing handshakes may take at the end."""


@dataclass(frozen=True)
class Restarter:
    """How to bring a restart about, and how long to wait for its end.

    Args:
        command: for a shell. do: a function. pid, signal_name: a process to signal, which its watcher starts again.
        return_within_s: how long the server may take to admit everybody again.
    """

    command: str | None = None
    pid: int | None = None
    signal_name: str = "TERM"
    do: Callable[[], object] | None = None
    return_within_s: float = 30.0

    def __post_init__(self) -> None:
        ways = [way for way in (self.command, self.pid, self.do) if way is not None]
        if len(ways) != 1:
            raise BadValueError("a restart needs one way to bring it about: a command, a pid, or a function")
        if self.pid is not None:
            if not hasattr(signal, f"SIG{self.signal_name}"):
                raise BadValueError(f"signal is {self.signal_name!r}, but must be one of this system's, such as TERM")
            try:
                os.kill(self.pid, 0)
            except OSError as error:
                raise BadValueError(f"pid is {self.pid}, but {in_words(error, named=False)}") from None

    async def restart(self) -> str | None:
        """Do it; return what went wrong, if something did."""
        try:
            if self.pid is not None:
                os.kill(self.pid, getattr(signal, f"SIG{self.signal_name}"))
            elif self.do is not None:
                await asyncio.to_thread(self.do)
            else:
                return await self._run()
        except Exception as error:  # whatever the way to restart raises
            return in_words(error)
        return None

    async def _run(self) -> str | None:
        assert self.command is not None
        process = await asyncio.create_subprocess_shell(
            self.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(self.return_within_s):
                _, said = await process.communicate()
        except TimeoutError:
            return f"the command did not end within {self.return_within_s:g} s"
        finally:
            if process.returncode is None:  # also where the check's budget is spent, or somebody interrupts it
                process.kill()
                await process.wait()
        if process.returncode == 0:
            return None
        words = said.decode(errors="replace").strip().splitlines()
        return f"the command ended with exit code {process.returncode}" + (f": {words[-1]}" if words else "")


class Restarted(NamedTuple):
    """What was seen of one restart: its moment, the records, which clients were busy, and what went wrong."""

    at_s: float
    records: tuple[Record, ...]
    busy: frozenset[int]
    problem: str | None
    ended_at_s: float

    def closures(self, *, busy: bool | None = None) -> list[Closure]:
        """Return how connections ended from the restart on, at a server's or a network's doing."""
        found = [record for record in self.records if isinstance(record, Closure) and record.closed_by != "client"]
        ended = [closure for closure in found if closure.close_started_at_s >= self.at_s]
        return [closure for closure in ended if busy is None or (closure.client in self.busy) is busy]

    @property
    def early(self) -> list[Closure]:
        """Connections that ended before anybody restarted anything."""
        found = [record for record in self.records if isinstance(record, Closure) and record.closed_by != "client"]
        return [closure for closure in found if closure.close_started_at_s < self.at_s]

    @property
    def attempts(self) -> list[Attempt]:
        found = [record for record in self.records if isinstance(record, Attempt)]
        return [attempt for attempt in found if attempt.outage and attempt.started_at_s >= self.at_s]

    @property
    def returned(self) -> list[Outage]:
        return [record for record in self.records if isinstance(record, Outage) and record.reopened_at_s is not None]

    @property
    def sends(self) -> list[Send]:
        return [record for record in self.records if isinstance(record, Send)]


async def restart_under_clients(target: Target, restarter: Restarter) -> Restarted:
    """Connect clients, have the server restarted, and wait until they are back, or for as long as that may take."""
    recorder = Recorder()
    clients = [Client(target, recorder, client=number) for number in range(IDLE + BUSY)]
    staying = [asyncio.create_task(_stay(client) if client.client < IDLE else _talk(client)) for client in clients]
    try:
        await _until(lambda: all(client.is_open for client in clients), target.open_timeout_s)
        for client in clients:  # whose attempts are not to wait out a server that says nothing
            client.target = target.replace(open_timeout_s=_patience_s(recorder, target))
        await asyncio.sleep(BEFORE_S)
        at_s = recorder.now()
        problem = await restarter.restart()
        due_s = restarter.return_within_s - (recorder.now() - at_s)
        await _until(lambda: _are_back(recorder, len(clients)), max(0.5, due_s))
        return Restarted(at_s, tuple(recorder.records), frozenset(range(IDLE, IDLE + BUSY)), problem, recorder.now())
    finally:
        for task in staying:
            task.cancel()
        await asyncio.gather(*staying, return_exceptions=True)
        await asyncio.gather(*(client.part(PARTING_S) for client in clients), return_exceptions=True)


def _patience_s(recorder: Recorder, target: Target) -> float:
    """Return how long an attempt to come back may take, by how long the first ones took."""
    took_s = [record.ended_at_s - record.started_at_s for record in recorder.records if isinstance(record, Attempt)]
    return min(target.open_timeout_s, max(1.0, 5 * max(took_s, default=0.0)))


def _are_back(recorder: Recorder, clients: int) -> bool:
    returned = {record.client for record in recorder.records if isinstance(record, Outage) and record.reopened_at_s}
    return len(returned) == clients


async def _until(is_so: Callable[[], bool], timeout_s: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            while not is_so():
                await asyncio.sleep(0.02)


def _soon(rng: Random) -> Iterator[float]:
    while True:
        yield rng.uniform(0.1, 0.3)


_POLICY = Policy("soon, after any code", _soon, retries=lambda code: True)


async def _stay(client: Client) -> None:
    await stay_connected(client, _POLICY, Random(client.client))


async def _talk(client: Client) -> None:
    """Send one message after the other until the connection ends, and come back."""
    messages = client.target.messages
    payload = "wslab" if messages is None else messages.make(messages.min_bytes)
    await client.open()
    while client.is_open:
        send = await client.send_message(payload, timeout_s=1.0)
        if send.outcome == "timeout":  # a server that does not answer is asked for a pong instead
            await client.send_message(payload, confirm="ping", timeout_s=5.0)
        await asyncio.sleep(0.01)
    if client.connection is not None:
        await come_back(client, Backoff(_POLICY, Random(client.client)), await client.closed(), 1)
