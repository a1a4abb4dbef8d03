"""What the faults of one direction make of the bytes that pass: how long they wait, what goes out, in which pieces."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import NamedTuple, TypeVar

from websockets.frames import Opcode

from wslab.core.records import Side
from wslab.core.relay.faults import (
    Bandwidth,
    Cut,
    DropClose,
    Fault,
    HoldPongs,
    Latency,
    LimitData,
    RewriteClose,
    Slicer,
    Timeout,
)
from wslab.net.close_bodies import read_close
from wslab.net.frames import encode_frame
from wslab.net.relay.passing_frames import PassingFrame
from wslab.net.relay.spotting import Unit

PIECES_PER_S = 20
"""A bandwidth lets bytes pass in so many pieces."""

F = TypeVar("F", bound=Fault)


class Bent(NamedTuple):
    """What goes out in place of a unit.

    Fields:
        end: the connection ends after it, with a reset (True) or without (False); None: it goes on.
    """

    raw: bytes
    end: bool | None = None


class Bending:
    """The faults that are switched on for one direction. They change nothing until they are asked."""

    def __init__(self, sender: Side, rng: Random) -> None:
        self._sender: Side = sender
        self._rng = rng
        self._faults: dict[str, Fault] = {}
        self._left_bytes: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._faults)

    def add(self, label: str, fault: Fault) -> None:
        self._faults[label] = fault
        if isinstance(fault, LimitData):
            self._left_bytes[label] = fault.limit_bytes

    def remove(self, label: str) -> None:
        self._faults.pop(label, None)
        self._left_bytes.pop(label, None)

    def first(self, kind: type[F]) -> F | None:
        """Return the fault of this kind that was added first."""
        return next((fault for fault in self._faults.values() if isinstance(fault, kind)), None)

    @property
    def is_silent(self) -> bool:
        """Whether nothing may pass, not even the end."""
        return self.first(Timeout) is not None

    def delay_s(self) -> float:
        """Draw how long the next bytes are held back."""
        latency = self.first(Latency)
        if latency is None:
            return 0.0
        return max(0.0, latency.latency_s + self._rng.uniform(-latency.jitter_s, latency.jitter_s))

    def bent(self, unit: Unit) -> Bent:
        """Return what goes out in place of a unit, and note its fate."""
        out = self._by_frame(unit)
        if not self._left_bytes:
            return out
        left_bytes = min(self._left_bytes.values())
        for label in self._left_bytes:
            self._left_bytes[label] -= min(len(out.raw), self._left_bytes[label])
        if left_bytes > len(out.raw):
            return out
        if unit.seen is not None and left_bytes < len(out.raw):
            unit.seen.fate = "cut"
        return Bent(out.raw[:left_bytes], end=False)

    def _by_frame(self, unit: Unit) -> Bent:
        seen = unit.seen
        if self.is_silent:
            return _dropped(seen)
        if seen is None:
            return Bent(unit.raw)
        cut = self.first(Cut)
        if cut is not None and not seen.is_control and seen.payload_bytes > cut.after_bytes:
            return _cut(unit, seen, cut)
        if unit.whole and seen.opcode == Opcode.PONG and self.first(HoldPongs):
            return _dropped(seen)
        if unit.whole and seen.opcode == Opcode.CLOSE:
            return self._close(unit, seen)
        return Bent(unit.raw)

    def _close(self, unit: Unit, seen: PassingFrame) -> Bent:
        if self.first(DropClose):
            return _dropped(seen)
        rewrite = self.first(RewriteClose)
        if rewrite is None or (rewrite.only is not None and rewrite.only != read_close(seen.preview).code):
            return Bent(unit.raw)
        reason = seen.preview[2:] if rewrite.reason is None else rewrite.reason.encode()
        payload = b"" if rewrite.code == 1005 else rewrite.code.to_bytes(2, "big") + reason
        seen.replace_payload(payload)
        seen.fate = "rewritten"
        return Bent(encode_frame(Opcode.CLOSE, payload, sender=self._sender))

    def pieces(self, raw: bytes) -> Iterator[tuple[bytes, float, float]]:
        """Yield the pieces in which bytes go out, each with the seconds to wait before it and after it."""
        bandwidth, slicer = self.first(Bandwidth), self.first(Slicer)
        at = 0
        while at < len(raw):
            size, before_s, after_s = len(raw), 0.0, 0.0
            if bandwidth is not None:
                size = max(1, int(bandwidth.bytes_per_s / PIECES_PER_S))
            if slicer is not None:
                varied = self._rng.randint(-slicer.variation_bytes, slicer.variation_bytes)
                size, after_s = min(size, slicer.average_bytes + varied), slicer.delay_s
            piece = raw[at : at + size]
            if bandwidth is not None:
                before_s = len(piece) / bandwidth.bytes_per_s
            yield piece, before_s, after_s
            at += size


def _dropped(seen: PassingFrame | None) -> Bent:
    if seen is not None:
        seen.fate = "dropped"
    return Bent(b"")


def _cut(unit: Unit, seen: PassingFrame, cut: Cut) -> Bent:
    keep = unit.payload_at + max(0, cut.after_bytes - unit.start_bytes)
    if keep >= len(unit.raw):
        return Bent(unit.raw)
    seen.fate = "cut"
    return Bent(unit.raw[:keep], end=cut.reset)
