"""One attempt of a herd's client: TCP connection and opening handshake, until it opens or fails."""

from __future__ import annotations

import errno
import os
import secrets
import socket
import ssl
from functools import lru_cache
from typing import NamedTuple, Protocol

from websockets.utils import accept_key

from wslab.core.errors import in_words
from wslab.core.records import AttemptOutcome
from wslab.core.target import CLIENT
from wslab.core.trust import not_trusted
from wslab.net.handshakes import HandshakeError, check_opening, encode_request, new_key
from wslab.net.heads import HeadError, ResponseHead, read_response, retry_after_s
from wslab.net.herds.destination import AwaitsPeerError, Destination
from wslab.net.herds.readiness import Deadlines, Readiness

RECEIVE_BYTES = 16_384

MAX_HEAD_BYTES = 16_384
"""The longest answer to an opening handshake: thousands may be incomplete at once."""

_BLANK_LINE = b"\r\n\r\n"
_ACCEPTED = secrets.token_hex(14).encode()
"""Replaces the correct accept key; it has the same length, and no server can guess it."""


class HandshakeAnswer(NamedTuple):
    """A server's answer to an opening handshake; `rest` are the bytes after it."""

    status: int
    retry_after_s: float | None
    connection_id: str | None
    rest: bytes


class OpeningKeeper(Protocol):
    """The owner of an attempt."""

    loop: Readiness
    destination: Destination
    openings: Deadlines

    def attempted(self, opening: Opening) -> None:
        """Called when the attempt has ended; if it opened, the keeper now owns `sock`, which is watched."""


class Opening:
    """An attempt under way; once it has ended, `outcome`, `answer` and `error` say how (see `Attempt`)."""

    __slots__ = (
        "_keeper",
        "_key",
        "_received",
        "answer",
        "client",
        "ended_at_s",
        "error",
        "outcome",
        "received_wire_bytes",
        "sent_wire_bytes",
        "sock",
        "started_at_s",
    )

    def __init__(self, keeper: OpeningKeeper, client: int) -> None:
        self.client = client
        self.outcome: AttemptOutcome = "failed"
        self.answer: HandshakeAnswer | None = None
        self.error: str | None = None
        self.sock: socket.socket | None = None
        self.sent_wire_bytes = 0
        self.received_wire_bytes = 0
        self._keeper = keeper
        self._key = new_key()
        self._received = b""
        self.started_at_s = self.ended_at_s = keeper.loop.now()

    def begin(self) -> None:
        """Send the SYN. Over loopback, TCP is connected or refused when the call returns."""
        destination, loop = self._keeper.destination, self._keeper.loop
        self._keeper.openings.begin(self, self.started_at_s)
        try:
            self.sock = destination.new_socket(self.client)
            self.started_at_s = loop.now()
            code = self.sock.connect_ex(destination.address)
            if code not in (0, errno.EINPROGRESS):
                raise OSError(code, os.strerror(code))
            loop.watch(self.sock, self, writable=not self._ask())
        except OSError as error:
            self._fail(error)

    def ready(self) -> None:
        assert self.sock is not None
        try:
            if not self.sent_wire_bytes:
                self._keeper.loop.watch(self.sock, self, writable=not self._ask())
            elif received := self.sock.recv(RECEIVE_BYTES):
                self._read(received)
            else:
                raise EOFError("the connection ended during the opening handshake")
        except BlockingIOError:
            return
        except (OSError, EOFError, HeadError, HandshakeError) as error:
            self._fail(error)

    def expired(self) -> None:
        self.error = in_words(TimeoutError())
        self._end("timeout")

    def abandon(self) -> None:
        """Drop the attempt without calling the keeper."""
        self._keeper.openings.end(self)
        if self.sock is not None:
            self._keeper.loop.close(self.sock)

    def _ask(self) -> bool:
        """Send the opening handshake, if TCP and TLS are ready; return whether to read next."""
        assert self.sock is not None
        to = self._keeper.destination
        try:
            # One call is enough: the send buffer of a new connection is empty.
            self.sent_wire_bytes = self.sock.send(self._request(to))
        except AwaitsPeerError:
            return True
        except BlockingIOError:
            return False
        return True

    def _request(self, to: Destination) -> bytes:
        if not to.fields:
            return encode_request(to.authority, to.resource, self._key)
        authority = to.authority.replace(CLIENT, str(self.client))
        return encode_request(authority, to.resource, self._key, to.fields_of(self.client))

    def _read(self, received: bytes) -> None:
        self._received += received
        self.received_wire_bytes += len(received)
        self.answer = read_answer(self._received, self._key, self._keeper.destination.subprotocols)
        if self.answer is not None:
            self._end("opened" if self.answer.status == 101 else "rejected")

    def _fail(self, error: Exception) -> None:
        self.error = not_trusted(error) if isinstance(error, ssl.SSLError) else in_words(error)
        match error:
            case ConnectionRefusedError():
                self._end("refused")
            case ConnectionError() | EOFError() | ssl.SSLEOFError():
                self._end("reset")
            case _:
                self._end("failed")

    def _end(self, outcome: AttemptOutcome) -> None:
        self.outcome = outcome
        self.ended_at_s = self._keeper.loop.now()
        if outcome == "opened":
            self._keeper.openings.end(self)
        else:
            self.abandon()
        self._keeper.attempted(self)


def read_answer(received: bytes, key: str, subprotocols: tuple[str, ...] = ()) -> HandshakeAnswer | None:
    """Return the server's answer to the handshake with this key and offer; None if it is incomplete.

    Raises:
        HeadError: it is not HTTP, or too long.
        HandshakeError: it is a 101 that a client must refuse (RFC 6455 §4.1).
    """
    head, blank, _ = received.partition(_BLANK_LINE)
    accept = accept_key(key).encode()
    read = _read_head((head + blank).replace(accept, _ACCEPTED), subprotocols)
    if read is None and blank:  # an interim answer; more may follow
        read = _read_head(received.replace(accept, _ACCEPTED), subprotocols)
    if read is None:
        return None
    response, connection_id = read
    wait_s = None if response.status == 101 else retry_after_s(response.fields)
    return HandshakeAnswer(response.status, wait_s, connection_id, received[response.head_bytes :])


@lru_cache(maxsize=64)
def _read_head(head: bytes, subprotocols: tuple[str, ...]) -> tuple[ResponseHead, str | None] | None:
    """Read a head in which `_ACCEPTED` replaces the expected accept key; return it with the connection's id.

    A herd receives the same answer thousands of times, except for that key, so it is parsed only once.
    """
    response = read_response(head, max_bytes=MAX_HEAD_BYTES)
    if response is None:
        return None
    if response.status == 101:
        check_opening(response, _ACCEPTED.decode(), subprotocols=subprotocols)
    return response, response.fields.get("X-Wslab-Connection") or None
