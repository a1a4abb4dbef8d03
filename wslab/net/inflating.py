"""permessage-deflate (RFC 7692) within bounds: for those who read frames themselves, and for `websockets`.

    Inflater            one direction, piece by piece
    offered, accepted   the library's extension, for a client and a lab server, without the memory that a bomb takes

The library inflates a message up to the limit before it refuses it, and joins the pieces, so a few kilobytes from a
peer take twice the limit for a moment. Here a message that could be a bomb is measured first, piece by piece, and
inflated only if it is within the limit.
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
"""What an `Inflater` yields at once, at most."""

MEASURED_BYTES = 1024
"""Measured at a time: it inflates to about 1 MiB at most."""

HIGHEST_RATIO = 1032
"""What deflate makes of a byte at most (https://zlib.net/zlib_tech.html)."""

CHEAP_BYTES = 4 * 2**20
"""Up to this limit a message is not worth measuring."""

_SYNC_MARK = b"\x00\x00\xff\xff"  # what a compressed message leaves out at its end (RFC 7692 §7.2.2)


class Inflater:
    """permessage-deflate, one direction: compressed payload in, content out in pieces of at most `PIECE_BYTES`.

    Args:
        takeover: messages may look back at those before them, as they do unless agreed otherwise (RFC 7692 §7.1.1).
    """

    def __init__(self, *, takeover: bool = True) -> None:
        self._takeover = takeover
        self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)

    def feed(self, payload: bytes, *, ends: bool) -> Iterator[bytes]:
        """Yield what a piece of a message's payload inflates to; `ends`: it is the message's last.

        Stop whenever it is too much: nothing is inflated before it is asked for.

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
    """The library's extension; a frame that would inflate beyond the limit is refused before it takes any memory."""

    def decode(self, frame: Frame, *, max_size: int | None = None) -> Frame:
        if max_size is not None and CHEAP_BYTES < max_size < HIGHEST_RATIO * len(frame.data):
            self._measure(frame, max_size)
        return super().decode(frame, max_size=max_size)

    def _measure(self, frame: Frame, max_size: int) -> None:
        """Raise PayloadTooBig where the frame inflates beyond the limit; what is broken is left to `decode`."""
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
    """Return what a client offers: the library's defaults."""
    return [_Offer(compress_settings={"memLevel": 5})]


def accepted() -> Sequence[ServerExtensionFactory]:
    """Return what a lab server accepts: the library's defaults."""
    return [_Acceptance(server_max_window_bits=12, client_max_window_bits=12, compress_settings={"memLevel": 5})]


def _measured(agreed: PerMessageDeflate) -> MeasuredDeflate:
    return MeasuredDeflate(
        agreed.remote_no_context_takeover,
        agreed.local_no_context_takeover,
        agreed.remote_max_window_bits,
        agreed.local_max_window_bits,
        agreed.compress_settings,
    )
