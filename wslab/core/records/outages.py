"""Records of a server's restarts, and of its clients' attempts to come back."""

from __future__ import annotations

from typing import Literal

from wslab.core.knobs import Knobs
from wslab.core.records.connections import Closure
from wslab.core.records.ground import Code, Record

AttemptOutcome = Literal["opened", "refused", "reset", "timeout", "rejected", "failed"]
RestartKind = Literal["graceful", "crash", "reload", "rolling"]
RUN_ENDED = "the run ended first"
"""`Outage.gave_up` of a client that did not give up: the run ended, or was interrupted, while it was away."""


class Attempt(Record, frozen=True, kw_only=True, tag="attempt"):
    """One try at a TCP connection plus opening handshake.

    Fields:
        outage: 0 for a client's first connection, else the number of its outage.
        delay_s: drawn from the policy. due_at_s: when the attempt was due; started_at_s - due_at_s is the instrument's
            own delay.
        outcome: "opened"; "refused" (RST to the SYN), "reset" (the connection was cut), "timeout", "rejected"
            (an HTTP status other than 101), "failed" (anything else; see error).
        retry_after_s: seconds from the Retry-After header.
    """

    client: int
    outage: int
    number: int
    delay_s: float
    due_at_s: float
    started_at_s: float
    ended_at_s: float
    outcome: AttemptOutcome
    http_status: int | None
    retry_after_s: float | None
    connection_id: str | None
    error: str | None


class Waiting(Record, frozen=True, kw_only=True, tag="waiting"):
    """A client that is waiting before its next attempt. Sent to listeners only: the `Attempt` that follows, which the
    run keeps, says the same and more.

    Fields: as in `Attempt`.
    """

    client: int
    outage: int
    number: int
    delay_s: float
    due_at_s: float


class Outage(Record, frozen=True, kw_only=True, tag="outage"):
    """One client's closure, its attempts, and the reopening if there was one.

    Fields:
        attempts: number of attempts made. time_to_reconnect_s: from the closure to the next completed handshake.
        gave_up: why no further attempt was made; None if the connection was reopened.
    """

    client: int
    number: int
    close_code: Code
    close_reason: str
    closed_at_s: float
    attempts: int
    reopened_at_s: float | None
    time_to_reconnect_s: float | None
    gave_up: str | None

    @classmethod
    def after(
        cls, closure: Closure, number: int, attempts: int, reopened_at_s: float | None, gave_up: str | None
    ) -> Outage:
        """Return the outage that this closure began."""
        return cls(
            client=closure.client,
            number=number,
            close_code=closure.close_code,
            close_reason=closure.close_reason,
            closed_at_s=closure.closed_at_s,
            attempts=attempts,
            reopened_at_s=reopened_at_s,
            time_to_reconnect_s=None if reopened_at_s is None else reopened_at_s - closure.closed_at_s,
            gave_up=gave_up,
        )

    @property
    def cut_short(self) -> bool:
        """Whether the client was still away when the run ended, and nobody gave up."""
        return self.gave_up == RUN_ENDED


class Restart(Record, frozen=True, kw_only=True, tag="restart"):
    """One restart of the server.

    Fields:
        down_at_s: listener closed (for a crash: process killed). up_at_s: listening again. None: not reached.
        knobs_after: the knobs from then on; None: unchanged.
    """

    number: int
    kind: RestartKind
    requested_at_s: float
    down_at_s: float | None = None
    up_at_s: float | None = None
    knobs_after: Knobs | None = None

    @property
    def downtime_s(self) -> float | None:
        """Seconds from listener closed to listening again, as measured."""
        if self.down_at_s is None or self.up_at_s is None:
            return None
        return self.up_at_s - self.down_at_s


class Footprint(Record, frozen=True, kw_only=True, tag="footprint"):
    """The memory of a server's process at one moment, and what its clients had sent by then.

    Fields:
        resident_bytes: memory of the process in RAM. start: of the server, counted from 1.
        max_message_bytes: the limit of its connections. compression: permessage-deflate was agreed on them.
        half_sent: number of open connections with a message sent except for its end.
        sent_payload_bytes, sent_wire_bytes: totals of these messages, inflated and on the wire.
    """

    at_s: float
    start: int
    resident_bytes: int
    max_message_bytes: int
    compression: bool
    connections: int
    half_sent: int
    sent_payload_bytes: int
    sent_wire_bytes: int
