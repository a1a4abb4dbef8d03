"""Reads both directions of a connection: HTTP until a WebSocket opens, frames from then on, or some other protocol.

The handshake may be on any port, after other requests on the same connection, and after what a proxy is told first
(CONNECT, SOCKS, the PROXY protocol). If the beginning of a connection is not in the capture, it is read from where its
bytes look like frames, if they ever do.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from websockets.utils import accept_key

from wslab.captures.guessing import Guess
from wslab.captures.streams import FrameTrail
from wslab.captures.tls import IS_TLS, server_name
from wslab.captures.unread import MAX_LINE_BYTES, Unread
from wslab.core.records import Side
from wslab.net.handshakes import HandshakeError, agreed_extensions
from wslab.net.heads import HeadError, RequestHead, ResponseHead, read_request

Protocol = Literal["websocket", "http", "http2", "tls", "other", "none"]

MAX_REQUESTS = 64
"""Requests kept per connection, each with its answer; of later ones only the answer matters."""

_ONE_WAY_PARTS = 16
"""After this many segments from the server and none from the client, the client's direction was not captured."""

_HTTP2 = b"PRI * HTTP/2.0"
_DEFLATE = "permessage-deflate"


class HttpExchange(NamedTuple):
    """An HTTP request and its response."""

    at_ns: int
    request: RequestHead
    answered_at_ns: int
    response: ResponseHead


class CapturedExchange:
    """Both directions of a connection, read into handshakes and frames.

    Fields:
        protocol: what it turned out to be. asked: the requests with their responses; unanswered: the request that got
            none.
        trails: each side's frames, once a WebSocket is open.
        opened_at_ns: when the handshake was complete; None if it was not captured.
        via: what came before the handshake, such as "SOCKS".
        server_name: the name that a TLS client asked for. is_encrypted: whether all this was decrypted from TLS.
        remarks: anything else worth knowing, such as a response that no client may accept.
    """

    def __init__(self, *, from_beginning: bool, server_name: str | None = None, is_encrypted: bool = False) -> None:
        self.protocol: Protocol = "none"
        self.asked: list[HttpExchange] = []
        self.unanswered: tuple[int, RequestHead] | None = None
        self.trails: dict[Side, FrameTrail] = {}
        self.opened_at_ns: int | None = None
        self.compression = False
        self.via: list[str] = []
        self.remarks: list[str] = []
        self.from_beginning = from_beginning
        self.server_name = server_name
        self.is_encrypted = is_encrypted
        self._unread: dict[Side, Unread] = {"client": Unread(), "server": Unread()}
        self._body_bytes: dict[Side, int] = {"client": 0, "server": 0}
        self._bytes_at_close: int | None = None
        self._guess = Guess()

    @property
    def is_websocket(self) -> bool:
        return bool(self.trails)

    @property
    def after_close_bytes(self) -> int:
        """How many bytes the client sent after the server's close frame."""
        return 0 if self._bytes_at_close is None else self.trails["client"].wire_bytes - self._bytes_at_close

    def feed(self, side: Side, at_ns: int, data: bytes) -> None:
        """Take the next bytes from a side."""
        trail = self.trails.get(side)
        if trail is not None:
            trail.feed(at_ns, data)
            if side == "server" and trail.close is not None and self._bytes_at_close is None:
                self._bytes_at_close = self.trails["client"].wire_bytes
        elif self.protocol in ("none", "http"):
            skipped = min(self._body_bytes[side], len(data))
            self._body_bytes[side] -= skipped
            self._unread[side].add(at_ns, data[skipped:])
            self._read_heads()
            if not (self.from_beginning or self.trails or self.asked or self.unanswered):
                self._begin_where_it_looks_like_frames(side, at_ns, data)

    def skip(self, side: Side, at_ns: int, missing_bytes: int) -> None:
        """Note bytes that are missing from the capture."""
        trail = self.trails.get(side)
        if trail is not None:
            trail.skip(at_ns, missing_bytes)
        elif self._body_bytes[side] >= missing_bytes:
            self._body_bytes[side] -= missing_bytes
        elif self.protocol in ("none", "http"):
            self.from_beginning = False
            self._unread[side].clear()
            self._guess.skip(side, at_ns, missing_bytes)

    def _read_heads(self) -> None:
        """Read requests and responses as long as there are any."""
        while self.protocol in ("none", "http") and not self.trails:
            if self.unanswered is None and not self._read_request():
                break
            if self.unanswered is not None and not self._read_response():
                break

    def _read_request(self) -> bool:
        unread = self._unread["client"]
        begin = unread.find_request()
        if begin is None:
            self._name_other(unread.content)
            unread.keep_last(MAX_LINE_BYTES)
            if self._unread["server"].part_count > _ONE_WAY_PARTS:
                self._open_one_way()
                self._unread["server"].keep_last(MAX_LINE_BYTES)
            return False
        if begin:
            self._name_front(unread.content[:begin])
        try:
            request = read_request(unread.content[begin:])
        except HeadError as error:
            self.remarks.append(f"the client's request cannot be read: {error}")
            self.protocol = "other"
            return False
        if request is None:
            return False
        self.protocol = "http"
        self.unanswered = unread.at_ns(begin), request
        self._drop("client", begin + request.head_bytes, _body_bytes(request))
        return True

    def _read_response(self) -> bool:
        assert self.unanswered is not None
        found = self._unread["server"].find_response()
        if found is None:
            return False
        start, response = found
        (asked_at_ns, request), self.unanswered = self.unanswered, None
        at_ns = self._unread["server"].at_ns(start + response.head_bytes - 1)
        if len(self.asked) < MAX_REQUESTS:
            self.asked.append(HttpExchange(asked_at_ns, request, at_ns, response))
        has_body = request.method != "HEAD" and response.status not in (101, 204, 304) and request.method != "CONNECT"
        self._drop("server", start + response.head_bytes, _body_bytes(response) if has_body else 0)
        if request.method == "CONNECT" and 200 <= response.status < 300:
            self.via.append(f"a tunnel of an HTTP proxy (CONNECT {request.resource[:120]})")
            self.protocol = "none"
        elif response.status == 101:
            self._open(at_ns, request, response)
        return True

    def finish(self) -> None:
        """Note that no more data will come: read what was waiting for the other side without it."""
        if not self.trails and self.protocol in ("none", "http"):
            self._open_one_way()

    def _open_one_way(self) -> None:
        """Read one side's frames if the capture has only that side."""
        if self.unanswered is not None and not self._unread["server"].content:
            if "websocket" in self.unanswered[1].fields.options("Upgrade") and self._unread["client"].content:
                self._begin_one_way("client")
        elif self.unanswered is None and not self.asked and not self._unread["client"].content:
            found = self._unread["server"].find_response()
            if found is not None and "websocket" in found[1].fields.options("Upgrade") and found[1].status == 101:
                self._drop("server", found[0] + found[1].head_bytes, 0)
                self._begin_one_way("server")

    def _begin_one_way(self, side: Side) -> None:
        self.remarks.append(f"the capture holds what the {side} sent, and not what the other side did")
        self.protocol, self.unanswered = "websocket", None
        self._begin_frames(side, FrameTrail(side, deflate=True, inflates=False))
        other: Side = "server" if side == "client" else "client"
        self._begin_frames(other, FrameTrail(other, deflate=True, synced=False))

    def _open(self, at_ns: int, request: RequestHead, response: ResponseHead) -> None:
        if "websocket" not in response.fields.options("Upgrade"):
            self.protocol = "other"
            self.remarks.append(f"the connection was upgraded to {response.fields.get('Upgrade')[:60]!r}, no WebSocket")
            return
        if response.fields.get("Sec-WebSocket-Accept") != accept_key(request.fields.get("Sec-WebSocket-Key")):
            self.remarks.append("Sec-WebSocket-Accept is not what the key asks for: no client takes this answer")
        try:
            parameters = agreed_extensions(response.fields).get(_DEFLATE)
        except HandshakeError as error:
            self.remarks.append(f"the answer's extensions cannot be read: {error}")
            parameters = None
        self.protocol, self.opened_at_ns, self.compression = "websocket", at_ns, parameters is not None
        for side in ("client", "server"):
            takeover = f"{side}_no_context_takeover" not in (parameters or {})
            self._begin_frames(side, FrameTrail(side, deflate=self.compression, takeover=takeover))

    def _begin_frames(self, side: Side, trail: FrameTrail) -> None:
        self.trails[side] = trail
        for at_ns, data in self._unread[side].take():
            trail.feed(at_ns, data)

    def _drop(self, side: Side, taken_bytes: int, body_bytes: int) -> None:
        unread = self._unread[side]
        skipped = min(body_bytes, len(unread.content) - taken_bytes)
        unread.drop(taken_bytes + skipped)
        self._body_bytes[side] = body_bytes - skipped

    def _name_front(self, front: bytes) -> None:
        if self.asked:
            return  # a body of unknown length
        known = {5: "SOCKS", 4: "SOCKS"}.get(front[0])
        if front.startswith((b"PROXY ", b"\r\n\r\n\x00\r\nQUIT\n")):
            known = "the PROXY protocol"
        self.via.append(known or f"{len(front):,} bytes that are no HTTP")

    def _name_other(self, pending: bytes) -> None:
        """Name the protocol if the first bytes leave no doubt."""
        if IS_TLS.match(pending):
            self.protocol = "tls"
            self.server_name = server_name(pending)
        elif pending.startswith(_HTTP2):
            self.protocol = "http2"
        elif len(pending) > MAX_LINE_BYTES and self.from_beginning:
            self.protocol = "other"

    def _begin_where_it_looks_like_frames(self, side: Side, at_ns: int, data: bytes) -> None:
        if IS_TLS.match(data):
            self.protocol = "tls"
        if self._guess.take(side, at_ns, data):
            self.protocol = "websocket"
            self.trails = {each: FrameTrail(each, deflate=True, synced=False) for each in ("client", "server")}
            for each, trail in self.trails.items():
                self._guess.tell(each, trail)


def _body_bytes(head: RequestHead | ResponseHead) -> int:
    length = head.fields.get("Content-Length")
    return int(length) if re.fullmatch(r"\d{1,12}", length, re.ASCII) else 0
