"""What was observed, one frozen record per fact; the vocabulary of every layer above.

Clients, servers, the herd and the simulation all emit these and nothing else, so that a run can be measured,
simulated, saved, loaded or drawn without anything above knowing which. `Kinds` lists what a run keeps. Rules:

- every field carries its unit in its name; `…_at_s` is seconds on the monotonic clock since the run began;
- `client` counts from 0 within a run; `number` counts from 1;
- a value that does not apply is None, never a magic number;
- `connection_id` is given by a lab server in its handshake response and joins the two sides of one
  connection; a foreign server gives none.
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
