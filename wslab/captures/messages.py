"""The messages of a captured WebSocket and what came of each: the last ones from either side, and the largest.

A message is "accepted" only if the server went on afterwards, "closed" if it is the largest that the server had not
answered when it closed, and "unconfirmed" otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from wslab.captures.growing import SeenControl, SeenMessage
from wslab.captures.retelling import Retold, Told
from wslab.captures.streams import FrameTrail
from wslab.core.records import Ping, Pong, Receipt, Send, SendOutcome, Side

SETTLED_NS = 10**9
"""An answer this long before the end answers the message before it; a later one may have crossed the close frame."""


def tell_messages(told: Retold, kept: int) -> Iterator[Told]:
    """Yield the last messages of either side and the largest, each side's in order."""
    if told.trails is None:
        return
    client, server = told.trails
    outcomes = _outcomes(told, client, server)
    for message in _kept(client, kept):
        yield message.began_at_ns, _send(told, message, outcomes.get(message.number, "unconfirmed"))
    for message in _kept(server, kept):
        yield message.began_at_ns, _receipt(told, message)


def tell_pings(told: Retold, kept: int) -> Iterator[Told]:
    """Yield the last pings of either side, each with the first pong that answers it, and unsolicited pongs."""
    if told.trails is None:
        return
    client, server = told.trails
    sides: tuple[tuple[Side, Side, FrameTrail, FrameTrail], ...] = (
        ("client", "server", client, server),
        ("server", "client", server, client),
    )
    for side, other, asking, answering in sides:
        for ping in list(asking.pings)[-kept:]:
            yield ping.at_ns, _ping(told, side, ping, answering.pongs)
        asked = {ping.payload for ping in asking.pings}
        for pong in list(answering.pongs)[-kept:]:
            if pong.payload not in asked:
                pong_at_s = told.seconds(pong.at_ns)
                yield (
                    pong.at_ns,
                    Pong(client=told.client, connection_id=told.connection_id, sent_by=other, sent_at_s=pong_at_s),
                )


def _outcomes(told: Retold, client: FrameTrail, server: FrameTrail) -> dict[int, SendOutcome]:
    """Return what came of the client's messages, by message number."""
    end_ns = told.close_started_at_ns
    by_client = client.close_at_ns is not None and client.close_at_ns == end_ns
    answers = [message.ended_at_ns for message in server.messages] + [pong.at_ns for pong in server.pongs]
    answered_ns = max((at for at in answers if end_ns is None or at <= end_ns), default=0)
    settled_ns = max((at for at in answers if end_ns is None or by_client or at < end_ns - SETTLED_NS), default=0)
    outcomes: dict[int, SendOutcome] = {}
    unanswered: list[SeenMessage] = []
    for message in _kept(client, len(client.messages) + 1):
        if message.is_complete and message.ended_at_ns <= settled_ns:
            outcomes[message.number] = "accepted"
        elif not message.is_complete or message.ended_at_ns > answered_ns:
            unanswered.append(message)
    if unanswered and end_ns is not None and not by_client:
        in_time = [message for message in unanswered if message.began_at_ns <= end_ns] or unanswered
        outcomes[max(in_time, key=lambda message: (message.announced_bytes, message.number)).number] = "closed"
    return outcomes


def _send(told: Retold, message: SeenMessage, outcome: SendOutcome) -> Send:
    server = told.trails[1].close if told.trails else None
    closed = outcome == "closed"
    return Send(
        client=told.client,
        number=message.number,
        connection_id=told.connection_id,
        started_at_s=told.seconds(message.began_at_ns),
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


def _receipt(told: Retold, message: SeenMessage) -> Receipt:
    return Receipt(
        client=told.client,
        number=message.number,
        connection_id=told.connection_id,
        started_at_s=told.seconds(message.began_at_ns),
        ended_at_s=told.seconds(message.ended_at_ns),
        payload_kind="text" if message.is_text else "binary",
        payload_bytes=message.payload_bytes,
        announced_bytes=message.announced_bytes,
        fragment_count=message.fragment_count,
        wire_bytes=message.wire_bytes,
        complete=message.is_complete,
        compression=message.compression,
    )


def _ping(told: Retold, side: Side, ping: SeenControl, pongs: Iterable[SeenControl]) -> Ping:
    at_ns = next((pong.at_ns for pong in pongs if pong.payload == ping.payload and pong.at_ns >= ping.at_ns), None)
    return Ping(
        client=told.client,
        connection_id=told.connection_id,
        sent_by=side,
        sent_at_s=told.seconds(ping.at_ns),
        payload_bytes=len(ping.payload),
        answered_at_s=None if at_ns is None else told.seconds(at_ns),
    )


def _kept(trail: FrameTrail, kept: int) -> list[SeenMessage]:
    """Return a side's last messages, with the largest and the unfinished one."""
    messages = list(trail.messages)[-kept:]
    if trail.largest is not None and all(message.number != trail.largest.number for message in messages):
        messages.insert(0, trail.largest)
    unfinished = trail.unfinished
    return [*messages, unfinished] if unfinished else messages
