"""The body of a close frame (RFC 6455 §5.5.1), read, even if invalid, and written. No I/O."""

from __future__ import annotations

from typing import NamedTuple

from wslab.core.bounds import MAX_REASON_BYTES
from wslab.core.codes.registry import lookup
from wslab.core.errors import BadValueError
from wslab.core.records import Close
from wslab.net.frames import FrameError


class CloseBody(NamedTuple):
    """A close frame's payload as on the wire, and its meaning.

    Fields:
        code: 1005 if there is none (RFC 6455 §7.1.5). reason: bytes that are not UTF-8 are replaced.
        error: the rule that it breaks, with the code of the receiver's answer, 1002 or 1007; None if it is valid.
    """

    payload: bytes
    code: int
    reason: str
    error: FrameError | None

    @property
    def close(self) -> Close:
        return Close(code=self.code, reason=self.reason)

    @property
    def told_code(self) -> int:
        """The code as reported to an application: 1006 if the frame is invalid, as if none had come (§7.1.5)."""
        return 1006 if self.error else self.code

    @property
    def told_reason(self) -> str:
        return "" if self.error else self.reason


def read_close(payload: bytes) -> CloseBody:
    r"""Read the payload of a close frame, even if it breaks a rule.

    >>> read_close(b"\x03\xf1too big")[1:]
    (1009, 'too big', None)
    >>> read_close(b"\x03\xee").error
    FrameError('close code 1006, which must not be sent (RFC 6455 §7.4)')
    >>> read_close(b"\x03").error
    FrameError('a close frame with a body of one byte (RFC 6455 §5.5.1)')
    """
    if len(payload) < 2:
        one = FrameError("a close frame with a body of one byte", "RFC 6455 §5.5.1") if payload else None
        return CloseBody(payload, 1005, "", one)
    code = payload[0] << 8 | payload[1]
    error = None if lookup(code).may_be_sent else _unsendable(code)
    try:
        reason = payload[2:].decode()
    except UnicodeDecodeError:
        reason = payload[2:].decode(errors="replace")
        error = error or FrameError("a reason that is not UTF-8", "RFC 6455 §8.1", code=1007)
    return CloseBody(payload, code, reason, error)


def _unsendable(code: int) -> FrameError:
    return FrameError(f"close code {code}, which must not be sent", "RFC 6455 §7.4")


def encode_close(close: Close) -> bytes:
    """Return the payload of a close frame; for 1005 it is empty (RFC 6455 §7.1.5).

    Raises:
        ValueError: the code does not fit into two bytes, or the reason not into the rest.
    """
    reason = close.reason.encode()
    if len(reason) > MAX_REASON_BYTES:
        raise BadValueError(
            f"the reason has {len(reason)} bytes, but a close frame holds at most {MAX_REASON_BYTES}; shorten it"
        )
    if close.code == 1005 and not reason:
        return b""
    return lookup(close.code).code.to_bytes(2, "big") + reason
