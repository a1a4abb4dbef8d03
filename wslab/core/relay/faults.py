"""The faults of a relay: Toxiproxy's, by its names, and those that only a relay of WebSocket frames can cause.

Each is a frozen record with bounds for its fields; `fault_of("latency", latency_s=0.1)` makes one by name.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

from wslab.core.arguments import check_choice
from wslab.core.bounds import Bound, check_fields
from wslab.core.errors import BadValueError
from wslab.core.knobs import CloseCode, CloseReason

Direction = Literal["downstream", "upstream", "both"]
"""Toxiproxy's words: downstream is from server to client, upstream from client to server."""

Seconds = Annotated[float, Bound(0, 3600, "seconds")]
Bytes = Annotated[int, Bound(0, 2**40, "bytes")]


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="fault"):
    """The base of all faults.

    Args:
        direction: the direction that it affects; faults without a direction ignore it.
        toxicity: the share of connections affected, drawn once per connection.
    """

    direction: Direction = "downstream"
    toxicity: Annotated[float, Bound(0, 1, "(a share)")] = 1.0

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def name(self) -> str:
        return str(self.__struct_config__.tag)


class Latency(Fault, frozen=True, kw_only=True, tag="latency"):
    """Delay all data by `latency_s`, plus or minus up to `jitter_s`, in order.

    Args:
        latency_s: the delay.
        jitter_s: drawn evenly for each piece of data.
    """

    latency_s: Seconds = 0.1
    jitter_s: Seconds = 0.0


class Bandwidth(Fault, frozen=True, kw_only=True, tag="bandwidth"):
    """Limit the throughput to `bytes_per_s`.

    Args:
        bytes_per_s: on the wire, including frame headers.
    """

    bytes_per_s: Annotated[float, Bound(1, 1e12, "bytes per second")] = 100_000.0


class SlowClose(Fault, frozen=True, kw_only=True, tag="slow_close"):
    """Delay the end of TCP.

    Args:
        delay_s: the delay.
    """

    delay_s: Seconds = 1.0


class Timeout(Fault, frozen=True, kw_only=True, tag="timeout"):
    """Let nothing pass, and end the connection after `timeout_s`.

    Args:
        timeout_s: seconds until the end. 0: it is never ended.
    """

    timeout_s: Seconds = 0.0


class ResetPeer(Fault, frozen=True, kw_only=True, tag="reset_peer"):
    """Reset the connection on both sides (RST) after `timeout_s`.

    Args:
        timeout_s: seconds until the reset. 0: at once.
    """

    timeout_s: Seconds = 0.0


class Slicer(Fault, frozen=True, kw_only=True, tag="slicer"):
    """Cut data into small pieces, with a pause after each.

    Args:
        average_bytes: average size of a piece.
        variation_bytes: deviation, drawn evenly; below `average_bytes`.
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
    """End the connection once `limit_bytes` have passed.

    Args:
        limit_bytes: on the wire since the fault began, including the handshake.
    """

    limit_bytes: Bytes = 1_000_000


class Down(Fault, frozen=True, kw_only=True, tag="down"):
    """Close the listener and end all connections, as if the relay were not there."""


class SendClose(Fault, frozen=True, kw_only=True, tag="send_close"):
    """Insert a close frame: downstream to the client, upstream to the server. Other frames still pass.

    Args:
        code: 1005 sends an empty close frame; 1006 sends none and ends TCP.
        reason: at most 123 bytes.
        after_s: seconds since the fault was added or, if later, the connection opened.
    """

    code: CloseCode = 1012
    reason: CloseReason = ""
    after_s: Seconds = 0.0


class DropClose(Fault, frozen=True, kw_only=True, tag="drop_close"):
    """Drop close frames: the side that waits for one sees 1006 in the end."""


class RewriteClose(Fault, frozen=True, kw_only=True, tag="rewrite_close"):
    """Replace the code of close frames.

    Args:
        code: the new code; 1005 leaves the frame empty.
        reason: the new reason. None: the old one stays.
        only: rewrite this code only. None: every code.
    """

    code: Annotated[int, Bound(0, 65_535, "(a close code, also an invalid one)")] = 1011
    reason: CloseReason | None = None
    only: Annotated[int, Bound(0, 65_535, "(a close code)", none="every one")] | None = None


class Cut(Fault, frozen=True, kw_only=True, tag="cut"):
    """End TCP in the middle of a data frame's payload.

    Args:
        after_bytes: payload bytes that pass first; a frame with no more than that passes whole.
        reset: end with RST instead of FIN.
    """

    after_bytes: Bytes = 1
    reset: bool = False


class HoldPongs(Fault, frozen=True, kw_only=True, tag="hold_pongs"):
    """Drop pongs: the side that pings times out."""


class Unavailable(Fault, frozen=True, kw_only=True, tag="unavailable"):
    """Answer opening handshakes in place of the server, which sees none of them.

    Args:
        status: HTTP status of the answer.
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
        TypeError, ValueError: there is none, or a setting is unknown or out of bounds.

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
