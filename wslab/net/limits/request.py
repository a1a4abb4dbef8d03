"""What to probe and how far, checked at the call before anything is sent; and how much that may take of a server."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass

from wslab.core.arguments import check_flag, check_number, check_whole
from wslab.core.errors import BadTypeError, BadValueError
from wslab.core.limits.contents import Contents, Filled, Templated
from wslab.core.limits.search import DEFAULT_CAP_BYTES
from wslab.core.target import Target, as_target

MAX_CAP_BYTES = 2**30


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """The arguments of `find_limit`.

    Fields:
        target: what to probe: a URL, or all that it takes to reach it and to be understood there.
        cap_bytes: try no larger message than this plus one byte, 2 to 1,073,741,824.
        configured_bytes: the limit that the server is said to have, 1 to `cap_bytes`: it is tried first, and
            compared with what is found. None: not known.
        filler: the one ASCII character that messages consist of, where the target has no template; "4" makes each an
            engine.io message.
        hold_s: how long a server that has refused a message may neither read nor end TCP, 0.1 to 60; longer is "hold".
        max_elapsed_s: the whole search ends after that, 1 to 86,400.
        again_after_s: how long to wait before the limit is tried once more, as one that follows load or time may have
            moved by then; 0 to `max_elapsed_s`, of which it is a part.
        keep_replies: whether the verdict may quote what the server answers.

    Raises:
        TypeError, ValueError: an argument is out of its bounds, or the host is neither this machine nor allowed.
    """

    target: Target | str
    _: KW_ONLY
    cap_bytes: int = DEFAULT_CAP_BYTES
    configured_bytes: int | None = None
    filler: str = "a"
    hold_s: float = 2.0
    max_elapsed_s: float = 300.0
    again_after_s: float = 0.0
    keep_replies: bool = True

    def __post_init__(self) -> None:
        target = as_target(self.target)
        object.__setattr__(self, "target", target)
        target.check_permission()
        check_whole("cap_bytes", self.cap_bytes, low=2, high=MAX_CAP_BYTES, unit="bytes")
        check_whole(
            "configured_bytes",
            self.configured_bytes,
            low=1,
            high=self.cap_bytes,
            unit="bytes",
            hint="raise cap_bytes to look further",
            optional=True,
        )
        check_number("hold_s", self.hold_s, low=0.1, high=60, unit="seconds")
        check_number("max_elapsed_s", self.max_elapsed_s, low=1, high=86_400, unit="seconds")
        check_number("again_after_s", self.again_after_s, low=0, high=self.max_elapsed_s, unit="seconds")
        check_flag("keep_replies", self.keep_replies)
        self._check_messages(target)

    def _check_messages(self, target: Target) -> None:
        if not isinstance(self.filler, str):
            raise BadTypeError(f"filler is {self.filler!r}, but must be one ASCII character that fills every message")
        if not (len(self.filler) == 1 and self.filler.isascii()):
            raise BadValueError(f"filler is {self.filler!r}, but must be one ASCII character that fills every message")
        smallest = target.messages.min_bytes if target.messages else 1
        if smallest >= self.cap_bytes:
            raise BadValueError(
                f"the template's smallest message has {smallest:,} bytes, but cap_bytes is {self.cap_bytes:,}: raise it"
            )

    @property
    def to(self) -> Target:
        """The target, whatever it was described by."""
        return as_target(self.target)

    @property
    def contents(self) -> Contents:
        template = self.to.messages
        return Filled(self.filler) if template is None else Templated(template)

    @property
    def bounds(self) -> ProbeBounds:
        return bounds_for(self.to, self.cap_bytes, self.max_elapsed_s)


@dataclass(frozen=True, slots=True)
class ProbeBounds:
    """How much a whole search may take.

    Fields:
        bytes_per_s: on average while sending. open_interval_s: from one opening of a connection to the next.
        max_sent_bytes, max_received_bytes, max_connections, max_messages, max_elapsed_s: of the whole search.
    """

    bytes_per_s: float
    open_interval_s: float
    max_sent_bytes: int
    max_received_bytes: int
    max_connections: int
    max_messages: int
    max_elapsed_s: float


def bounds_for(target: Target, cap_bytes: int, max_elapsed_s: float) -> ProbeBounds:
    """Return the bounds for this host: roomy on this machine, narrow on any other.

    To receive, an echo of everything and some greetings are allowed, and as much again: more is a flood.

    >>> other = Target("ws://example.org/", allow_hosts=["example.org"])
    >>> bounds_for(other, 2**20, 60).open_interval_s > bounds_for(Target("ws://[::1]/"), 2**20, 60).open_interval_s
    True
    """
    if target.is_this_machine:
        sent_bytes = 32 * cap_bytes
        return ProbeBounds(math.inf, 0.0, sent_bytes + 2**27, 2 * max(sent_bytes, 2**20), 512, 20_000, max_elapsed_s)
    sent_bytes = 6 * cap_bytes
    return ProbeBounds(2**22, 0.1, sent_bytes + 2**22, 2 * max(sent_bytes, 2**20), 96, 2_000, max_elapsed_s)
