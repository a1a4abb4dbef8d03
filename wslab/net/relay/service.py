"""A relay's work on the background loop: it listens, connects, switches faults on and off, and plays scripts."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Coroutine, Iterable
from random import Random
from typing import Any

import msgspec

from wslab.core.errors import BadValueError, RelayError, in_words
from wslab.core.findings.deeds import STOPPED
from wslab.core.records import Injection
from wslab.core.relay.faults import Down, Fault
from wslab.core.relay.script import Add, Command, TimedCommand
from wslab.net import machine, reach
from wslab.net.listening import Reservation, new_socket
from wslab.net.relay.end import PassageEnd
from wslab.net.relay.entrance import Entrance
from wslab.net.relay.memory import RelayMemory
from wslab.net.relay.passage import Passage

OUT_OF_FILES_S = 0.1
"""How long no connection is accepted after one that could not be."""


class RelayService:
    """A relay at work; all of it is called on the background loop.

    Args:
        tls: with which it listens; None listens for ws://.
        seed: of what the faults draw.

    Attributes:
        faults: switched on, by label.
    """

    def __init__(
        self, entrance: Entrance, memory: RelayMemory, *, host: str, port: int, tls: ssl.SSLContext | None, seed: int
    ) -> None:
        self.entrance, self.memory = entrance, memory
        self.faults: dict[str, Fault] = {}
        self._host, self._wanted_port, self._tls, self._seed = host, port, tls, seed
        self._reservation: Reservation | None = None
        self._accepting: asyncio.Task[None] | None = None
        self._passages: set[Passage] = set()
        self._clients = 0
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        return self._running().port

    @property
    def is_started(self) -> bool:
        return self._reservation is not None

    @property
    def connections(self) -> int:
        return len(self._passages)

    async def start(self) -> None:
        if self._reservation is not None:
            raise RelayError("this relay was started already; make a new one")
        machine.raise_open_files()  # each connection takes two
        target = self.entrance.target
        self._context = target.trust.context() if target.secure else None
        self._reservation = Reservation(self._host, self._wanted_port)
        self.memory.begin()
        self._listen()

    async def stop(self) -> None:
        self._hang_up()
        await asyncio.sleep(0)  # in which the listener closes, and what it accepted last begins
        self._end_all(STOPPED)
        for task in self._tasks:
            task.cancel()
        deadline = time.monotonic() + 1
        while self._passages and time.monotonic() < deadline:
            await asyncio.sleep(0.005)
        self._end_all(STOPPED, reset=True)
        await asyncio.sleep(0)
        if self._reservation is not None:
            self._reservation.give_back()

    # Faults

    async def add(self, fault: Fault) -> str:
        label = self._add(fault)
        await asyncio.sleep(0)  # in which a listener closes
        return label

    async def obey(self, command: Command) -> None:
        self._obey(command)
        await asyncio.sleep(0)

    async def play(self, steps: Iterable[TimedCommand]) -> None:
        """Begin a script."""
        self._running()
        self._keep(self._play(tuple(steps)))

    def _add(self, fault: Fault) -> str:
        self._running()
        names = (fault.name, *(f"{fault.name}_{number}" for number in range(2, len(self.faults) + 3)))
        label = next(name for name in names if name not in self.faults)
        self.faults[label] = fault
        self._tell_of(label, fault, on=True)
        if isinstance(fault, Down):
            self._hang_up()
            self._end_all(f"the relay's fault {label} ended it")
        for passage in tuple(self._passages):
            passage.draw(label, fault)
        return label

    def _obey(self, command: Command) -> None:
        self._running()
        if isinstance(command, Add):
            self._add(command.fault)
            return
        for label in tuple(self.faults) if command.label is None else (command.label,):
            self._remove(label)

    def _remove(self, label: str) -> None:
        if label not in self.faults:
            raise BadValueError(f"no fault {label!r} is switched on; these are: {', '.join(self.faults) or 'none'}")
        fault = self.faults.pop(label)
        self._tell_of(label, fault, on=False)
        for passage in self._passages:
            passage.release(label)
        if isinstance(fault, Down) and not any(isinstance(other, Down) for other in self.faults.values()):
            self._listen()

    async def _play(self, steps: tuple[TimedCommand, ...]) -> None:
        began_at_s = self.memory.now()
        for step in steps:
            await asyncio.sleep(began_at_s + step.at_s - self.memory.now())
            try:
                self._obey(step.command)
            except BadValueError as error:
                self.memory.warn(f"the script's step at {step.at_s:g} s did nothing: {error}")

    def _tell_of(self, label: str, fault: Fault, *, on: bool) -> None:
        settings = msgspec.to_builtins(fault)
        settings.pop("fault", None)
        self.memory.emit(Injection(at_s=self.memory.now(), label=label, fault=fault.name, on=on, settings=settings))

    # Connections

    async def connect(self, end: PassageEnd) -> None:
        """Connect this end to the target."""
        target = self.entrance.target
        async with asyncio.timeout(target.open_timeout_s):
            sock = await reach.connect(target)
            name = target.server_name if self._context else None
            try:
                loop = asyncio.get_running_loop()
                await loop.create_connection(lambda: end, sock=sock, ssl=self._context, server_hostname=name)
            except BaseException:
                sock.close()
                raise

    def ended(self, passage: Passage) -> None:
        self._passages.discard(passage)

    def _listen(self) -> None:
        listener = new_socket(self._host)
        try:
            self._running().listen(listener)
        except BaseException:
            listener.close()
            raise
        listener.setblocking(False)
        self._accepting = asyncio.create_task(self._accept(listener))

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        with listener:
            while True:
                try:
                    sock, _ = await loop.sock_accept(listener)
                except OSError as error:  # no more files, or a client that was gone at once
                    self.memory.warn(f"a connection could not be accepted: {in_words(error)}")
                    await asyncio.sleep(OUT_OF_FILES_S)
                else:
                    self._keep(self._begin(sock))

    async def _begin(self, sock: socket.socket) -> None:
        passage = Passage(self, self._clients, Random(f"{self._seed}/{self._clients}"))
        self._clients += 1
        self._passages.add(passage)
        for label, fault in self.faults.items():
            passage.draw(label, fault)
        loop = asyncio.get_running_loop()
        try:
            await loop.connect_accepted_socket(lambda: passage.front, sock, ssl=self._tls)
        except asyncio.CancelledError:
            sock.close()
            passage.abandon()
        except OSError as error:
            sock.close()
            passage.abandon(f"its TLS handshake failed: {in_words(error)}" if self._tls else in_words(error))

    def _end_all(self, why: str, *, reset: bool = False) -> None:
        for passage in tuple(self._passages):
            passage.end(why, reset=reset)

    def _hang_up(self) -> None:
        if self._accepting is not None:
            self._accepting.cancel()
            self._accepting = None

    def _keep(self, coroutine: Coroutine[Any, Any, None]) -> None:
        self._tasks.add(task := asyncio.create_task(coroutine))
        task.add_done_callback(self._tasks.discard)

    def _running(self) -> Reservation:
        if self._reservation is None or self._reservation.given_back:
            raise RelayError("this relay does not run; use it in a with statement, or call start()")
        return self._reservation
