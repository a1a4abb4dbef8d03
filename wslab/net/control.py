"""The words between the lab and its processes, servers and herds: JSON lines on the process's stdin and stdout.

Commands go down, events come up. `at_s` is the machine's monotonic clock, which all its processes share.
"""

from __future__ import annotations

import msgspec

from wslab.core.knobs import Knobs
from wslab.core.records import Account
from wslab.net.herds.target import Target


class Message(msgspec.Struct, frozen=True, kw_only=True, tag_field="message"):
    """The base of commands and events, tagged with its kind."""


class Listen(Message, frozen=True, kw_only=True, tag="listen"):
    """Command: listen on this address. `standing_in`: answer as `knobs.while_down` says until `Open` comes.

    Connections are called by `name`, the number of the `start` and their own. `origins`: of pages that may connect,
    beside those from this machine.
    """

    host: str
    port: int
    name: str
    start: int
    knobs: Knobs
    standing_in: bool
    origins: tuple[str, ...] = ()


class Open(Message, frozen=True, kw_only=True, tag="open"):
    """Command: the downtime is over; admit clients from now on."""


class Tune(Message, frozen=True, kw_only=True, tag="tune"):
    """Command: new knobs for connections opened from now on, and for the open ones too where asked."""

    knobs: Knobs
    open_ones_too: bool


class Leave(Message, frozen=True, kw_only=True, tag="leave"):
    """Command: close the listener, then every connection with this code within `drain_s`, then exit."""

    code: int
    reason: str
    drain_s: float
    drain_batch: int | None


class Gather(Message, frozen=True, kw_only=True, tag="gather"):
    """Command to a herd's worker: connect these clients, and bring them back by this policy whenever they are closed.

    Fields:
        clients: how many, numbered from `first_client`. policy: pickled, by cloudpickle.
        origin: the run's beginning on the machine's monotonic clock.
        max_in_flight: how many of them connect for the first time at once.
        begins_at_s: when the first of them does, in the run's time.
        hand_over_every_s: how often the records are handed over meanwhile. None: only when all is over.
    """

    target: Target
    first_client: int
    clients: int
    policy: bytes
    seed: int
    origin: float
    open_timeout_s: float
    close_timeout_s: float
    max_in_flight: int
    begins_at_s: float = 0.0
    hand_over_every_s: float | None = None


class Disperse(Message, frozen=True, kw_only=True, tag="disperse"):
    """Command to a herd's worker: close every connection with 1000, hand over the records, exit."""


class Ready(Message, frozen=True, kw_only=True, tag="ready"):
    """Event: everything is imported; the first command will be carried out at once."""


class Listening(Message, frozen=True, kw_only=True, tag="listening"):
    """Event: the listener is open."""

    port: int
    at_s: float


class Opened(Message, frozen=True, kw_only=True, tag="opened"):
    """Event: `Open` was carried out."""

    at_s: float


class Tuned(Message, frozen=True, kw_only=True, tag="tuned"):
    """Event: `Tune` was carried out."""

    at_s: float


class Down(Message, frozen=True, kw_only=True, tag="down"):
    """Event: the listener is closed; the connections are being closed."""

    at_s: float


class Accounted(Message, frozen=True, kw_only=True, tag="accounted"):
    """Event: the account of a connection, when it opens and again when it has closed; times are absolute."""

    account: Account


class Tally(Message, frozen=True, kw_only=True, tag="tally"):
    """Event of a herd's worker: where its clients are.

    Fields:
        attempted: have made their first attempt. held: are connected. away: lost their connection and are to come back.
        returned: outages that are over, one way or the other. resident_bytes: of the worker's memory.
    """

    attempted: int
    held: int
    away: int
    returned: int
    resident_bytes: int


class HandedOver(Message, frozen=True, kw_only=True, tag="handed_over"):
    """Event of a herd's worker: what it saw since it last handed anything over (see `wslab.net.herds.ledger`)."""

    ledger: bytes


class Dispersed(Message, frozen=True, kw_only=True, tag="dispersed"):
    """Event of a herd's worker: what it saw since `HandedOver` (`wslab.net.herds.ledger`); how late its loop was."""

    ledger: bytes
    lags_s: list[float]


class Failed(Message, frozen=True, kw_only=True, tag="failed"):
    """Event: a command could not be carried out, for example because the port is in use."""

    error: str


Command = Listen | Open | Tune | Leave | Gather | Disperse
Event = Ready | Listening | Opened | Tuned | Down | Accounted | Tally | HandedOver | Dispersed | Failed

encode = msgspec.json.Encoder().encode
decode_command = msgspec.json.Decoder(Command).decode
decode_event = msgspec.json.Decoder(Event).decode
