"""Relay: stands between any client and any server, shows each frame that passes, and bends what it is told to."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import ssl
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from random import Random
from typing import Any, Self, TypeVar

import msgspec

from wslab.core.arguments import check_origins, check_seed, check_whole
from wslab.core.errors import BadValueError, RelayError
from wslab.core.records import Injection, Record
from wslab.core.relay.faults import Down, Fault, fault_of
from wslab.core.relay.script import Add, Command, TimedCommand
from wslab.core.routes import is_loopback
from wslab.core.runs import Run
from wslab.core.target import Target, as_target
from wslab.net import machine, reach, runtime
from wslab.net.heads import RequestHead
from wslab.net.origins import why_foreign
from wslab.net.recording import OnRecord
from wslab.net.relay.addressing import addressed, check_relayed
from wslab.net.relay.end import PassageEnd
from wslab.net.relay.memory import RelayMemory
from wslab.net.relay.passage import Passage
from wslab.net.relay.passed import Passed
from wslab.net.server.address import BACKLOG, Reservation, new_socket

T = TypeVar("T")

MAX_FRAMES = 100_000
"""Of which a relay keeps records, unless told otherwise; later ones are counted, shown, and not kept."""


class Relay:
    """A relay to one server; a context manager. What it does not bend passes byte for byte.

    >>> from wslab import LabServer, send_message
    >>> with LabServer() as server, Relay(server.url) as relay:
    ...     sent = send_message(relay.url, "hello")
    ...     [(frame.sent_by, frame.opcode, frame.preview) for frame in relay.run().frames][:2]
    [('client', 'text', 'hello'), ('server', 'text', 'hello')]

    Args:
        target: where connections lead, and nowhere else: a ws:// or wss:// URL, or a `Target` with all that is needed
            to reach it. Its path is asked for where a client asks for “/”; its headers, cookies and token replace those
            of the client's request.
        host, port: where it listens, as `LabServer`.
        expose: that other machines may reach it. They then need a token, which is in `url`.
        certificate, key: PEM files with which it listens for wss://; None listens for ws://.
        origins: whose pages may connect, as of `LabServer`.
        seed: of what the faults draw.
        max_frames: of which it keeps records, 0 to 10 million.

    Attributes:
        listeners: called on the background loop with each record.

    Raises:
        TypeError, ValueError: an argument is of the wrong kind or out of its bounds.
        LabServerError: the port is in use. RelayError: the certificate cannot be read.
    """

    def __init__(
        self,
        target: Target | str,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        expose: bool = False,
        certificate: Path | str | None = None,
        key: Path | str | None = None,
        origins: Sequence[str] = (),
        seed: int = 0,
        max_frames: int = MAX_FRAMES,
    ) -> None:
        self.target = as_target(target)
        check_relayed(self.target)
        check_whole("port", port, low=0, high=65_535, unit="(a TCP port)", hint="0 takes a free one")
        check_whole("max_frames", max_frames, low=0, high=10_000_000, unit="frames")
        check_seed(seed)
        if not expose and not is_loopback(host):
            raise BadValueError(
                f"host is {host!r}, which other machines can reach; use 127.0.0.1, or say expose=True if they may"
            )
        check_origins(origins)
        self.host = host
        self.origins = tuple(origins)
        self.token = secrets.token_urlsafe(16) if not is_loopback(host) else None
        self._wanted_port = port
        self._seed = seed
        self._tls = _listening_context(certificate, key) if certificate is not None else None
        self._reservation: Reservation | None = None
        self._server: asyncio.Server | None = None
        self._faults: dict[str, Fault] = {}
        self._passages: dict[Passage, set[str]] = {}
        self._clients = 0
        self._playing: set[asyncio.Task[None]] = set()
        self._memory = RelayMemory(max_frames)
        self.listeners: list[OnRecord] = self._memory.listeners

    # The blocking calls

    def start(self) -> Self:
        """Listen, and return the relay."""
        runtime.run(self.start_async())
        return self

    def stop(self) -> None:
        """End all connections and give the port back. Stopping twice does nothing."""
        if self._reservation is not None:
            runtime.run(self.stop_async())

    def add(self, fault: str | Fault, **settings: Any) -> str:
        """Switch a fault on, for connections that are open and for those to come; return its label for `remove`.

        Args:
            fault: its name in `wslab.core.relay.faults`, such as "latency", with its settings; or one that was made.

        Raises:
            TypeError, ValueError: there is no such fault, or a setting is out of its bounds.
            RelayError: the relay does not run.
        """
        made = fault if isinstance(fault, Fault) else fault_of(fault, **settings)
        return runtime.run(self._soon(lambda: self.switch_on(made)))

    def remove(self, label: str) -> None:
        """Switch off the fault of this label.

        Raises:
            ValueError: there is none. RelayError: the relay does not run.
        """
        runtime.run(self._soon(lambda: self.switch_off(label)))

    def clear(self) -> None:
        """Switch off all faults."""
        runtime.run(self._soon(self.switch_all_off))

    def obey(self, command: Command) -> None:
        """Do what was read by `wslab.core.relay.script`; errors as of `add` and `remove`."""
        runtime.run(self._soon(lambda: self._obey(command)))

    def play(self, steps: Iterable[TimedCommand]) -> None:
        """Begin a script, and return at once; its times count from now."""
        planned = tuple(steps)
        runtime.run(self._soon(lambda: self._begin(planned)))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    # What it is and what it saw

    @property
    def port(self) -> int:
        """The TCP port. Raises RelayError unless it runs."""
        return self._running().port

    @property
    def url(self) -> str:
        """Where clients connect; with the token, where one is needed. Raises RelayError unless it runs."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        query = "" if self.token is None else f"?token={self.token}"
        return f"{'wss' if self._tls else 'ws'}://{host}:{self.port}/{query}"

    @property
    def faults(self) -> dict[str, Fault]:
        """What is switched on, by label."""
        return dict(self._faults)

    @property
    def connections(self) -> int:
        """How many are open."""
        return len(self._passages)

    def run(self) -> Run:
        """Return what passed until now: frames, attempts, closures as the clients saw them, and faults switched."""
        parameters = {"host": self.host, "tls": self._tls is not None, **self.target.described()}
        return self._memory.run(self.target, seed=self._seed, parameters=parameters)

    def __repr__(self) -> str:
        return f"<Relay to {self.target.shown_url}>"

    # The work, on the background loop

    async def start_async(self) -> None:
        if self._reservation is not None:
            raise RelayError("this relay was started already; make a new one")
        machine.raise_open_files()  # each connection takes two
        self._context = self.target.trust.context() if self.target.secure else None
        self._reservation = Reservation(self.host, self._wanted_port)
        self._memory.begin()
        await self._listen()

    async def stop_async(self) -> None:
        for task in self._playing:
            task.cancel()
        self._hang_up()
        for passage in tuple(self._passages):
            passage.end(reset=False)
        deadline = time.monotonic() + 1
        while self._passages and time.monotonic() < deadline:
            await asyncio.sleep(0.005)
        for passage in tuple(self._passages):
            passage.end(reset=True)
        await asyncio.sleep(0)
        if self._reservation is not None:
            self._reservation.give_back()

    def switch_on(self, fault: Fault) -> str:
        """Do as `add`, on the background loop."""
        self._running()
        names = (fault.name, *(f"{fault.name}_{number}" for number in range(2, len(self._faults) + 3)))
        label = next(name for name in names if name not in self._faults)
        self._faults[label] = fault
        self._tell_of(label, fault, on=True)
        if isinstance(fault, Down):
            self._hang_up()
            for passage in tuple(self._passages):
                passage.end(reset=False)
        for passage in tuple(self._passages):
            self._befall(passage, label, fault)
        return label

    def switch_off(self, label: str) -> None:
        """Do as `remove`, on the background loop."""
        self._running()
        if label not in self._faults:
            raise BadValueError(f"no fault {label!r} is switched on; these are: {', '.join(self._faults) or 'none'}")
        fault = self._faults.pop(label)
        self._tell_of(label, fault, on=False)
        for passage, labels in self._passages.items():
            if label in labels:
                labels.discard(label)
                passage.release(label)
        if isinstance(fault, Down) and not self._is_down():
            self._playing.add(task := asyncio.create_task(self._listen()))
            task.add_done_callback(self._playing.discard)

    def switch_all_off(self) -> None:
        """Do as `clear`, on the background loop."""
        for label in tuple(self._faults):
            self.switch_off(label)

    # For its passages

    def now(self) -> float:
        return self._memory.now()

    def emit(self, record: Record) -> None:
        self._memory.emit(record)

    def note(self, passed: Passed) -> None:
        self._memory.note(passed)

    async def connect(self, end: PassageEnd) -> None:
        async with asyncio.timeout(self.target.open_timeout_s):
            sock = await reach.connect(self.target)
            name = self.target.server_name if self._context else None
            try:
                loop = asyncio.get_running_loop()
                await loop.create_connection(lambda: end, sock=sock, ssl=self._context, server_hostname=name)
            except BaseException:
                sock.close()
                raise

    def addressed(self, asked: bytes, client: int) -> bytes:
        """Return a client's request as the target is to have it."""
        return addressed(asked, self.target, client=client, port=self.port, token=self.token)

    def why_foreign(self, request: RequestHead) -> str | None:
        """Return why a request comes from a page that may not use this relay; None where a token says that it may."""
        if self.token is not None:
            return None
        return why_foreign(request.fields, origins=self.origins, host=self.target.address[0])

    def faults_of(self, passage: Passage) -> dict[str, Fault]:
        return {label: self._faults[label] for label in self._passages.get(passage, ()) if label in self._faults}

    def ended(self, passage: Passage) -> None:
        self._passages.pop(passage, None)

    # How

    def _accept(self) -> PassageEnd:
        passage = Passage(self, self._clients, Random(f"{self._seed}/{self._clients}"))
        self._clients += 1
        self._passages[passage] = set()
        for label, fault in self._faults.items():
            self._draw(passage, label, fault)
        return passage.front

    def _draw(self, passage: Passage, label: str, fault: Fault) -> bool:
        befalls = passage.rng.random() < fault.toxicity
        if befalls:
            self._passages[passage].add(label)
        return befalls

    def _befall(self, passage: Passage, label: str, fault: Fault) -> None:
        if self._draw(passage, label, fault) and passage.is_connected:
            passage.apply(label, fault)

    async def _listen(self) -> None:
        reservation = self._running()
        listener = new_socket(self.host)
        try:
            reservation.listen(listener)
            self._server = await asyncio.get_running_loop().create_server(
                self._accept, sock=listener, ssl=self._tls, backlog=BACKLOG
            )
        except BaseException:
            listener.close()
            raise

    def _hang_up(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    def _is_down(self) -> bool:
        return any(isinstance(fault, Down) for fault in self._faults.values())

    def _tell_of(self, label: str, fault: Fault, *, on: bool) -> None:
        settings = msgspec.to_builtins(fault)
        settings.pop("fault", None)
        self.emit(Injection(at_s=self.now(), label=label, fault=fault.name, on=on, settings=settings))

    def _obey(self, command: Command) -> None:
        if isinstance(command, Add):
            self.switch_on(command.fault)
        elif command.label is None:
            self.switch_all_off()
        else:
            self.switch_off(command.label)

    def _begin(self, steps: tuple[TimedCommand, ...]) -> None:
        self._running()
        self._playing.add(task := asyncio.create_task(self._play(steps)))
        task.add_done_callback(self._playing.discard)

    async def _play(self, steps: tuple[TimedCommand, ...]) -> None:
        began_at_s = self.now()
        for step in steps:
            await asyncio.sleep(began_at_s + step.at_s - self.now())
            with contextlib.suppress(BadValueError):  # to remove what somebody has removed already
                self._obey(step.command)

    async def _soon(self, do: Callable[[], T]) -> T:
        return do()

    def _running(self) -> Reservation:
        if self._reservation is None or self._reservation.given_back:
            raise RelayError("this relay does not run; use it in a with statement, or call start()")
        return self._reservation


def _listening_context(certificate: Path | str, key: Path | str | None) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise RelayError(f"the certificate {str(certificate)!r} and its key cannot be read: {error}") from None
    return context
