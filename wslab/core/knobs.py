"""What a user may turn on a lab server: one frozen record, checked when it is made.

Knobs say how the server is to behave; nothing here starts or changes one (see `wslab.net.server.lab_server`).
"""

from __future__ import annotations

from typing import Any, Literal, get_args

import msgspec

from wslab.core.arguments import check_choice, check_flag, check_number, check_type, check_whole
from wslab.core.errors import BadValueError

MIB = 2**20
MAX_LIMIT_BYTES = 2**30
"""No limit knob goes higher: beyond it a lab on a laptop tests the laptop's memory, not the limit."""

AfterRefusal = Literal["drain", "reset", "hold"]
WhileDown = Literal["refuse", "unavailable", "try_again_later", "flap", "hang"]

RESTART_CODES = (1000, 1001, 1005, 1006, 1008, 1011, 1012, 1013)


class Knobs(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The parameters of a lab server. Use `msgspec.structs.replace(knobs, …)` for a changed copy.

    Args:
        max_message_bytes: largest message accepted, after reassembly and inflation, inclusive. None: no limit.
            The default is that of the `websockets` library, 1 MiB.
        max_frame_bytes: largest payload of one frame, inclusive. None: no limit of its own.
        compression: whether permessage-deflate (RFC 7692) is offered.
        reply: "echo" sends each message back, "sink" sends nothing, a number sends that many bytes, so that
            the *client's* limit can be met too.
        after_refusal: what follows the close frame of a refused message. "drain" reads on and then ends the
            connection; "reset" closes TCP with unread data, which the kernel answers with RST; "hold" keeps
            TCP open without reading on.
        restart_code: what a graceful restart tells its clients. 1005 sends a close frame without a code, 1006
            ends TCP without a close frame (RFC 6455 §7.1.5), every other code is sent as it is.
        restart_reason: the close frame's reason, at most 123 bytes of UTF-8 (RFC 6455 §5.5).
        drain_s: seconds over which a graceful restart spreads its closures. 0: all at once.
        drain_batch: connections closed together within `drain_s`. None: one at a time, evenly spread.
        downtime_s: seconds from listener closed to listening again.
        while_down: what an opening handshake meets during the downtime: "refuse" (nobody listens: TCP RST),
            "unavailable" (HTTP 503), "try_again_later" (opened, then closed with 1013), "flap" (opened, then closed
            with `restart_code`, as by a server that comes up only to go down again), "hang" (no answer).
        comes_back: False for a restart that is never over: whatever `downtime_s` says, it stays down.
        retry_after_s: the Retry-After header of the 503, whole seconds. None: no such header.
        max_admissions_per_s: opening handshakes answered per second, the others wait their turn. None: no limit.
        ping_interval_s: seconds between the server's keepalive pings. None: no pings.
        ping_timeout_s: seconds to wait for the pong before the server closes with 1011. None: for ever.
        close_timeout_s: seconds that a closing handshake may take before TCP is ended.

    Raises:
        TypeError, ValueError: a knob is of the wrong kind or out of its bounds; the message says which.

    >>> Knobs(max_message_bytes=-1)
    Traceback (most recent call last):
    ...
    wslab.core.errors.BadValueError: max_message_bytes is -1, but must be between 1 and 1,073,741,824 bytes; None \
means no limit
    """

    max_message_bytes: int | None = MIB
    max_frame_bytes: int | None = None
    compression: bool = False
    reply: Literal["echo", "sink"] | int = "echo"
    after_refusal: AfterRefusal = "drain"
    restart_code: int = 1012
    restart_reason: str = "service restart"
    drain_s: float = 0.0
    drain_batch: int | None = None
    downtime_s: float = 0.5
    while_down: WhileDown = "refuse"
    comes_back: bool = True
    retry_after_s: int | None = None
    max_admissions_per_s: float | None = None
    ping_interval_s: float | None = 20.0
    ping_timeout_s: float | None = 20.0
    close_timeout_s: float = 10.0

    def __post_init__(self) -> None:
        for name in ("max_message_bytes", "max_frame_bytes"):
            check_whole(
                name,
                getattr(self, name),
                low=1,
                high=MAX_LIMIT_BYTES,
                unit="bytes",
                hint="None means no limit",
                optional=True,
            )
        for name in ("compression", "comes_back"):
            check_flag(name, getattr(self, name))
        self._check_reply()
        self._check_restart()
        check_choice("after_refusal", self.after_refusal, get_args(AfterRefusal))
        check_number(
            "max_admissions_per_s",
            self.max_admissions_per_s,
            low=0.1,
            high=1e6,
            unit="per second",
            hint="None means no limit",
            optional=True,
        )
        for name in ("ping_interval_s", "ping_timeout_s"):
            check_number(name, getattr(self, name), low=0.01, high=3600, unit="seconds", optional=True)
        check_number("close_timeout_s", self.close_timeout_s, low=0.01, high=60, unit="seconds")

    def _check_reply(self) -> None:
        if isinstance(self.reply, str):
            check_choice("reply", self.reply, ["echo", "sink"])
        else:
            check_whole("reply", self.reply, low=0, high=MAX_LIMIT_BYTES, unit="bytes")

    def _check_restart(self) -> None:
        if self.restart_code not in RESTART_CODES and not 3000 <= self.restart_code <= 4999:
            known = ", ".join(map(str, RESTART_CODES))
            raise BadValueError(
                f"restart_code is {self.restart_code!r}, but must be one of {known}, or 3000 to 4999: "
                "1005 sends an empty close frame, 1006 none at all"
            )
        reason_bytes = len(self.restart_reason.encode())
        if reason_bytes > 123:
            raise BadValueError(
                f"restart_reason takes {reason_bytes} bytes, but a close reason has at most 123 bytes "
                "(RFC 6455 §5.5); shorten it"
            )
        check_number("drain_s", self.drain_s, low=0, high=600, unit="seconds")
        check_whole("drain_batch", self.drain_batch, low=1, high=100_000, unit="connections", optional=True)
        check_number("downtime_s", self.downtime_s, low=0, high=600, unit="seconds")
        check_choice("while_down", self.while_down, get_args(WhileDown))
        check_whole("retry_after_s", self.retry_after_s, low=0, high=3600, unit="seconds", optional=True)


def changed(knobs: Knobs, changes: dict[str, Any]) -> Knobs:
    """Return a copy of `knobs` with `changes`; ValueError with the nearest names for one that does not exist."""
    check_type("knobs", knobs, Knobs, "Knobs; write single knobs by name, such as max_message_bytes=1024")
    for name in changes:
        check_choice("knob", name, Knobs.__struct_fields__)
    return msgspec.structs.replace(knobs, **changes)
