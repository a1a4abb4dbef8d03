"""permessage-deflate for clients and lab servers, as `websockets` has it, without the memory that a bomb takes there.

The library inflates up to the limit before it refuses, and joins what it has inflated, so that a few kilobytes of a
peer's take twice the limit for a moment. Here a message that could be a bomb is measured first, piece by piece, and
only one that is within the limit is inflated.
"""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Sequence
from typing import Any

from websockets.exceptions import PayloadTooBig
from websockets.extensions import ClientExtensionFactory, ServerExtensionFactory
from websockets.extensions.permessage_deflate import (
    ClientPerMessageDeflateFactory,
    PerMessageDeflate,
    ServerPerMessageDeflateFactory,
)
from websockets.frames import Frame, Opcode

PIECE_BYTES = 1024
"""Measured at a time: it inflates to about 1 MiB at most."""

HIGHEST_RATIO = 1032
"""What deflate makes of a byte at most (https://zlib.net/zlib_tech.html)."""

CHEAP_BYTES = 4 * 2**20
"""Up to this limit a message is not worth measuring."""


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
            for at in range(0, len(content), PIECE_BYTES):
                inflated_bytes += len(decoder.decompress(content[at : at + PIECE_BYTES]))
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
