"""Turns a run into packets, so that Wireshark can open what the lab recorded.

A run keeps sizes, times and close frames but no contents: messages are filled with `x`, uncompressed, and the file says
so. It includes connections whose end was recorded, and attempts that failed. A relay's run shows the frames between the
client and the relay.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import io
from collections.abc import Iterator
from typing import NamedTuple

from websockets.frames import Opcode
from websockets.utils import accept_key

from wslab.captures.containers import Packet
from wslab.captures.pcapng import TcpScript, write_pcapng
from wslab.core.errors import BadValueError
from wslab.core.records import Attempt, Close, Closure, Frame, Side
from wslab.core.runs import Run
from wslab.net.frames import encode_frame, encode_header
from wslab.net.handshakes import encode_request

MAX_PAYLOAD_BYTES = 2**30
"""Of all messages together: Wireshark could hardly open a larger file."""

COMMENT = "Reenacted by wslab from a run's records: sizes, times and close frames are recorded, contents are filler."

_HOST = "127.0.0.1"
_FIRST_PORT, _SERVER_PORT = 10_000, 8765
_KEY = "d3NsYWItcmVlbmFjdGVkMQ=="
_LATER_NS = 1_000  # between events with the same time


class _Act(NamedTuple):
    """What a side does at some time: it sends bytes, a FIN or a RST."""

    at_s: float
    side: Side
    payload: bytes = b""
    end: str = ""


def reenact(run: Run) -> bytes:
    """Return the run as a pcapng.

    Raises:
        BadValueError: its messages are too large to write.
    """
    total_bytes = sum(send.payload_bytes for send in run.sends) + sum(each.payload_bytes or 0 for each in run.receipts)
    total_bytes += sum(frame.passed_bytes for frame in run.frames)
    if total_bytes > MAX_PAYLOAD_BYTES:
        raise BadValueError(
            f"the run's messages have {total_bytes:,} bytes together, but at most {MAX_PAYLOAD_BYTES:,} are written as "
            "packets; take a part of the run"
        )
    begun_ns = round(datetime.datetime.fromisoformat(run.info.started_at).timestamp() * 1e9)
    packets = sorted(_packets(run, begun_ns), key=lambda packet: packet.at_ns)
    file = io.BytesIO()
    application = f"wslab {importlib.metadata.version('wslab')}"
    write_pcapng(file, packets, comment=COMMENT, application=application)
    return file.getvalue()


def _packets(run: Run, begun_ns: int) -> Iterator[Packet]:
    ports = {account.connection_id: account.peer_port for account in run.accounts}
    for number, closure in enumerate(run.closures):
        port = ports.get(closure.connection_id or "", _FIRST_PORT + number)
        yield from _connection(run, closure, port, begun_ns)
    for number, attempt in enumerate(run.attempts):
        if attempt.outcome != "opened":
            yield from _in_vain(attempt, _FIRST_PORT + len(run.closures) + number, begun_ns)


def _connection(run: Run, closure: Closure, port: int, begun_ns: int) -> Iterator[Packet]:
    script = TcpScript((_HOST, 1 + port % 65_535), (_HOST, _SERVER_PORT))
    opened_ns = begun_ns + round(closure.opened_at_s * 1e9)
    at_ns = opened_ns - 3 * _LATER_NS
    yield from script.open(at_ns)
    yield from script.send("client", at_ns + _LATER_NS, encode_request(f"{_HOST}:{_SERVER_PORT}", "/", _KEY))
    yield from script.send("server", opened_ns, _ACCEPTED)
    at_ns = opened_ns
    for act in [*sorted(_traffic(run, closure), key=lambda act: act.at_s), *_farewell(closure)]:
        at_ns = max(at_ns + 1, begun_ns + round(act.at_s * 1e9))
        if act.end == "reset":
            yield from script.reset(act.side, at_ns)
        elif act.end:
            yield from script.end(act.side, at_ns)
        else:
            yield from script.send(act.side, at_ns, act.payload)


_ACCEPTED = (
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    f"Sec-WebSocket-Accept: {accept_key(_KEY)}\r\n\r\n"
).encode()


def _traffic(run: Run, closure: Closure) -> Iterator[_Act]:
    """Yield a connection's messages and pings up to its end, which `_farewell` adds."""
    until_s = closure.close_started_at_s
    for send in run.sends:
        if _is_of(closure, send.client, send.connection_id, send.started_at_s) and send.outcome != "unopened":
            kind = Opcode.TEXT if send.payload_characters is not None or send.payload_kind == "text" else Opcode.BINARY
            yield _Act(min(send.started_at_s, until_s), "client", _filled(kind, send.payload_bytes, "client"))
            if send.reply_bytes is not None and send.round_trip_s is not None:
                at_s = min(send.started_at_s + send.round_trip_s, until_s)
                yield _Act(at_s, "server", _filled(kind, send.reply_bytes, "server"))
    for receipt in run.receipts:
        if _is_of(closure, receipt.client, receipt.connection_id, receipt.started_at_s):
            kind = Opcode.TEXT if receipt.payload_kind == "text" else Opcode.BINARY
            size = receipt.announced_bytes if receipt.payload_bytes is None else receipt.payload_bytes
            yield _Act(min(receipt.started_at_s, until_s), "server", _filled(kind, size, "server"))
    for ping in run.pings:
        if _is_of(closure, ping.client, ping.connection_id, ping.sent_at_s):
            payload = b"\x00" * min(ping.payload_bytes, 125)
            other: Side = "server" if ping.sent_by == "client" else "client"
            yield _Act(
                min(ping.sent_at_s, until_s), ping.sent_by, encode_frame(Opcode.PING, payload, sender=ping.sent_by)
            )
            if ping.answered_at_s is not None:
                yield _Act(min(ping.answered_at_s, until_s), other, encode_frame(Opcode.PONG, payload, sender=other))
    for frame in run.frames:
        if _is_of(closure, frame.client, frame.connection_id, frame.at_s) and _met_the_client(frame):
            yield _Act(min(frame.at_s, until_s), frame.sent_by, _as_it_passed(frame))


def _met_the_client(frame: Frame) -> bool:
    """Whether it passed between the client and the relay; close frames are left to `_farewell`."""
    return frame.opcode != "close" and frame.fate != ("dropped" if frame.sent_by == "server" else "inserted")


def _as_it_passed(frame: Frame) -> bytes:
    """Return its bytes, as many as came; not marked as compressed, since the filler is not."""
    opcode = int(frame.opcode) if frame.opcode.isdecimal() else Opcode[frame.opcode.upper()]
    mask = bytes(4) if frame.masked else b""  # which leaves the filler unchanged
    return encode_header(opcode, frame.payload_bytes, mask, final=frame.final) + b"x" * frame.passed_bytes


def _farewell(closure: Closure) -> Iterator[_Act]:
    """Yield the close frames in their order, and the end of TCP."""
    frames: list[tuple[Side, Close | None]] = [("server", closure.received), ("client", closure.sent)]
    if closure.closed_by == "client":
        frames.reverse()
    for side, frame in frames:
        if frame is not None:
            yield _Act(closure.close_started_at_s, side, encode_frame(Opcode.CLOSE, _body(frame), sender=side))
    match closure.tcp_end:
        case "fin":
            yield _Act(closure.closed_at_s, "server", end="fin")
            yield _Act(closure.closed_at_s, "client", end="fin")
        case "reset":
            yield _Act(closure.closed_at_s, "server", end="reset")
        case "aborted":
            yield _Act(closure.closed_at_s, "client", end="reset")


def _body(close: Close) -> bytes:
    """Return the payload of a close frame as it was on the wire, even if it was invalid."""
    if close.code == 1005 and not close.reason:
        return b""
    return (close.code & 0xFFFF).to_bytes(2, "big") + close.reason.encode(errors="replace")


def _in_vain(attempt: Attempt, port: int, begun_ns: int) -> Iterator[Packet]:
    script = TcpScript((_HOST, 1 + port % 65_535), (_HOST, _SERVER_PORT))
    at_ns = begun_ns + round(attempt.started_at_s * 1e9)
    ended_ns = max(at_ns + _LATER_NS, begun_ns + round(attempt.ended_at_s * 1e9))
    if attempt.http_status is None:
        yield from script.ask_in_vain(at_ns, refused=attempt.outcome == "refused")
        return
    yield from script.open(at_ns)
    yield from script.send("client", at_ns + _LATER_NS // 2, encode_request(f"{_HOST}:{_SERVER_PORT}", "/", _KEY))
    yield from script.send("server", ended_ns, f"HTTP/1.1 {attempt.http_status} \r\nContent-Length: 0\r\n\r\n".encode())
    yield from script.end("server", ended_ns + _LATER_NS)


def _filled(opcode: int, payload_bytes: int, sender: Side) -> bytes:
    return encode_frame(opcode, b"x" * payload_bytes, sender=sender)


def _is_of(closure: Closure, client: int, connection_id: str | None, at_s: float) -> bool:
    if connection_id is not None and closure.connection_id is not None:
        return connection_id == closure.connection_id
    return client == closure.client and closure.opened_at_s <= at_s <= closure.closed_at_s
