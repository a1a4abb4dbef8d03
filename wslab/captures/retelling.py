"""From captured connections to the records that experiments emit, so that nothing above can tell them apart.

A closure is told as the client must have seen it: by the frames that reached its side of the capture. A message counts
as accepted only where the server went on afterwards; as closed where it is the largest that the server left unanswered
when it closed; and as unconfirmed in every other case.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal
from urllib.parse import urlsplit

from wslab.captures.conversations import Conversation
from wslab.captures.exchanges import Asked
from wslab.captures.reassembly import Direction
from wslab.captures.streams import FrameTrail, SeenControl, SeenMessage
from wslab.core.records import (
    Attempt,
    AttemptOutcome,
    Close,
    Closure,
    Ping,
    Receipt,
    Record,
    Send,
    SendOutcome,
    Side,
    TcpEnd,
    Trace,
    closed_by,
)
from wslab.net.heads import retry_after_s

SETTLED_NS = 10**9
"""An answer so long before the end belongs to what it follows; a later one may have crossed the close frame."""

Told = tuple[int, Record]
"""A record, and the moment by which records are put in order."""


class Retold:
    """One connection of interest; its id, its client and the moment from which times count are given to it later."""

    def __init__(self, conversation: Conversation) -> None:
        self.conversation = conversation
        self.exchange = conversation.exchange
        self.connection_id = ""
        self.client = 0
        self.origin_ns = 0

    @property
    def ends(self) -> tuple[str, str]:
        """The client's host, and the server's address: between whom it is."""
        return self.conversation.client_host, self.conversation.server_address

    @property
    def opened_at_ns(self) -> int | None:
        return self.exchange.opened_at_ns

    @property
    def trails(self) -> tuple[FrameTrail, FrameTrail] | None:
        """The client's frames and the server's; None where there was no WebSocket."""
        trails = self.exchange.trails
        return (trails["client"], trails["server"]) if trails else None

    @property
    def end(self) -> tuple[Side, Literal["fin", "reset"], int] | None:
        """Who ended TCP first, how, and when; None where the capture shows no end."""
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
        """The first close frame, or the end of TCP where there was none."""
        frames = [trail.close_at_ns for trail in self.trails or () if trail.close_at_ns is not None]
        return min(frames) if frames else self.end[2] if self.end else None

    @property
    def has_closed(self) -> bool:
        return self.trails is not None and self.close_started_at_ns is not None

    def seconds(self, at_ns: int) -> float:
        return (at_ns - self.origin_ns) / 1e9

    # Records

    def closure(self) -> Closure | None:
        """Return the end of this WebSocket as its client must have seen it; None where the capture shows none."""
        started_at_ns = self.close_started_at_ns
        if self.trails is None or started_at_ns is None:
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
        """Say how TCP ended, as the client sees it: its own FIN says nothing before the server's has come."""
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
        """Yield each try at opening a WebSocket on this connection: one, or several behind a 401."""
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
        """Yield the try that got no answer, where the capture shows one."""
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

    def messages(self, kept: int) -> Iterator[Told]:
        """Yield the last messages of either side, the largest among them, in the order in which they began."""
        if self.trails is None:
            return
        client, server = self.trails
        outcomes = self._outcomes(client, server)
        for message in _kept(client, kept):
            yield message.began_at_ns, self._send(message, outcomes.get(message.number, "unconfirmed"))
        for message in _kept(server, kept):
            yield message.began_at_ns, self._receipt(message)

    def _outcomes(self, client: FrameTrail, server: FrameTrail) -> dict[int, SendOutcome]:
        """Say what came of the client's messages, by their numbers."""
        end_ns = self.close_started_at_ns
        answers = [message.ended_at_ns for message in server.messages] + [pong.at_ns for pong in server.pongs]
        by_client = client.close_at_ns is not None and client.close_at_ns == end_ns
        settled_ns = max((at for at in answers if end_ns is None or by_client or at < end_ns - SETTLED_NS), default=0)
        answered_ns = max((at for at in answers if end_ns is None or at <= end_ns), default=0)
        outcomes: dict[int, SendOutcome] = {}
        open_to_blame: list[SeenMessage] = []
        for message in _kept(client, len(client.messages) + 1):
            if message.is_complete and message.ended_at_ns <= settled_ns:
                outcomes[message.number] = "accepted"
            elif not message.is_complete or message.ended_at_ns > answered_ns:
                open_to_blame.append(message)
        if len(open_to_blame) == 0:
            return outcomes
        if end_ns is not None and not by_client:
            before_end = [message for message in open_to_blame if message.began_at_ns <= end_ns] or open_to_blame
            largest = max(before_end, key=lambda message: (message.announced_bytes, message.number))
            outcomes[largest.number] = "closed"
        return outcomes

    def _send(self, message: SeenMessage, outcome: SendOutcome) -> Send:
        server = self.trails[1].close if self.trails else None
        closed = outcome == "closed"
        return Send(
            client=self.client,
            number=message.number,
            connection_id=self.connection_id,
            started_at_s=self.seconds(message.began_at_ns),
            payload_kind="text" if message.is_text else "binary",
            payload_bytes=message.announced_bytes if message.payload_bytes is None else message.payload_bytes,
            payload_characters=None,
            fragment_count=message.fragment_count,
            wire_bytes=message.wire_bytes,
            outcome=outcome,
            send_s=(message.ended_at_ns - message.began_at_ns) / 1e9,
            round_trip_s=None,
            reply_bytes=None,
            close_code=(server.told_code if server else 1006) if closed else None,
            close_reason=(server.told_reason if server else "") if closed else None,
            error=None if message.is_complete else "its end is not in the capture",
            compression=message.compression,
        )

    def _receipt(self, message: SeenMessage) -> Receipt:
        return Receipt(
            client=self.client,
            number=message.number,
            connection_id=self.connection_id,
            started_at_s=self.seconds(message.began_at_ns),
            ended_at_s=self.seconds(message.ended_at_ns),
            payload_kind="text" if message.is_text else "binary",
            payload_bytes=message.payload_bytes,
            announced_bytes=message.announced_bytes,
            fragment_count=message.fragment_count,
            wire_bytes=message.wire_bytes,
            complete=message.is_complete,
            compression=message.compression,
        )

    def pings(self, kept: int) -> Iterator[Told]:
        """Yield the last pings of either side, each with the first pong that answers it."""
        if self.trails is None:
            return
        client, server = self.trails
        for side, asking, answering in (("client", client, server), ("server", server, client)):
            for ping in list(asking.pings)[-kept:]:
                yield (
                    ping.at_ns,
                    Ping(
                        client=self.client,
                        connection_id=self.connection_id,
                        sent_by="client" if side == "client" else "server",
                        sent_at_s=self.seconds(ping.at_ns),
                        payload_bytes=len(ping.payload),
                        answered_at_s=self._answer(ping, answering.pongs),
                    ),
                )

    def _answer(self, ping: SeenControl, pongs: Iterable[SeenControl]) -> float | None:
        at_ns = next((pong.at_ns for pong in pongs if pong.payload == ping.payload and pong.at_ns >= ping.at_ns), None)
        return None if at_ns is None else self.seconds(at_ns)

    def trace(self) -> Trace:
        """Return what the capture shows of the connection itself."""
        conversation, exchange, end = self.conversation, self.exchange, self.end
        client, server = conversation.client, conversation.server
        trails = self.trails
        unfinished = trails[0].unfinished if trails else None
        return Trace(
            client=self.client,
            connection_id=self.connection_id,
            client_address=conversation.client_address,
            server_address=conversation.server_address,
            url=_url(self),
            protocol=exchange.protocol,
            opening_seen=conversation.began,
            ending_seen=end is not None,
            guessed=exchange.is_websocket and exchange.opened_at_ns is None,
            started_at_s=self.seconds(conversation.first_at_ns),
            ended_at_s=self.seconds(end[2] if end else conversation.last_at_ns),
            ended_by=end[0] if end else None,
            end=end[1] if end else None,
            last_client_at_s=None if client.last_data_at_ns is None else self.seconds(client.last_data_at_ns),
            last_server_at_s=None if server.last_data_at_ns is None else self.seconds(server.last_data_at_ns),
            sent_messages=trails[0].message_count if trails else 0,
            received_messages=trails[1].message_count if trails else 0,
            client_bytes=client.stream_bytes,
            server_bytes=server.stream_bytes,
            client_missing_bytes=client.missing_bytes,
            server_missing_bytes=server.missing_bytes,
            client_retransmissions=client.retransmissions,
            server_retransmissions=server.retransmissions,
            client_unacknowledged_bytes=_unacknowledged(client),
            server_unacknowledged_bytes=_unacknowledged(server),
            client_zero_windows=client.zero_windows,
            server_zero_windows=server.zero_windows,
            after_close_bytes=exchange.after_close_bytes,
            unfinished_bytes=unfinished.wire_bytes if unfinished else None,
            announced_bytes=unfinished.announced_bytes if unfinished else None,
            violation=_violation(trails),
            remarks=_remarks(self),
        )


def _closed_by(
    received: Close | None, sent: Close | None, client: FrameTrail, server: FrameTrail
) -> Side | Literal["network"]:
    sent_first = (client.close_at_ns or 0) < (server.close_at_ns or 0)
    return closed_by(received, sent, sent_first=sent_first, here="client")


def _kept(trail: FrameTrail, kept: int) -> list[SeenMessage]:
    """Return the last messages of a side, with its largest and with the one that never ended."""
    messages = list(trail.messages)[-kept:]
    if trail.largest is not None and all(message.number != trail.largest.number for message in messages):
        messages.insert(0, trail.largest)
    unfinished = trail.unfinished
    return [*messages, unfinished] if unfinished else messages


def _asks_for_websocket(one: Asked) -> bool:
    return "websocket" in one.request.fields.options("Upgrade")


def _unacknowledged(direction: Direction) -> int:
    if direction.acknowledged is None:
        return 0
    return max(0, direction.stream_bytes - direction.acknowledged)


def _url(told: Retold) -> str | None:
    """Return what was asked for, without the query, in which there may be secrets."""
    asked = told.exchange.asked[-1].request if told.exchange.asked else None
    request = told.exchange.unanswered[1] if told.exchange.unanswered else asked
    if request is None:
        return f"wss://{told.exchange.server_name}" if told.exchange.server_name else None
    host = request.fields.get("Host") or told.conversation.server_address
    scheme = "wss" if told.exchange.is_encrypted else "ws"
    return f"{scheme}://{host}{urlsplit(request.resource).path}"


def _violation(trails: tuple[FrameTrail, FrameTrail] | None) -> str | None:
    for side, trail in zip(("client", "server"), trails or (), strict=False):
        if trail.violation:
            return f"the {side}: {trail.violation}"
        if trail.close is not None and trail.close.error is not None:
            return f"the {side}: {trail.close.error}"
    return None


def _remarks(told: Retold) -> list[str]:
    conversation, exchange = told.conversation, told.exchange
    remarks = [f"it went through {via}" for via in exchange.via] + exchange.remarks
    if not conversation.began:
        remarks.append("the capture begins in the middle of it")
    if told.end is None:
        remarks.append("the capture ends before it does")
    missing_bytes = conversation.client.missing_bytes + conversation.server.missing_bytes
    if missing_bytes:
        remarks.append(f"{missing_bytes:,} of its bytes are not in the capture")
    if any(trail.lost_sync for trail in told.trails or ()) and exchange.opened_at_ns is not None:
        remarks.append("behind a gap, frames were read from where they seemed to begin again")
    return remarks
