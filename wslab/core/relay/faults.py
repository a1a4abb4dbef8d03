"""The faults of a relay: those of Toxiproxy by its names, and those that only a relay of WebSocket frames can do.

Each is a frozen record whose fields have their bounds; `fault_of("latency", latency_s=0.1)` makes one by its name.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from wslab.core.arguments import check_choice
from wslab.core.bounds import Bound, check_fields
from wslab.core.errors import BadValueError
from wslab.core.knobs import CloseCode, CloseReason

Direction = Literal["downstream", "upstream", "both"]
"""Toxiproxy's words: downstream is what the server sends to the client, upstream what the client sends."""

Seconds = Annotated[float, Bound(0, 3600, "seconds")]
Bytes = Annotated[int, Bound(0, 2**40, "bytes")]


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="fault"):
    """The base of all faults.

    Args:
        direction: what it bends; one whose effect is not of a direction ignores it.
        toxicity: the share of connections that it befalls, drawn once for each.
    """

    direction: Direction = "downstream"
    toxicity: Annotated[float, Bound(0, 1, "(a share)")] = 1.0

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def name(self) -> str:
        return str(self.__struct_config__.tag)


class Latency(Fault, frozen=True, kw_only=True, tag="latency"):
    """Delay all data by `latency_s`, and by up to `jitter_s` more or less, in order.

    Args:
        latency_s: how long.
        jitter_s: drawn evenly for each piece.
    """

    latency_s: Seconds = 0.1
    jitter_s: Seconds = 0.0


class Bandwidth(Fault, frozen=True, kw_only=True, tag="bandwidth"):
    """Let so many bytes pass per second.

    Args:
        bytes_per_s: on the wire, frame headers included.
    """

    bytes_per_s: Annotated[float, Bound(1, 1e12, "bytes per second")] = 100_000.0


class SlowClose(Fault, frozen=True, kw_only=True, tag="slow_close"):
    """Pass the end of TCP on only after a while.

    Args:
        delay_s: how long.
    """

    delay_s: Seconds = 1.0


class Timeout(Fault, frozen=True, kw_only=True, tag="timeout"):
    """Let nothing pass, and end the connection after a while.

    Args:
        timeout_s: how long. 0: it is never ended.
    """

    timeout_s: Seconds = 0.0


class ResetPeer(Fault, frozen=True, kw_only=True, tag="reset_peer"):
    """Reset the connection on both sides (RST), after a while.

    Args:
        timeout_s: how long. 0: at once.
    """

    timeout_s: Seconds = 0.0


class Slicer(Fault, frozen=True, kw_only=True, tag="slicer"):
    """Cut data into small pieces, with a pause behind each.

    Args:
        average_bytes: of a piece.
        variation_bytes: more or less, drawn evenly; below `average_bytes`.
        delay_s: the pause.
    """

    average_bytes: Annotated[int, Bound(1, 2**20, "bytes")] = 64
    variation_bytes: Annotated[int, Bound(0, 2**20, "bytes")] = 0
    delay_s: Seconds = 0.001

    def __post_init__(self) -> None:
        check_fields(self)
        if self.variation_bytes >= self.average_bytes:
            raise BadValueError(
                f"variation_bytes is {self.variation_bytes:,}, but must be below average_bytes, {self.average_bytes:,}"
            )


class LimitData(Fault, frozen=True, kw_only=True, tag="limit_data"):
    """End the connection once so many bytes have passed.

    Args:
        limit_bytes: on the wire since the fault befell the connection, the handshake's included.
    """

    limit_bytes: Bytes = 1_000_000


class Down(Fault, frozen=True, kw_only=True, tag="down"):
    """Close the listener and end all connections, as when the relay were not there. Befalls all."""


class SendClose(Fault, frozen=True, kw_only=True, tag="send_close"):
    """Send a close frame of the relay's own: downstream to the client, upstream to the server; what passes goes on.

    Args:
        code: 1005 sends an empty close frame, 1006 none, but ends TCP.
        reason: at most 123 bytes.
        after_s: how long after the fault was added or, later, the connection opened.
    """

    code: CloseCode = 1012
    reason: CloseReason = ""
    after_s: Seconds = 0.0


class DropClose(Fault, frozen=True, kw_only=True, tag="drop_close"):
    """Let no close frame pass: the side that waits for it is told 1006 in the end."""


class RewriteClose(Fault, frozen=True, kw_only=True, tag="rewrite_close"):
    """Give close frames another code.

    Args:
        code: the new one; 1005 leaves the frame empty.
        reason: the new one. None: it stays.
        only: the code that is rewritten. None: every one.
    """

    code: Annotated[int, Bound(0, 65_535, "(a close code, also an invalid one)")] = 1011
    reason: CloseReason | None = None
    only: Annotated[int, Bound(0, 65_535, "(a close code)", none="every one")] | None = None


class Cut(Fault, frozen=True, kw_only=True, tag="cut"):
    """End TCP in the middle of a data frame's payload.

    Args:
        after_bytes: of the payload pass; a frame with no more than that passes whole.
        reset: with RST, and not with FIN.
    """

    after_bytes: Bytes = 1
    reset: bool = False


class HoldPongs(Fault, frozen=True, kw_only=True, tag="hold_pongs"):
    """Let no pong pass: the side that pings times out. Those that were held are dropped."""


class Unavailable(Fault, frozen=True, kw_only=True, tag="unavailable"):
    """Answer opening handshakes in the server's place, which hears of none.

    Args:
        status: the answer's.
        retry_after_s: its Retry-After header, whole seconds. None: no such header.
    """

    status: Annotated[int, Bound(400, 599, "(an HTTP status)")] = 503
    retry_after_s: Annotated[int, Bound(0, 31_536_000, "seconds", none="no such header")] | None = None


KINDS: dict[str, type[Fault]] = {
    str(kind.__struct_config__.tag): kind
    for kind in (
        *(Latency, Bandwidth, SlowClose, Timeout, ResetPeer, Slicer, LimitData, Down),
        *(SendClose, DropClose, RewriteClose, Cut, HoldPongs, Unavailable),
    )
}
"""Every fault by its name."""


def fault_of(name: str, **settings: Any) -> Fault:
    """Return the fault of this name.

    Raises:
        TypeError, ValueError: there is none, or a setting is unknown or out of its bounds.

    >>> fault_of("latensy")
    Traceback (most recent call last):
    ...
    wslab.core.errors.BadValueError: fault is 'latensy'; did you mean 'latency'? Known: 'latency', 'bandwidth', \
'slow_close', 'timeout', 'reset_peer', 'slicer', 'limit_data', 'down', 'send_close', 'drop_close', 'rewrite_close', \
'cut', 'hold_pongs', 'unavailable'
    """
    check_choice("fault", name, KINDS)
    for setting in settings:
        check_choice(f"setting of {name}", setting, KINDS[name].__struct_fields__)
    return KINDS[name](**settings)
