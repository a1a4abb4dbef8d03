"""What a client under observation is asked and answers: one line of JSON on its stdin, one on its stdout.

Each client is a program of its own, so that a blocking one blocks nobody, none shares an interpreter with what measures
it, and one in another language is asked the same. It leaves when its stdin ends.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import msgspec

from wslab.core.errors import in_words


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """Connect to `url`, send one binary message of `payload_bytes`, and wait for what comes of it."""

    url: str
    payload_bytes: int


class ClientReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the application was told.

    Fields:
        close_code: 1006 where it learned that the connection had ended, but no code.
        close_reason: of the close frame, if it was shown.
        error: the library's words, where it raised.
    """

    close_code: int | None
    close_reason: str | None = None
    error: str | None = None


encode = msgspec.json.Encoder().encode
decode_answer = msgspec.json.Decoder(ClientReport).decode
_decode_order = msgspec.json.Decoder(Order).decode


def obey(send: Callable[[str, bytes], ClientReport]) -> None:
    """Carry out the orders on stdin, until it ends."""
    payload = b""
    for line in sys.stdin.buffer:
        order = _decode_order(line)
        if len(payload) != order.payload_bytes:
            payload = b"x" * order.payload_bytes
        try:
            answer = send(order.url, payload)
        except Exception as error:  # each library has errors of its own, and none tells a code
            answer = ClientReport(close_code=1006, error=in_words(error))
        sys.stdout.buffer.write(encode(answer) + b"\n")
        sys.stdout.buffer.flush()
