"""What a run is made of: its head, and the one table of the kinds of records that it keeps."""

from __future__ import annotations

from typing import Any, Generic, Self, overload

import msgspec

from wslab.core.knobs import Knobs
from wslab.core.records.connections import Account, Closure, Pause, Ping, Pong, Receipt, Send
from wslab.core.records.ground import R, Record
from wslab.core.records.outages import Attempt, Footprint, Outage, Restart
from wslab.core.records.witnesses import Frame, Injection, Notice, Sighting, Statement, Trace


class RunInfo(Record, frozen=True, kw_only=True, tag="run"):
    """On what, with what and how well a run was measured.

    Fields:
        started_at: wall clock, ISO 8601, UTC. parameters: the experiment's arguments.
        partial: cancelled or interrupted, and the records are what was seen until then; or see `losses`.
        measured: what was measured of the instrument itself, units in the names, such as
            `client_bytes_per_connection`.
        losses: what of the run was lost, in words: which worker of a cluster, when, and with which clients.
        ended: False in a file that is written while the run is measured, as long as it is.
        warnings: what is to be known before the result is believed, such as that no certificate was checked.
        loop_lag_*_s: how late the measuring event loop woke during the run: its own error bar.
        clock_resolution_s: of the monotonic clock.
    """

    experiment: str
    started_at: str
    duration_s: float
    partial: bool
    seed: int | None
    url: str | None
    knobs: Knobs | None
    parameters: dict[str, Any]
    versions: dict[str, str]
    platform: str
    clock_resolution_s: float
    loop_lag_p50_s: float | None
    loop_lag_p99_s: float | None
    loop_lag_max_s: float | None
    measured: dict[str, float] = msgspec.field(default_factory=dict)
    losses: list[str] = msgspec.field(default_factory=list)
    ended: bool = True
    warnings: list[str] = msgspec.field(default_factory=list)


class Kind(Generic[R]):
    """One kind of record that a run keeps. On a run it reads as the records of that kind: `run.sends`.

    Args:
        record: its class, whose tag names the kind in a file.
        row: what one record is, to complete “one row per …”.
    """

    name: str
    """The kind's plural, by which it is a property of a run, a function of `tables` and a heading of a report."""

    def __init__(self, record: type[R], row: str) -> None:
        self.record = record
        self.row = row

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, run: None, owner: type) -> Self: ...
    @overload
    def __get__(self, run: Kinds, owner: type) -> tuple[R, ...]: ...
    def __get__(self, run: Kinds | None, owner: type) -> Self | tuple[R, ...]:
        if run is None:
            return self
        return tuple(record for record in run.records if isinstance(record, self.record))


class Kinds:
    """The one table of the kinds of records that a run keeps, in the order in which a report lists them.

    A new kind is its record, in this room, and a line here. From this line derive what a file may hold, the property
    of a `Run`, the function of `wslab.views.tables` with the columns that follow from the record's fields, its list in
    a report, and the tests that offer hostile records. A field may be a number, a text, bytes, a truth, a `Literal` of
    texts, a `Close`, a `Knobs`, a list or a dict of these; each may be None.
    """

    __slots__ = ()
    records: tuple[Record, ...]

    sends = Kind(Send, "message offered to a server")
    closures = Kind(Closure, "connection that ended, as its client saw it")
    receipts = Kind(Receipt, "message that came from a server")
    pings = Kind(Ping, "ping, with its pong if one came")
    pongs = Kind(Pong, "pong that no ping had asked for")
    traces = Kind(Trace, "connection in a capture")
    statements = Kind(Statement, "text of a product that speaks of a connection")
    attempts = Kind(Attempt, "try at a TCP connection plus opening handshake")
    outages = Kind(Outage, "outage of a client: its closure, its attempts, its reopening if there was one")
    restarts = Kind(Restart, "restart of the server")
    accounts = Kind(Account, "connection in the server's own account")
    frames = Kind(Frame, "frame that went through a relay")
    injections = Kind(Injection, "fault of a relay that was switched on or off")
    footprints = Kind(Footprint, "moment at which a server's memory was measured")
    sightings = Kind(Sighting, "message over the limit that a client under observation sent, and what it was told")
    pauses = Kind(Pause, "while in which the observer itself did not run")
    notices = Kind(Notice, "event of a page's WebSocket, or exception that a call threw, in the order told")


KINDS: tuple[Kind[Any], ...] = tuple(kind for kind in vars(Kinds).values() if isinstance(kind, Kind))
