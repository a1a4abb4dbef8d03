"""The parts of a run: its head, and the one table of the kinds of records that it keeps."""

from __future__ import annotations

from typing import Any, Generic, Self, overload

import msgspec

from wslab.core.knobs import Knobs
from wslab.core.records.connections import Account, Closure, Pause, Ping, Pong, Receipt, Send
from wslab.core.records.ground import R, Record
from wslab.core.records.outages import Attempt, Footprint, Outage, Restart
from wslab.core.records.witnesses import Frame, Injection, Notice, Sighting, Statement, Trace


class RunInfo(Record, frozen=True, kw_only=True, tag="run"):
    """The head of a run: how it was measured, with which parameters, on which machine, how precisely.

    Fields:
        started_at: wall clock, ISO 8601, UTC. parameters: the experiment's arguments.
        partial: the run was cancelled or interrupted, and holds the records until then; or see `losses`.
        measured: measurements of the instrument itself, with units in their names, such as
            `client_bytes_per_connection`.
        losses: which parts of the run were lost, in words: a worker of a cluster, when, and with which clients.
        ended: False in a journal, while the run is being measured.
        warnings: what to know before trusting the result, such as that no certificate was checked.
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
    """One kind of record that a run keeps; as an attribute of a run, the records of that kind: `run.sends`.

    Args:
        record: its class, whose tag names the kind in a file.
        row: what one record stands for, to complete “one row per …”.
    """

    name: str
    """The kind's plural: the name of a run's property, a function of `tables` and a heading in a report."""

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
    """The one table of the kinds of records that a run keeps, in the order of a report.

    To add a kind, write its record in this folder and a line here. The file format, the property of `Run`, the function
    of `wslab.views.tables` with a column per field, the list in a report, and the tests with hostile records follow
    from this line. A field may be a number, text, bytes, a bool, a `Literal` of texts, a `Close`, a `Knobs`, or a list
    or dict of these; each may be None.
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
