"""A data message while its frames arrive, and what is kept of it: sizes, times and counts."""

from __future__ import annotations

from typing import NamedTuple

from wslab.net.frames import FrameHeader


class SeenMessage(NamedTuple):
    """A data message, complete or cut off.

    Fields:
        payload_bytes: the size after inflation; None if unknown. announced_bytes: the size in its frames' headers.
        wire_bytes: the bytes that arrived, headers included.
    """

    number: int
    is_text: bool
    began_at_ns: int
    ended_at_ns: int
    payload_bytes: int | None
    announced_bytes: int
    fragment_count: int
    wire_bytes: int
    compression: bool
    is_complete: bool


class SeenControl(NamedTuple):
    """A ping or a pong."""

    at_ns: int
    payload: bytes


class GrowingMessage:
    """A data message whose last frame has not arrived yet."""

    __slots__ = (
        "announced_bytes",
        "began_at_ns",
        "compression",
        "ended_at_ns",
        "fragment_count",
        "inflated_bytes",
        "is_text",
        "is_whole",
        "wire_bytes",
    )

    def __init__(self, is_text: bool, compression: bool, at_ns: int) -> None:
        self.is_text, self.compression = is_text, compression
        self.began_at_ns = self.ended_at_ns = at_ns
        self.announced_bytes = self.fragment_count = self.wire_bytes = self.inflated_bytes = 0
        self.is_whole = True

    def begin_fragment(self, header: FrameHeader) -> None:
        self.fragment_count += 1
        self.announced_bytes += header.payload_bytes
        self.wire_bytes += header.header_bytes

    def miss(self, missing_bytes: int) -> None:
        self.wire_bytes += missing_bytes
        self.is_whole = self.is_whole and not self.compression

    def seen(self, number: int, *, is_complete: bool) -> SeenMessage:
        size = self.announced_bytes if not self.compression else self.inflated_bytes if self.is_whole else None
        return SeenMessage(
            number, self.is_text, self.began_at_ns, self.ended_at_ns, size, self.announced_bytes,
            self.fragment_count, self.wire_bytes, self.compression, is_complete,
        )  # fmt: skip
