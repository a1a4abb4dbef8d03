"""Orders to a client under observation, and its reports: one line of JSON on stdin, one on stdout.

Each client is a separate program, so that a blocking one blocks nothing, none shares an interpreter with the
measurement, and other languages work the same way. It ends when its stdin ends.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import msgspec

from wslab.core.errors import in_words


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Connect to `url`, send one binary message of `payload_bytes`, and wait for the outcome."""

    url: str
    payload_bytes: int


class ClientReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the application was told.

    Fields:
        close_code: 1006 if it learned that the connection ended, but no code.
        close_reason: of the close frame, if shown.
        error: the message of the library's exception, if it raised.
    """

    close_code: int | None
    close_reason: str | None = None
    error: str | None = None


encode = msgspec.json.Encoder().encode
decode_answer = msgspec.json.Decoder(ClientReport).decode
_decode_order = msgspec.json.Decoder(Order).decode


def obey(send: Callable[[str, bytes], ClientReport]) -> None:
    """Carry out the orders on stdin until it ends."""
    payload = b""
    for line in sys.stdin.buffer:
        order = _decode_order(line)
        if len(payload) != order.payload_bytes:
            payload = b"x" * order.payload_bytes
        try:
            answer = send(order.url, payload)
        except Exception as error:  # libraries raise their own errors, which have no code
            answer = ClientReport(close_code=1006, error=in_words(error))
        sys.stdout.buffer.write(encode(answer) + b"\n")
        sys.stdout.buffer.flush()
