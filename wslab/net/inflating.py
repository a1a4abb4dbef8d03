"""permessage-deflate (RFC 7692) in bounded memory: for our own readers of frames, and for `websockets`.

    Inflater            one direction, piece by piece
    offered, accepted   the library's extension, for a client and a lab server, made safe against bombs

The library inflates a message up to the limit before refusing it, and joins the pieces, so a few kilobytes from a peer
briefly take twice the limit. Here, a message that could be a bomb is first measured, piece by piece, and inflated only
if it is within the limit.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator, Sequence
from typing import Any

from websockets.exceptions import PayloadTooBig
from websockets.extensions import ClientExtensionFactory, ServerExtensionFactory
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    PerMessageDeflate,
    ServerPerMessageDeflateFactory,
)
from websockets.frames import Frame, Opcode

from wslab.net.frames import FrameError

PIECE_BYTES = 2**20
"""The most that an `Inflater` yields at once."""

MEASURED_BYTES = 1024
"""Compressed bytes measured at a time; they inflate to about 1 MiB at most."""

HIGHEST_RATIO = 1032
"""The highest ratio of deflate (https://zlib.net/zlib_tech.html)."""

CHEAP_BYTES = 4 * 2**20
"""Under a limit up to this size, a message is not worth measuring."""

_SYNC_MARK = b"\x00\x00\xff\xff"  # omitted at the end of a compressed message (RFC 7692 §7.2.2)


class Inflater:
    """permessage-deflate, one direction: compressed payload in, content out in pieces of at most `PIECE_BYTES`.

    Args:
        takeover: messages may refer to earlier ones, as they do unless agreed otherwise (RFC 7692 §7.1.1).
    """

    def __init__(self, *, takeover: bool = True) -> None:
        self._takeover = takeover
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)

    def feed(self, payload: bytes, *, ends: bool) -> Iterator[bytes]:
        """Yield the inflated content of a piece of a message; `ends`: the piece is the message's last.

        Stop iterating when it is too much: content is inflated only on demand.

        Raises:
            FrameError: it does not inflate.
        """
        rest, more = payload + _SYNC_MARK if ends else payload, True
        while rest or more:
            try:
                content = self._inflate.decompress(rest, PIECE_BYTES)
            except zlib.error as error:
                raise FrameError(f"a compressed message that does not inflate: {error}", "RFC 7692 §7.2.2") from None
            if content:
                yield content
            rest, more = self._inflate.unconsumed_tail, len(content) == PIECE_BYTES
            if self._inflate.eof:  # a final block inside a message (RFC 7692 §7.2.3.5)
                rest = self._inflate.unused_data
                self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
        if ends and not self._takeover:
            self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)


class MeasuredDeflate(PerMessageDeflate):
    """The library's extension; refuses a frame that would inflate beyond the limit before it takes any memory."""

    def decode(self, frame: Frame, *, max_size: int | None = None) -> Frame:
        if max_size is not None and CHEAP_BYTES < max_size < HIGHEST_RATIO * len(frame.data):
            self._measure(frame, max_size)
        return super().decode(frame, max_size=max_size)

    def _measure(self, frame: Frame, max_size: int) -> None:
        """Raise PayloadTooBig if the frame inflates beyond the limit; broken data is left to `decode`."""
        if not (self.decode_cont_data if frame.opcode is Opcode.CONT else frame.rsv1):
            return
        fresh = frame.opcode is not Opcode.CONT and self.remote_no_context_takeover
        decoder = zlib.decompressobj(wbits=-self.remote_max_window_bits) if fresh else self.decoder.copy()
        content, inflated_bytes = memoryview(frame.data), 0
        with contextlib.suppress(zlib.error):
            for at in range(0, len(content), MEASURED_BYTES):
                inflated_bytes += len(decoder.decompress(content[at : at + MEASURED_BYTES]))
                if inflated_bytes > max_size:
                    raise PayloadTooBig(None, max_size)


class _Offer(ClientPerMessageDeflateFactory):
    def process_response_params(self, *arguments: Any) -> PerMessageDeflate:
        return _measured(super().process_response_params(*arguments))


class _Acceptance(ServerPerMessageDeflateFactory):
    def process_request_params(self, *arguments: Any) -> tuple[Any, PerMessageDeflate]:
        answer, agreed = super().process_request_params(*arguments)
        return answer, _measured(agreed)


def offered() -> Sequence[ClientExtensionFactory]:
    """Return a client's offer, with the library's defaults."""
    return [_Offer(compress_settings={"memLevel": 5})]


def accepted() -> Sequence[ServerExtensionFactory]:
    """Return a lab server's acceptance, with the library's defaults."""
    return [_Acceptance(server_max_window_bits=12, client_max_window_bits=12, compress_settings={"memLevel": 5})]


def _measured(agreed: PerMessageDeflate) -> MeasuredDeflate:
    return MeasuredDeflate(
        agreed.remote_no_context_takeover,
        agreed.local_no_context_takeover,
        agreed.remote_max_window_bits,
        agreed.local_max_window_bits,
        agreed.compress_settings,
    )
