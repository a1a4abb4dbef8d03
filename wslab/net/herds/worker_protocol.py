"""The commands and events of a herd's worker (see `wslab.net.control`)."""

from __future__ import annotations

from wslab.core.errors import HerdError
from wslab.net.control import Message, Program
from wslab.net.herds.destination import Destination


class Gather(Message, frozen=True, kw_only=True, tag="gather"):
    """Command: connect these clients, and bring them back by this policy whenever they are closed.

    Fields:
        clients: number of clients, numbered from `first_client`. policy: pickled, by cloudpickle.
        origin: the start of the run on the machine's monotonic clock.
        max_in_flight: clients that connect for the first time simultaneously.
        begins_at_s: when the first one connects, in the run's time.
        hand_over_every_s: how often records are handed over, so that they outlive the worker.
        ledger_descriptor: an open file for the records (`wslab.net.herds.ledger`). None: they are sent as events.
    """

    destination: Destination
    first_client: int
    clients: int
    policy: bytes
    seed: int
    origin: float
    open_timeout_s: float
    close_timeout_s: float
    max_in_flight: int
    begins_at_s: float = 0.0
    hand_over_every_s: float = 0.1
    ledger_descriptor: int | None = None


class Disperse(Message, frozen=True, kw_only=True, tag="disperse"):
    """Command: close every connection with 1000, hand over the records, exit."""


class Tally(Message, frozen=True, kw_only=True, tag="tally"):
    """Event: where its clients are.

    Fields:
        attempted: have made their first attempt. held: are connected. away: have lost their connection.
        returned: outages that are over, one way or the other. resident_bytes: the worker's memory.
    """

    attempted: int
    held: int
    away: int
    returned: int
    resident_bytes: int


class HandedOver(Message, frozen=True, kw_only=True, tag="handed_over"):
    """Event: the records since the last one, as a page of a ledger (see `wslab.net.herds.ledger`)."""

    page: bytes


class Dispersed(Message, frozen=True, kw_only=True, tag="dispersed"):
    """Event: everything is closed and handed over.

    Fields:
        lags_s: how late the worker's loop was.
        not_greeted: awaited step of the greeting → connections that waited for it in vain.
    """

    lags_s: list[float]
    not_greeted: dict[str, int]


Command = Gather | Disperse

Event = Tally | HandedOver | Dispersed

WORKER = Program("wslab.net.herds.worker", Event, HerdError)
