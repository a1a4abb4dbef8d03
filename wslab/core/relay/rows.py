"""What a person reads of the records of a relay: a row for each, the same in a terminal and in a panel."""

from __future__ import annotations

from typing import NamedTuple

from wslab.core.printable import printable
from wslab.core.records import Attempt, Closure, Frame, Injection, Record

ARROWS = {"client": "→", "server": "←"}
"""By who sent it: to the right towards the server."""


class PassingRow(NamedTuple):
    """One record as text; a cell that does not apply to it is empty.

    Fields:
        time: in seconds since the relay began. bits: of the frame's header that are set.
        fate: of a frame that did not pass as it came. words: a payload's beginning; of a close frame, code and reason.
    """

    time: str
    client: str = ""
    arrow: str = ""
    opcode: str = ""
    bits: str = ""
    length: str = ""
    fate: str = ""
    words: str = ""


def row_of(record: Record) -> PassingRow | None:
    """Return the row of a record, safe to show; None for a record of a kind that a relay does not make."""
    match record:
        case Frame():
            return _frame(record)
        case Attempt():
            answer = f"{record.http_status or record.outcome} {printable(record.error or '')}"
            return PassingRow(_time(record.ended_at_s), f"#{record.client}", words=answer.rstrip())
        case Closure():
            ended = f"ended: {record.close_code} {printable(record.close_reason)}"
            return PassingRow(_time(record.closed_at_s), f"#{record.client}", words=ended.rstrip())
        case Injection():
            return PassingRow(_time(record.at_s), words=f"{'+' if record.on else '-'} {record.label}")
    return None


def _frame(frame: Frame) -> PassingRow:
    bits = " ".join(name for name, on in (("FIN", frame.final), ("RSV1", frame.rsv1), ("mask", frame.masked)) if on)
    code = "" if frame.close_code is None else f"{frame.close_code} "
    return PassingRow(
        _time(frame.at_s),
        f"#{frame.client}",
        ARROWS[frame.sent_by],
        frame.opcode,
        bits,
        f"{frame.payload_bytes:,} B",
        "" if frame.fate == "passed" else frame.fate,
        (code + printable(frame.preview)).rstrip(),
    )


def _time(time_s: float) -> str:
    return f"{time_s:.3f}"
