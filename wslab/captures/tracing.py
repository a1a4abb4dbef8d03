"""What a capture shows of a connection as a whole: its TCP, its protocol, and what cannot be seen."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from wslab.captures.reassembly import Direction
from wslab.captures.retelling import Retold
from wslab.captures.streams import FrameTrail
from wslab.core.records import Side, Trace


def tell_trace(told: Retold, kept: int) -> Trace:
    """Return what the capture shows of the connection as a whole."""
    conversation, exchange, end = told.conversation, told.exchange, told.end
    client, server = conversation.client, conversation.server
    trails = told.trails
    return Trace(
        client=told.client,
        connection_id=told.connection_id,
        client_address=conversation.client_address,
        server_address=conversation.server_address,
        url=_url(told),
        protocol=exchange.protocol,
        opening_seen=conversation.began,
        ending_seen=end is not None,
        guessed=exchange.is_websocket and exchange.opened_at_ns is None,
        started_at_s=told.seconds(conversation.first_at_ns),
        ended_at_s=told.seconds(end[2] if end else conversation.last_at_ns),
        ended_by=end[0] if end else None,
        end=end[1] if end else None,
        last_client_at_s=None if client.last_data_at_ns is None else told.seconds(client.last_data_at_ns),
        last_server_at_s=None if server.last_data_at_ns is None else told.seconds(server.last_data_at_ns),
        silence_s=conversation.silence_before_ns(end[2]) / 1e9 if end else None,
        sent_messages=trails[0].message_count if trails else 0,
        received_messages=trails[1].message_count if trails else 0,
        server_told_code=_server_told_code(told),
        after_close_bytes=exchange.after_close_bytes,
        omitted=any(trail.has_more_than(kept) for trail in trails or ()),
        violation=_violation(trails),
        remarks=_remarks(told),
        **_cut_off(trails),
        **_amounts("client", client),
        **_amounts("server", server),
    )


def _amounts(side: Side, direction: Direction) -> dict[str, Any]:
    """Return the fields of a `Trace` for how much one side sent, and what became of it."""
    return {
        f"{side}_bytes": direction.stream_bytes,
        f"{side}_missing_bytes": direction.missing_bytes,
        f"{side}_retransmissions": direction.retransmissions,
        f"{side}_unacknowledged_bytes": _unacknowledged(direction),
        f"{side}_zero_windows": direction.zero_windows,
        f"{side}_unanswered_probes": direction.unanswered_probes,
    }


def _cut_off(trails: tuple[FrameTrail, FrameTrail] | None) -> dict[str, int]:
    """Return the fields of a `Trace` for the client's last message, if it was cut off."""
    unfinished = trails[0].unfinished if trails else None
    if unfinished is None:
        return {}
    return {"unfinished_bytes": unfinished.wire_bytes, "announced_bytes": unfinished.announced_bytes}


def _server_told_code(told: Retold) -> int | None:
    if told.trails is None or not told.has_closed:
        return None
    close = told.trails[0].close
    unseen = None if told.is_one_way else 1006  # a client that was not captured may have sent one
    return close.told_code if close else unseen


def _unacknowledged(direction: Direction) -> int:
    if direction.acknowledged is None:
        return 0
    return max(0, direction.stream_bytes - direction.acknowledged)


def _url(told: Retold) -> str | None:
    """Return the requested URL, without the query, which may contain secrets."""
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
    if told.is_one_way:
        remarks += _close_frames(told)
    if not conversation.began:
        remarks.append("the capture begins in the middle of it")
    if told.end is None:
        remarks.append("the capture ends before it does")
    elif told.end[:2] == ("server", "reset") and exchange.after_close_bytes:
        unread = f"{exchange.after_close_bytes:,} bytes of the client's, behind the server's close frame, were not read"
        remarks.append(f"{unread}: TCP was reset")
    missing_bytes = conversation.client.missing_bytes + conversation.server.missing_bytes
    if missing_bytes:
        remarks.append(f"{missing_bytes:,} of its bytes are not in the capture")
    if any(trail.lost_sync for trail in told.trails or ()) and exchange.opened_at_ns is not None:
        remarks.append("behind a gap, frames were read from where they seemed to begin again")
    return remarks


def _close_frames(told: Retold) -> list[str]:
    """Describe the close frame of the captured side."""
    frames = [(side, trail.close) for side, trail in zip(("client", "server"), told.trails or (), strict=False)]
    return [
        f"the {side}'s close frame says {close.told_code}" + (f" “{close.told_reason}”" if close.told_reason else "")
        for side, close in frames
        if close is not None
    ]
