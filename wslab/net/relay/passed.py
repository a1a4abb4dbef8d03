"""Frames that have passed a relay, and the records that are made of them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from websockets.frames import Opcode

from wslab.core.records import Frame, Side
from wslab.net.close_bodies import read_close
from wslab.net.relay.previews import shown
from wslab.net.relay.spotting import PassingFrame

NAMES = {int(opcode): opcode.name.lower() for opcode in Opcode}


class Passed(NamedTuple):
    """Frames that have passed. Of thousands in a second records are made only when somebody wants them."""

    client: int
    connection_id: str | None
    sender: Side
    seen: list[PassingFrame]

    def records(self) -> Iterator[Frame]:
        """Yield what is kept of them."""
        return map(self._record, self.seen)

    def _record(self, seen: PassingFrame) -> Frame:
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
