"""Frames on their way through a relay, and the records made of them afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from websockets.frames import Opcode

from wslab.core.records import Frame, FrameFate, Side
from wslab.net.close_bodies import read_close
from wslab.net.frames import masked, read_header
from wslab.net.relay.previews import shown

NAMES = {int(opcode): opcode.name.lower() for opcode in Opcode}


class PassingFrame:
    """A frame on its way; `fate` is what becomes of it."""

    __slots__ = ("at_s", "fate", "first", "is_text", "mask", "number", "passed_bytes", "payload_bytes", "start", "text")

    def __init__(self, first: int, mask: bytes, payload_bytes: int, number: int, at_s: float) -> None:
        self.first = first
        self.mask = mask
        self.payload_bytes = payload_bytes
        self.number = number
        self.at_s = at_s
        self.passed_bytes = 0
        self.start = b""  # of the payload, as on the wire
        self.is_text = False
        self.text: str | None = None
        self.fate: FrameFate = "passed"

    @property
    def opcode(self) -> int:
        return self.first & 0x0F

    @property
    def is_control(self) -> bool:
        return bool(self.first & 0x08)

    @property
    def final(self) -> bool:
        return self.first > 0x7F

    @property
    def rsv1(self) -> bool:
        return bool(self.first & 0x40)

    @property
    def preview(self) -> bytes:
        """The beginning of the payload, unmasked."""
        return masked(self.start, self.mask)

    def replace_payload(self, payload: bytes) -> None:
        """Note that the relay passed this control frame on with another payload."""
        self.start, self.mask, self.payload_bytes = payload, b"", len(payload)


PlainFrame = tuple[bytes, int, float, bool]
"""A whole data frame that passed as it came, as nearly all do: header and beginning of the payload as on the wire, its
number, when it came, whether it is text. A tuple is made in half the time of an object."""


def unpacked(frame: PassingFrame | PlainFrame, sender: Side) -> PassingFrame:
    """Return a frame with its header read."""
    if isinstance(frame, PassingFrame):
        return frame
    start, number, at_s, is_text = frame
    header = read_header(start, sender=sender)
    assert header is not None
    seen = PassingFrame(start[0], header.mask, header.payload_bytes, number, at_s)
    seen.start, seen.passed_bytes, seen.is_text = start[header.header_bytes :], header.payload_bytes, is_text
    return seen


class Passed(NamedTuple):
    """Frames whose fate is known. Records are made of them only when somebody wants to see them."""

    client: int
    connection_id: str | None
    sender: Side
    seen: list[PassingFrame | PlainFrame]

    def records(self) -> Iterator[Frame]:
        """Yield one record per frame."""
        return map(self._record, self.seen)

    def _record(self, frame: PassingFrame | PlainFrame) -> Frame:
        seen = unpacked(frame, self.sender)
        close = read_close(seen.preview).close if seen.opcode == Opcode.CLOSE else None
        start = close.reason.encode() if close else seen.preview
        text = seen.text if seen.text is not None else shown(start, is_text=seen.is_text or seen.is_control)
        return Frame(
            client=self.client,
            connection_id=self.connection_id,
            number=seen.number,
            sent_by=self.sender,
            at_s=seen.at_s,
            opcode=NAMES[seen.opcode],
            final=seen.final,
            rsv1=seen.rsv1,
            masked=self.sender == "client",
            payload_bytes=seen.payload_bytes,
            passed_bytes=seen.passed_bytes,
            preview=text,
            close_code=close.code if close else None,
            close_reason=close.reason if close else None,
            fate=seen.fate,
        )
