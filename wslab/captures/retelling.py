"""Turns captured connections into the records that experiments emit, so that the layers above cannot tell them apart.

A closure is recorded as the client must have seen it: by the frames on its side of the capture.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from wslab.captures.conversations import Conversation
from wslab.captures.exchanges import HttpExchange
from wslab.captures.reassembly import Direction
from wslab.captures.streams import FrameTrail
from wslab.core.records import (
    Attempt,
    AttemptOutcome,
    Close,
    Closure,
    Record,
    Side,
    TcpEnd,
    closed_by,
)
from wslab.net.heads import retry_after_s

Told = tuple[int, Record]
"""The time by which records are ordered, and the record."""


class Retold:
    """A connection to report. Its id, its client and the time origin are assigned later."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.exchange = conversation.exchange
        self.connection_id = ""
        self.client = 0
        self.origin_ns = 0

    @property
    def ends(self) -> tuple[str, str]:
        """The client's host and the server's address."""
        return self.conversation.client_host, self.conversation.server_address

    @property
    def opened_at_ns(self) -> int | None:
        return self.exchange.opened_at_ns

    @property
    def trails(self) -> tuple[FrameTrail, FrameTrail] | None:
        """The client's frames and the server's; None if there was no WebSocket."""
        trails = self.exchange.trails
        return (trails["client"], trails["server"]) if trails else None

    @property
    def end(self) -> tuple[Side, Literal["fin", "reset"], int] | None:
        """Which side ended TCP first, how, and when; None if the capture shows no end."""
        sides: tuple[tuple[Side, Direction], ...] = (
            ("client", self.conversation.client),
            ("server", self.conversation.server),
        )
        ends = [
            (at_ns, side, how)
            for side, direction in sides
            for how, at_ns in (("fin", direction.fin_at_ns), ("reset", direction.reset_at_ns))
            if at_ns is not None
        ]
        if not ends:
            return None
        at_ns, side, how = min(ends, key=lambda end: end[0])
        return side, "fin" if how == "fin" else "reset", at_ns

    @property
    def close_started_at_ns(self) -> int | None:
        """When the first close frame was sent, or TCP ended if there was none."""
        frames = [trail.close_at_ns for trail in self.trails or () if trail.close_at_ns is not None]
        return min(frames) if frames else self.end[2] if self.end else None

    @property
    def is_one_way(self) -> bool:
        """Whether only one side's data is in the capture."""
        return 0 in (self.conversation.client.stream_bytes, self.conversation.server.stream_bytes)

    @property
    def has_closed(self) -> bool:
        return self.trails is not None and self.close_started_at_ns is not None

    def seconds(self, at_ns: int) -> float:
        return (at_ns - self.origin_ns) / 1e9

    # Records

    def closure(self) -> Closure | None:
        """Return the end of this WebSocket as its client must have seen it.

        None if the capture shows no end, or only one side: that side's close frame may answer one that is missing.
        """
        started_at_ns = self.close_started_at_ns
        if self.trails is None or started_at_ns is None or self.is_one_way:
            return None
        client, server = self.trails
        received, sent = (trail.close.close if trail.close else None for trail in (server, client))
        tcp_end = self._tcp_end()
        return Closure(
            client=self.client,
            connection_id=self.connection_id,
            opened_at_s=self.seconds(self.opened_at_ns or self.conversation.first_at_ns),
            close_started_at_s=self.seconds(started_at_ns),
            closed_at_s=self.seconds(max(started_at_ns, self.end[2] if self.end else self.conversation.last_at_ns)),
            close_code=server.close.told_code if server.close else 1006,
            close_reason=server.close.told_reason if server.close else "",
            clean=received is not None and sent is not None and tcp_end == "fin",
            closed_by=_closed_by(received, sent, client, server),
            received=received,
            sent=sent,
            recovered=self._is_reset_behind_close(),
            send_error=None,
            tcp_end=tcp_end,
            sent_wire_bytes=self.conversation.client.stream_bytes,
            received_wire_bytes=self.conversation.server.stream_bytes,
            received_messages=server.message_count,
        )

    def _tcp_end(self) -> TcpEnd:
        """Return how TCP ended for the client; its own FIN does not count once the server's has come."""
        client, server = self.conversation.client, self.conversation.server
        ends: list[tuple[int, TcpEnd]] = []
        if server.fin_at_ns is not None:
            ends.append((server.fin_at_ns, "fin"))
        if server.reset_at_ns is not None:
            ends.append((server.reset_at_ns, "reset"))
        if client.reset_at_ns is not None:
            ends.append((client.reset_at_ns, "aborted"))
        if not ends and client.fin_at_ns is not None:
            ends.append((client.fin_at_ns, "aborted"))
        return min(ends)[1] if ends else "unseen"

    def _is_reset_behind_close(self) -> bool:
        """Whether a client that was sending may have lost the server's close frame to a reset."""
        client, server = self.trails or (None, None)
        reset_at_ns = self.conversation.server.reset_at_ns
        if client is None or server is None or server.close_at_ns is None or reset_at_ns is None:
            return False
        last_at_ns = self.conversation.client.last_data_at_ns or 0
        unread = last_at_ns >= server.close_at_ns or client.unfinished is not None
        return reset_at_ns >= server.close_at_ns and unread and client.close is None

    def attempts(self) -> Iterator[Attempt]:
        """Yield each attempt to open a WebSocket on this connection: one, or several after a 401."""
        begun_ns = self.conversation.first_at_ns
        asked = [one for one in self.exchange.asked if _asks_for_websocket(one)]
        for one in asked:
            opened = one.response.status == 101
            yield self._attempt(
                begun_ns,
                one.answered_at_ns,
                "opened" if opened else "rejected",
                http_status=one.response.status,
                retry_after_s=None if opened else retry_after_s(one.response.fields),
            )
            begun_ns = one.answered_at_ns
        if not asked or self.exchange.unanswered is not None:
            yield from self._unanswered(begun_ns)

    def _unanswered(self, begun_ns: int) -> Iterator[Attempt]:
        """Yield the attempt that got no answer, if the capture shows one."""
        conversation, end = self.conversation, self.end
        if self.trails is not None or self.exchange.protocol not in ("none", "http") or not conversation.began:
            return
        if conversation.answered_at_ns is None:
            refused = conversation.server.reset_at_ns is not None
            outcome: AttemptOutcome = "refused" if refused else "timeout"
            error = None if refused else f"{conversation.syn_count} SYNs, and no answer to them in the capture"
        elif self.exchange.unanswered is not None and end is not None and end[0] == "server":
            outcome, error = "reset" if end[1] == "reset" else "failed", "no answer to the opening handshake"
        elif self.exchange.unanswered is not None:
            outcome, error = "timeout", "no answer to the opening handshake in the capture"
        else:
            return
        yield self._attempt(begun_ns, end[2] if end else conversation.last_at_ns, outcome, error=error)

    def _attempt(
        self,
        begun_ns: int,
        ended_ns: int,
        outcome: AttemptOutcome,
        *,
        http_status: int | None = None,
        retry_after_s: float | None = None,
        error: str | None = None,
    ) -> Attempt:
        return Attempt(
            client=self.client,
            outage=0,
            number=1,
            delay_s=0.0,
            due_at_s=self.seconds(begun_ns),
            started_at_s=self.seconds(begun_ns),
            ended_at_s=self.seconds(ended_ns),
            outcome=outcome,
            http_status=http_status,
            retry_after_s=retry_after_s,
            connection_id=self.connection_id if outcome == "opened" else None,
            error=error,
        )


def _closed_by(
    received: Close | None, sent: Close | None, client: FrameTrail, server: FrameTrail
) -> Side | Literal["network"]:
    sent_first = (client.close_at_ns or 0) < (server.close_at_ns or 0)
    return closed_by(received, sent, sent_first=sent_first, here="client")


def _asks_for_websocket(one: HttpExchange) -> bool:
    return "websocket" in one.request.fields.options("Upgrade")
