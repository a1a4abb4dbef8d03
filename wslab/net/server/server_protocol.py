"""The commands and events of a lab server's process (see `wslab.net.control`)."""

from __future__ import annotations

from wslab.core.errors import LabServerError
from wslab.core.knobs import Knobs
from wslab.core.records import Account
from wslab.net.control import Message, Program


class Listen(Message, frozen=True, kw_only=True, tag="listen"):
    """Command: accept connections on the listening socket `descriptor`, which the process inherited.

    Fields:
        name, start: the beginning of each connection's id.
        standing_in: answer as `knobs.while_down` says until `Open` comes.
        origins: pages that may connect, besides those of this machine.
    """

    descriptor: int
    name: str
    start: int
    knobs: Knobs
    standing_in: bool
    origins: tuple[str, ...] = ()


class Open(Message, frozen=True, kw_only=True, tag="open"):
    """Command: the downtime is over; admit clients from now on."""


class Tune(Message, frozen=True, kw_only=True, tag="tune"):
    """Command: new knobs for connections opened from now on, and with `open_ones_too` for the open ones."""

    knobs: Knobs
    open_ones_too: bool


class Leave(Message, frozen=True, kw_only=True, tag="leave"):
    """Command: close the listener, then every connection with this code within `drain_s`, then exit.

    `because` is for their accounts.
    """

    because: str
    code: int
    reason: str
    drain_s: float
    drain_batch: int | None


class ListenerOpened(Message, frozen=True, kw_only=True, tag="opened"):
    """Event: `Open` was carried out."""

    at_s: float


class Tuned(Message, frozen=True, kw_only=True, tag="tuned"):
    """Event: `Tune` was carried out."""


class ListenerClosed(Message, frozen=True, kw_only=True, tag="down"):
    """Event: the listener is closed; the connections are being closed."""

    at_s: float


class Accounted(Message, frozen=True, kw_only=True, tag="accounted"):
    """Event: the account of a connection, sent when it opens and again when it has closed; times are absolute."""

    account: Account


Command = Listen | Open | Tune | Leave

SERVING = Program("wslab.net.server.serving", ListenerOpened | Tuned | ListenerClosed | Accounted, LabServerError)
