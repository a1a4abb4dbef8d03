"""Relay: stands between any client and any server, shows each frame that passes, and bends what it is told to."""

from __future__ import annotations

import secrets
import ssl
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Self

from wslab.core.arguments import check_seed, check_whole
from wslab.core.errors import BadValueError, RelayError
from wslab.core.relay.faults import Fault, fault_of
from wslab.core.relay.script import Command, Remove, TimedCommand
from wslab.core.routes import is_loopback
from wslab.core.runs import Run
from wslab.core.target import Target, as_target
from wslab.net import runtime
from wslab.net.listening import check_listener
from wslab.net.recording import OnRecord
from wslab.net.relay.addressing import check_relayed
from wslab.net.relay.entrance import Entrance
from wslab.net.relay.memory import RelayMemory
from wslab.net.relay.service import RelayService

MAX_FRAMES = 100_000
"""Records are kept of so many frames, unless told otherwise; later ones are counted and shown, but not kept."""


class Relay:
    """A relay to one server; a context manager. What it does not bend passes byte for byte.

    >>> from wslab import LabServer, send_message
    >>> with LabServer() as server, Relay(server.url) as relay:
    ...     sent = send_message(relay.url, "hello")
    ...     [(frame.sent_by, frame.opcode, frame.preview) for frame in relay.run().frames][:2]
    [('client', 'text', 'hello'), ('server', 'text', 'hello')]

    Args:
        target: the only place where connections lead: a ws:// or wss:// URL, or a `Target` with all that is needed to
            reach it. A client that asks for “/” gets the target's path; the target's headers, cookies and token
            replace those of the client's request.
        host, port: where it listens, as for `LabServer`.
        expose: allow other machines to connect. They then need a token, which is part of `url`.
        certificate, key: PEM files, to listen for wss://; None listens for ws://.
        origins: pages that may connect, as for `LabServer`.
        seed: for what the faults draw at random.
        max_frames: the number of frames to keep records of, 0 to 10 million.

    Attributes:
        listeners: called on the background loop with each record.
        warners: called on the background loop with each warning that the run will have.

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
        check_listener(host, port, origins, expose=expose)
        if self.target.address[1] == port and is_loopback(self.target.address[0]) and self.target.unix_socket is None:
            raise BadValueError(f"target is {self.target.shown_url}, the relay's own address; name a server")
        check_whole("max_frames", max_frames, low=0, high=10_000_000, unit="frames")
        check_seed(seed)
        self.host = host
        self.token = secrets.token_urlsafe(16) if not is_loopback(host) else None
        self._seed = seed
        self._tls = _listening_context(certificate, key)
        self._memory = RelayMemory(max_frames)
        entrance = Entrance(self.target, self.token, tuple(origins))
        self._service = RelayService(entrance, self._memory, host=host, port=port, tls=self._tls, seed=seed)
        self.listeners: list[OnRecord] = self._memory.listeners
        self.warners: list[Callable[[str], None]] = self._memory.warners

    def start(self) -> Self:
        """Listen, and return the relay."""
        runtime.run(self._service.start())
        return self

    def stop(self) -> None:
        """End all connections and give the port back. Stopping twice does nothing."""
        if self._service.is_started:
            runtime.run(self._service.stop())

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    # Faults

    def add(self, fault: str | Fault, **settings: Any) -> str:
        """Switch a fault on, for open connections and later ones; return its label, which `remove` takes.

        Args:
            fault: its name in `wslab.core.relay.faults`, such as "latency", with its settings; or a `Fault`.

        Raises:
            TypeError, ValueError: there is no such fault, or a setting is out of its bounds.
            RelayError: the relay does not run.
        """
        made = fault if isinstance(fault, Fault) else fault_of(fault, **settings)
        return runtime.run(self._service.add(made))

    def remove(self, label: str) -> None:
        """Switch off the fault with this label.

        Raises:
            ValueError: there is none. RelayError: the relay does not run.
        """
        self.obey(Remove(label))

    def clear(self) -> None:
        """Switch off all faults. Raises RelayError unless the relay runs."""
        self.obey(Remove(None))

    def obey(self, command: Command) -> None:
        """Carry out a command that `wslab.core.relay.script` read; raises as `add` and `remove` do."""
        runtime.run(self._service.obey(command))

    def play(self, steps: Iterable[TimedCommand]) -> None:
        """Begin a script, and return at once; its times count from now. A step that fails is a warning of the run."""
        runtime.run(self._service.play(steps))

    @property
    def faults(self) -> dict[str, Fault]:
        """The faults that are switched on, by label."""
        return dict(self._service.faults)

    # What it is and what it saw

    @property
    def port(self) -> int:
        """The TCP port. Raises RelayError unless the relay runs."""
        return self._service.port

    @property
    def url(self) -> str:
        """Where clients connect, with the token if one is needed. Raises RelayError unless the relay runs."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        query = "" if self.token is None else f"?token={self.token}"
        return f"{'wss' if self._tls else 'ws'}://{host}:{self.port}/{query}"

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return self._service.connections

    def run(self) -> Run:
        """Return what passed so far: frames, attempts, closures as the clients saw them, and switched faults."""
        parameters = {"host": self.host, "tls": self._tls is not None, **self.target.described()}
        return self._memory.run(self.target, seed=self._seed, parameters=parameters)

    def __repr__(self) -> str:
        return f"<Relay to {self.target.shown_url}>"


def _listening_context(certificate: Path | str | None, key: Path | str | None) -> ssl.SSLContext | None:
    if certificate is None:
        if key is not None:
            raise BadValueError(f"key is {str(key)!r}, but there is no certificate; give the certificate too")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key, password="")  # not to be asked for one
    except (OSError, ssl.SSLError) as error:
        raise RelayError(f"the certificate {str(certificate)!r} and its key cannot be read: {error}") from None
    return context
