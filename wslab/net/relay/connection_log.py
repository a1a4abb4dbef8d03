"""What a relay tells of one connection: an `Attempt` once its opening is decided, and a `Closure` when it has ended."""

from __future__ import annotations

from wslab.core.records import Attempt, AttemptOutcome, Close, Closure, Side, closed_by
from wslab.net.relay.memory import RelayMemory

NAMES: dict[Side, str] = {"client": "the client", "server": "the target"}

Closing = tuple[Close, float] | None
"""The first close frame of a direction, and when it passed."""


class ConnectionLog:
    """The log of one connection.

    Attributes:
        connection_id: that the target gave. opened_at_s: when its 101 came.
        error: what went wrong, in words that say whose doing it was.
    """

    def __init__(self, client: int, memory: RelayMemory) -> None:
        self.client = client
        self.connection_id: str | None = None
        self.opened_at_s: float | None = None
        self.error: str | None = None
        self._memory = memory
        self._began_at_s = memory.now()
        self._is_decided = False
        self._ended_first: Side | None = None
        self._was_reset = False
        self._bound: str | None = None

    def note_end(self, side: Side, *, reset: bool) -> None:
        """Note that a side ended its TCP; only the first end counts, unless the relay had ended both."""
        if self._ended_first is None and self._bound is None:
            self._ended_first, self._was_reset = side, reset

    def note_own_end(self, why: str) -> None:
        """Note that the relay ends the connection, and why."""
        if self._ended_first is None and self._bound is None:
            self._bound = why

    @property
    def ended_by_relay(self) -> bool:
        return self._bound is not None

    def fail(self, side: Side, what: str) -> None:
        """Note what went wrong first, and on which side."""
        self.error = self.error or f"{NAMES[side]}: {what}"

    def open(self, at_s: float) -> None:
        """Tell that the target accepted at this time."""
        self.opened_at_s = at_s
        self._tell_attempt("opened", 101)

    def reject(self, status: int, retry_after_s: float | None) -> None:
        """Tell that the opening was answered with this status."""
        self._tell_attempt("rejected", status, retry_after_s)

    def end(self, *, asked: bool, sent: Closing, received: Closing, wire_bytes: tuple[int, int]) -> None:
        """Tell how the connection ended.

        Args:
            asked: the target was asked. sent, received: by the client. wire_bytes: that the client sent and received.
        """
        if self.opened_at_s is not None:
            self._memory.emit(self._closure(self.opened_at_s, sent, received, wire_bytes))
        elif not self._is_decided:
            self.error = self.error or self._without_answer(asked)
            self._tell_attempt("failed")

    def _without_answer(self, asked: bool) -> str:
        side, how = self._ended_first, "reset" if self._was_reset else "ended"
        if side is None:
            return self._bound or "it ended before it was open"
        if side == "server":
            return f"the target {how} TCP before it had answered"
        return f"the client {how} TCP before {'the target had answered' if asked else 'its request was complete'}"

    def _tell_attempt(
        self, outcome: AttemptOutcome, status: int | None = None, retry_after: float | None = None
    ) -> None:
        if self._is_decided:
            return
        self._is_decided = True
        self._memory.emit(
            Attempt(
                client=self.client,
                outage=0,
                number=1,
                delay_s=0.0,
                due_at_s=self._began_at_s,
                started_at_s=self._began_at_s,
                ended_at_s=self._memory.now(),
                outcome=outcome,
                http_status=status,
                retry_after_s=retry_after,
                connection_id=self.connection_id,
                error=self.error,
            )
        )

    def _closure(self, opened_at_s: float, sent: Closing, received: Closing, wire_bytes: tuple[int, int]) -> Closure:
        ended_at_s = self._memory.now()
        first_at_s = min((close[1] for close in (received, sent) if close is not None), default=ended_at_s)
        close, own = received and received[0], sent and sent[0]
        return Closure(
            client=self.client,
            connection_id=self.connection_id,
            opened_at_s=opened_at_s,
            close_started_at_s=first_at_s,
            closed_at_s=ended_at_s,
            close_code=close.code if close else 1006,
            close_reason=close.reason if close else "",
            clean=received is not None and sent is not None,
            closed_by=closed_by(close, own, sent_first=sent is not None and sent[1] == first_at_s, here="client"),
            received=close,
            sent=own,
            recovered=False,
            send_error=self.error,
            tcp_end="aborted" if self._ended_first != "server" else "reset" if self._was_reset else "fin",
            bound=self._bound,
            sent_wire_bytes=wire_bytes[0],
            received_wire_bytes=wire_bytes[1],
        )
