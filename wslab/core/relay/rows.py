"""A relay's records as rows to read, the same in a terminal and in a panel."""

from __future__ import annotations

from typing import NamedTuple

from wslab.core.printable import printable
from wslab.core.records import Attempt, Closure, Frame, Injection, Record

ARROWS = {"client": "→", "server": "←"}
"""By sender: what goes to the server points right."""

TCP_ENDS = {
    "fin": "the target ended TCP without a close frame",
    "reset": "the target reset TCP",
    "aborted": "the client ended TCP without a close frame",
    "unseen": "",
}


class PassingRow(NamedTuple):
    """One record as text; cells that do not apply are empty.

    Fields:
        time: in seconds since the relay began. bits: those set in the frame's header.
        fate: of a frame that did not pass as it came. words: the beginning of a payload; a close frame's code and
            reason; of anything but a frame, what happened.
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
    """Return a record's row, safe to show; None for a kind that no relay makes."""
    match record:
        case Frame():
            return _frame(record)
        case Attempt():
            answer = f"{record.http_status or record.outcome} {printable(record.error or '')}"
            return PassingRow(_time(record.ended_at_s), f"#{record.client}", words=answer.rstrip())
        case Closure():
            return PassingRow(_time(record.closed_at_s), f"#{record.client}", words=_ended(record))
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


def _ended(closure: Closure) -> str:
    without_close = "" if closure.received or closure.sent else TCP_ENDS[closure.tcp_end]
    why = closure.bound or closure.send_error or without_close
    ended = f"ended: {closure.close_code} {printable(closure.close_reason)}".rstrip()
    return f"{ended} ({printable(why)})" if why else ended


def _time(time_s: float) -> str:
    return f"{time_s:.3f}"
