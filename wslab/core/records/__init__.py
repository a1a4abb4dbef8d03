"""Observations, one frozen record per fact: the vocabulary of every layer above.

Clients, servers, the herd and the simulation emit these and nothing else, so nothing above needs to know whether a run
was measured, simulated or loaded from a file. `Kinds` lists the records that a run keeps. Rules:

- every field carries its unit in its name; `…_at_s` is seconds on the monotonic clock since the run began;
- `client` counts from 0 within a run; `number` counts from 1;
- a value that does not apply is None, never a magic number;
- `connection_id` comes from a lab server's handshake response and joins the two sides of a connection; a foreign
  server gives none.
"""

from wslab.core.records.connections import (
    Account,
    Closure,
    Pause,
    Ping,
    Pong,
    Receipt,
    Send,
    SendOutcome,
    TcpEnd,
)
from wslab.core.records.ground import (
    Close,
    ClosedBy,
    Code,
    Record,
    Side,
    closed_by,
    since,
    tag_of,
)
from wslab.core.records.kinds import (
    KINDS,
    Kind,
    Kinds,
    RunInfo,
)
from wslab.core.records.outages import (
    RUN_ENDED,
    Attempt,
    AttemptOutcome,
    Footprint,
    Outage,
    Restart,
    RestartKind,
    Waiting,
)
from wslab.core.records.witnesses import (
    BROWSER,
    Frame,
    FrameFate,
    Injection,
    Notice,
    NoticeEvent,
    Sighting,
    Statement,
    Trace,
    TraceProtocol,
)

__all__ = [
    "BROWSER",
    "KINDS",
    "RUN_ENDED",
    "Account",
    "Attempt",
    "AttemptOutcome",
    "Close",
    "ClosedBy",
    "Closure",
    "Code",
    "Footprint",
    "Frame",
    "FrameFate",
    "Injection",
    "Kind",
    "Kinds",
    "Notice",
    "NoticeEvent",
    "Outage",
    "Pause",
    "Ping",
    "Pong",
    "Receipt",
    "Record",
    "Restart",
    "RestartKind",
    "RunInfo",
    "Send",
    "SendOutcome",
    "Side",
    "Sighting",
    "Statement",
    "TcpEnd",
    "Trace",
    "TraceProtocol",
    "Waiting",
    "closed_by",
    "since",
    "tag_of",
]
