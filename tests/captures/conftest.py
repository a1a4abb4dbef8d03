"""Connections to be captured, written segment by segment: a test says who says what, and when."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable
from typing import Self

import pytest
from websockets.utils import accept_key

from wslab.captures.capture import read_packets
from wslab.captures.containers import Packet
from wslab.captures.pcapng import TcpScript, write_pcapng
from wslab.core.records import Close, Side
from wslab.core.runs import Run
from wslab.net.close_bodies import encode_close
from wslab.net.frames import encode_frame
from wslab.net.handshakes import encode_request

KEY = "AAAAAAAAAAAAAAAAAAAAAA=="
TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10


class Script:
    """One connection; each call is a millisecond after the one before, or as many as `wait_ms` says."""

    def __init__(self, *, port: int = 4000, server_port: int = 8080, host: str = "127.0.0.1") -> None:
        self.packets: list[Packet] = []
        self.tcp = TcpScript((host, port), (host, server_port))
        self.at_ns = 1_700_000_000_000_000_000

    def wait_ms(self, milliseconds: float) -> Self:
        self.at_ns += round(milliseconds * 1e6)
        return self

    def open(self) -> Self:
        return self._add(self.tcp.open)

    def say(self, side: Side, payload: bytes) -> Self:
        return self._add(lambda at_ns: self.tcp.send(side, at_ns, payload))

    def ask(self, *, extensions: str = "", path: str = "/feed?token=secret") -> Self:
        fields = {"Sec-WebSocket-Extensions": extensions} if extensions else {}
        return self.say("client", encode_request("127.0.0.1:8080", path, KEY, fields))

    def accept(self, *, extensions: str = "") -> Self:
        return self.say("server", accepted(extensions))

    def shake_hands(self, *, extensions: str = "") -> Self:
        return self.open().ask(extensions=extensions).accept(extensions=extensions)

    def frame(self, side: Side, payload: bytes, opcode: int = TEXT, *, final: bool = True, rsv1: bool = False) -> Self:
        return self.say(side, encode_frame(opcode, payload, sender=side, final=final, rsv1=rsv1))

    def close(self, side: Side, code: int = 1000, reason: str = "") -> Self:
        return self.frame(side, encode_close(Close(code=code, reason=reason)), CLOSE)

    def end(self, side: Side) -> Self:
        return self._add(lambda at_ns: self.tcp.end(side, at_ns))

    def reset(self, side: Side) -> Self:
        return self._add(lambda at_ns: self.tcp.reset(side, at_ns))

    def part_in_order(self) -> Self:
        return self.end("server").end("client")

    def _add(self, segments: Callable[[int], Iterable[Packet]]) -> Self:
        self.wait_ms(1)
        self.packets += segments(self.at_ns)
        return self


def accepted(extensions: str = "", key: str = KEY) -> bytes:
    extra = f"Sec-WebSocket-Extensions: {extensions}\r\n" if extensions else ""
    return (
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Accept: {accept_key(key)}\r\n{extra}\r\n"
    ).encode()


def captured(packets: Iterable[Packet]) -> bytes:
    """Return the packets as a pcapng."""
    file = io.BytesIO()
    write_pcapng(file, packets, comment="", application="tests")
    return file.getvalue()


def read(packets: Iterable[Packet]) -> Run:
    return read_packets(io.BytesIO(captured(packets)))


@pytest.fixture
def script() -> Script:
    return Script()
